//! Workers that hold tasks, and from which nothing is heard any more.

use std::time::Duration;

use redis::Value;

use super::keys::GROUP;
use super::of_job::OfJob;
use super::reply;
use crate::job::Class;
use crate::queue::{LostWorker, QueueError};

/// A worker that was silent for this long may be lost: it announces itself every second.
const SILENT: Duration = Duration::from_secs(6);

/// Those that hold tasks of `job`.
pub async fn lost(job: &OfJob) -> Result<Vec<LostWorker>, QueueError> {
    let workers = job.shared.workers().await?;
    let silent: Vec<_> = workers.into_iter().filter(|worker| worker.ago > SILENT).collect();
    if silent.is_empty() {
        return Ok(Vec::new());
    }

    let keys = &job.keys;
    let mut streams: Vec<String> =
        Class::ALL.iter().map(|class| keys.stream(*class, None)).collect();
    streams.extend(silent.iter().map(|worker| keys.stream(Class::Render, Some(&worker.info.id))));

    let mut held: Vec<(String, u64)> = Vec::new();
    for stream in streams {
        let mut command = redis::cmd("XPENDING");
        command.arg(stream).arg(GROUP);

        // A stream or a group that is not there holds nothing.
        if let Ok(answer) = job.shared.pulse.request(&command).await {
            held.extend(by_consumer(&answer).unwrap_or_default());
        }
    }

    let lost = silent.into_iter().filter_map(|worker| {
        let of_it = held.iter().filter(|(consumer, _)| *consumer == worker.info.id);
        let tasks: u64 = of_it.map(|(_, tasks)| tasks).sum();
        let left = job.shared.config.lease.saturating_sub(worker.ago);
        (tasks > 0).then_some(LostWorker {
            worker: worker.info.id,
            silent: worker.ago,
            tasks,
            left,
        })
    });

    Ok(lost.collect())
}

/// How many entries are with which consumer, of the summary that XPENDING gives.
fn by_consumer(answer: &Value) -> Option<Vec<(String, u64)>> {
    let [_, _, _, consumers] = reply::items(answer)?;
    let one = |consumer: &Value| {
        let [name, count] = reply::items(consumer)?;
        Some((reply::text(name)?.into(), reply::text(count)?.parse().ok()?))
    };

    Some(reply::list(consumers)?.iter().filter_map(one).collect())
}
