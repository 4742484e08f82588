//! The past of tasks that were not done at once: asked for, noted, and handed on. Tasks that go well
//! call nothing of it.

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

/// A worker whose lease was taken over, and that is silent for this long, has vanished: one that is
/// there announces itself every second.
const SILENT: Duration = Duration::from_secs(7);

pub async fn past(
    shared: &Shared,
    lease: &Lease,
    previous: Option<&WorkerId>,
) -> Result<Known, QueueError> {
    let Some(token) = Token::of(lease) else { return Ok(Known::default()) };

    let keys = shared.keys.job(lease.task.job);
    let call = Call::new(&PAST)
        .key(&keys.past)
        .key(&keys.tasks)
        .key(shared.keys.seen())
        .argument(task_field(&lease.task))
        .argument(token.hold)
        .argument(previous.map_or("", |worker| &worker.0))
        .argument(SILENT.as_millis())
        .argument(TTL.as_millis());

    let answer = shared.pulse.call(&call).await?;
    read(&answer).ok_or_else(|| unexpected("past", &answer))
}

fn read(answer: &Value) -> Option<Known> {
    let [noted, undecided, vanished] = reply::items(answer)?;
    let noted = reply::bytes(noted)?;

    let past = match wire::decode::<Past>(noted) {
        Ok(past) => past,
        Err(error) => {
            if !noted.is_empty() {
                warn!(%error, "what was noted of a task cannot be read");
            }
            Past::default()
        }
    };

    let worker = |name: &Value| reply::text(name).map(|name| WorkerId(name.into()));
    let vanished = reply::list(vanished)?.iter().map(worker).collect::<Option<_>>()?;
    let undecided = usize::try_from(reply::count(undecided)?).ok()?;
    Some(Known { past, vanished, undecided })
}

pub async fn note(shared: &Shared, lease: &Lease, past: &Past) -> Result<bool, QueueError> {
    let Some(token) = Token::of(lease) else { return Ok(false) };

    let keys = shared.keys.job(lease.task.job);
    let mut call = Call::new(&NOTE)
        .key(&keys.past)
        .key(&keys.tasks)
        .argument(task_field(&lease.task))
        .argument(token.hold);

    call.push(wire::encode(past));
    let answer = shared.pulse.call(&call.argument(TTL.as_millis())).await?;
    reply::expect_flag("note", &answer)
}

pub async fn give_back(shared: &Shared, lease: &Lease, past: &Past) -> Result<(), QueueError> {
    let Some(token) = Token::of(lease) else { return Ok(()) };

    let keys = shared.keys.job(lease.task.job);
    let addressee = token.own.then(|| token.consumer());
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
        .argument(&token.hold);

    call.push(wire::encode(past));
    // A stale lease is no error.
    reply::expect_flag("give_back", &shared.pulse.call(&call).await?).map(|_| ())
}

/// Drops what was noted of a finished task; should that fail, it goes with the job.
pub async fn forget(shared: &Shared, task: &TaskId) {
    let keys = shared.keys.job(task.job);
    let mut command = redis::cmd("HDEL");
    command.arg(&keys.past).arg(&past_fields(task));

    if let Err(error) = shared.pulse.request(&command).await {
        debug!(%error, "could not drop what was noted of a finished task");
    }
}
