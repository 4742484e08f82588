//! Finds workers that hold tasks and are silent.

use std::time::Duration;

use redis::Value;

use super::keys::GROUP;
use super::of_job::OfJob;
use super::reply;
use crate::job::Class;
use crate::queue::{LostWorker, QueueError};

/// A worker may be lost after this silence: a living one announces itself every second.
const SILENT: Duration = Duration::from_secs(6);

/// The workers that hold tasks of `job` and may be lost.
pub async fn lost(job: &OfJob) -> Result<Vec<LostWorker>, QueueError> {
    let workers = job.shared.workers().await?;
    let silent: Vec<_> = workers.into_iter().filter(|worker| worker.ago > SILENT).collect();
    // Nearly always: saves the questions below.
    if silent.is_empty() {
        return Ok(Vec::new());
    }

    let keys = &job.keys;
    // A silent worker may hold tasks for all, and tasks addressed to it.
    let mut streams: Vec<String> =
        Class::ALL.iter().map(|class| keys.stream(*class, None)).collect();
    streams.extend(silent.iter().map(|worker| keys.stream(Class::Render, Some(&worker.info.id))));

    let mut held: Vec<(String, u64)> = Vec::new();
    for stream in streams {
        let mut command = redis::cmd("XPENDING");
        command.arg(stream).arg(GROUP);

        // No stream or no group means no leases.
        if let Ok(answer) = job.shared.small.request(&command).await {
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

/// The number of pending entries of each consumer, from the summary of XPENDING.
fn by_consumer(answer: &Value) -> Option<Vec<(String, u64)>> {
    let [_, _, _, consumers] = reply::items(answer)?;
    let one = |consumer: &Value| {
        let [name, count] = reply::items(consumer)?;
        Some((reply::text(name)?.into(), reply::text(count)?.parse().ok()?))
    };

    Some(reply::list(consumers)?.iter().filter_map(one).collect())
}
