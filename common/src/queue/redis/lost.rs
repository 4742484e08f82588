//! Workers that hold tasks, and from which nothing is heard any more.

use std::time::Duration;

use redis::Value;

use super::engine::RedisQueue;
use crate::job::{Class, JobId};
use crate::queue::{LostWorker, Queue, QueueError};

/// A worker that was silent for this long may be lost: it announces itself every second.
const SILENT: Duration = Duration::from_secs(6);

/// Those that hold tasks of `job`.
pub async fn lost(queue: &RedisQueue, job: JobId) -> Result<Vec<LostWorker>, QueueError> {
    let silent: Vec<_> =
        queue.workers().await?.into_iter().filter(|worker| worker.ago > SILENT).collect();
    if silent.is_empty() {
        return Ok(Vec::new());
    }

    let keys = queue.shared.job(job);
    let mut streams: Vec<String> =
        Class::ALL.iter().map(|class| keys.stream(*class, None)).collect();
    streams.extend(silent.iter().map(|worker| keys.stream(Class::Render, Some(&worker.info.id))));

    let mut held: Vec<(String, u64)> = Vec::new();
    for stream in streams {
        let mut command = redis::cmd("XPENDING");
        command.arg(stream).arg(super::keys::GROUP);
        // A stream or a group that is not there holds nothing.
        held.extend(
            queue
                .shared
                .pulse
                .request(&command)
                .await
                .map_or_else(|_| Vec::new(), |answer| by_consumer(&answer)),
        );
    }

    let lost = silent.into_iter().filter_map(|worker| {
        let of_it = held.iter().filter(|(consumer, _)| *consumer == worker.info.id);
        let tasks: u64 = of_it.map(|(_, tasks)| tasks).sum();
        let left = queue.lease_length().saturating_sub(worker.ago);
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
fn by_consumer(answer: &Value) -> Vec<(String, u64)> {
    let Value::Array(parts) = answer else { return Vec::new() };
    let Some(Value::Array(consumers)) = parts.get(3) else { return Vec::new() };

    let one = |consumer: &Value| match consumer {
        Value::Array(pair) => match pair.as_slice() {
            [Value::BulkString(name), Value::BulkString(count)] => Some((
                String::from_utf8_lossy(name).into_owned(),
                std::str::from_utf8(count).ok()?.parse().ok()?,
            )),
            _ => None,
        },
        _ => None,
    };

    consumers.iter().filter_map(one).collect()
}
