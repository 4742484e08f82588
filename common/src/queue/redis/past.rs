//! The past of tasks that failed before: asked for, noted, and handed on. Tasks that go well cost
//! no such call.

use std::time::Duration;

use redis::Value;
use tracing::{debug, warn};

use super::fault::unexpected;
use super::keys::{TTL, past_fields, task_field};
use super::reply;
use super::scripts::{Call, GIVE_BACK, NOTE, PAST};
use super::state::Shared;
use super::token::Token;
use crate::job::{TaskId, WorkerId};
use crate::queue::{Known, Lease, Past, QueueError};
use crate::wire;

/// A worker has vanished when its lease was taken over and it has been silent for this long: a
/// living one announces itself every second.
const SILENT: Duration = Duration::from_secs(7);

/// As [`WorkQueue::past`](crate::queue::WorkQueue::past).
pub async fn past(
    shared: &Shared,
    lease: &Lease,
    previous: Option<&WorkerId>,
) -> Result<Known, QueueError> {
    // A lease that this engine did not give is stale, and has no past.
    let Some(token) = Token::of(lease) else { return Ok(Known::default()) };

    let keys = shared.keys.job(lease.task.job);
    let call = Call::new(&PAST)
        .key(&keys.past)
        .key(&keys.tasks)
        .key(shared.keys.seen())
        .argument(task_field(&lease.task))
        .argument(token.lease_id)
        .argument(previous.map_or("", |worker| &worker.0))
        .argument(SILENT.as_millis())
        .argument(TTL.as_millis());

    let answer = shared.small.call(&call).await?;
    read(&answer).ok_or_else(|| unexpected("past", &answer))
}

fn read(answer: &Value) -> Option<Known> {
    let [noted, undecided, vanished] = reply::items(answer)?;
    let noted = reply::bytes(noted)?;

    let past = match wire::decode::<Past>(noted) {
        Ok(past) => past,
        Err(error) => {
            // Most tasks have no past. A damaged one must not stop the task.
            if !noted.is_empty() {
                warn!(%error, "the past of a task cannot be read");
            }
            Past::default()
        }
    };

    let worker = |name: &Value| reply::text(name).map(|name| WorkerId(name.into()));
    let vanished = reply::list(vanished)?.iter().map(worker).collect::<Option<_>>()?;
    let undecided = usize::try_from(reply::count(undecided)?).ok()?;
    Some(Known { past, vanished, undecided })
}

/// As [`WorkQueue::note_if_held`](crate::queue::WorkQueue::note_if_held).
pub async fn note(shared: &Shared, lease: &Lease, past: &Past) -> Result<bool, QueueError> {
    let Some(token) = Token::of(lease) else { return Ok(false) };

    let keys = shared.keys.job(lease.task.job);
    let mut call = Call::new(&NOTE)
        .key(&keys.past)
        .key(&keys.tasks)
        .argument(task_field(&lease.task))
        .argument(token.lease_id);

    call.push(wire::encode(past));

    let answer = shared.small.call(&call.argument(TTL.as_millis())).await?;
    reply::expect_flag("note", &answer)
}

/// As [`WorkQueue::give_back_if_held`](crate::queue::WorkQueue::give_back_if_held).
pub async fn give_back(shared: &Shared, lease: &Lease, past: &Past) -> Result<(), QueueError> {
    let Some(token) = Token::of(lease) else { return Ok(()) };

    let keys = shared.keys.job(lease.task.job);
    let addressee = token.is_addressed.then(|| token.consumer());
    let mut call = Call::new(&GIVE_BACK)
        .key(keys.stream(lease.task.class, addressee))
        .key(&keys.tasks)
        .key(shared.keys.bell(addressee))
        .key(&keys.past)
        .argument(TTL.as_millis())
        .argument(shared.lease_ms())
        .argument(token.consumer())
        .argument(task_field(&lease.task))
        .argument(&token.entry)
        .argument(&token.lease_id);

    call.push(wire::encode(past));

    // A stale lease is no error.
    reply::expect_flag("give_back", &shared.small.call(&call).await?).map(|_| ())
}

/// Drops the past of a finished task. If that fails, it goes with the job.
pub async fn forget(shared: &Shared, task: &TaskId) {
    let keys = shared.keys.job(task.job);
    let mut command = redis::cmd("HDEL");
    command.arg(&keys.past).arg(&past_fields(task));

    if let Err(error) = shared.small.request(&command).await {
        debug!(%error, "could not drop the past of a finished task");
    }
}
