//! The audit of a job: finds tasks that the queue has lost, and tasks addressed to dead workers.

use std::collections::HashSet;

use tracing::warn;

use super::keys::{TTL, task_field};
use super::limits::MOST_ASKED;
use super::of_job::OfJob;
use super::reply;
use super::scripts::{Call, MISSING, RESCUE};
use crate::job::{Class, TaskId};
use crate::queue::QueueError;

/// A worker that was not seen for this long, and whose leases have ended, is gone: a living one
/// announces itself every second. Haste costs little: if the worker was only cut off for a while,
/// the rows in its stash are extracted again.
const SEEN: std::time::Duration = std::time::Duration::from_secs(4);

/// Those of `tasks` that the queue has lost. `shown` are the fields of tasks whose outcomes have
/// already arrived: these are not lost.
pub async fn missing(
    job: &OfJob,
    mut tasks: Vec<TaskId>,
    shown: &HashSet<&str>,
) -> Result<Vec<TaskId>, QueueError> {
    tasks.retain(|task| !shown.contains(task_field(task).as_str()));

    // In chunks, so that no script takes long.
    let mut missing = Vec::new();
    for tasks in tasks.chunks(MOST_ASKED) {
        let call = call(job, tasks);
        let answer = job.shared.small.call(&call).await?;
        let lost = reply::expect_flags("missing", &answer, tasks.len())?;
        missing.extend(tasks.iter().zip(lost).filter(|(_, lost)| *lost).map(|(task, _)| *task));
    }
    Ok(missing)
}

fn call(job: &OfJob, tasks: &[TaskId]) -> Call {
    let queue = &job.shared.keys;
    let keys = &job.keys;

    let mut call = Call::new(&MISSING)
        .key(&keys.tasks)
        .key(&keys.addressed)
        .key(&keys.outcomes)
        .key(queue.jobs())
        .key(queue.bell(None))
        .keys(&Class::ALL.map(|class| keys.stream(class, None)))
        .argument(job.id)
        .argument(&keys.base)
        .argument(TTL.as_millis())
        .argument(job.level());

    tasks.iter().for_each(|task| call.push(task_field(task)));
    call
}

/// Hands the tasks that are addressed to dead workers to all.
pub async fn rescue(job: &OfJob) -> Result<(), QueueError> {
    let shared = &job.shared;
    let keys = &job.keys;

    let call = Call::new(&RESCUE)
        .key(&keys.tasks)
        .key(&keys.addressed)
        .key(shared.keys.seen())
        .key(keys.stream(Class::Render, None))
        .key(shared.keys.bell(None))
        .argument(&keys.base)
        // Never before its leases can have ended: it may still finish these tasks.
        .argument(shared.config.lease.max(SEEN).as_millis())
        .argument(shared.lease_ms())
        .argument(TTL.as_millis());

    let moved = reply::expect_count("rescue", &shared.small.call(&call).await?)?;
    if moved > 0 {
        warn!(
            moved,
            "a worker was lost: its tasks go to others, and the rows that it held are extracted again"
        );
    }
    Ok(())
}
