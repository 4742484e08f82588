//! Taking outcomes off the queue, without losing one to a lost reply.
//!
//! An outcome is dropped only by the next call, which says that this one came through.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redis::Value;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::connect::Tries;
use super::engine::Shared;
use super::fault::{Fault, unexpected};
use super::keys::{KEEP, parse_task_field, version};
use super::scripts::{COLLECT, Call, SWEEP};
use super::supply::{BYTES_AT_ONCE, MOST_AT_ONCE};
use crate::job::{Class, JobId};
use crate::outcome::{Outcome, TaskResult};
use crate::queue::QueueError;
use crate::wire;

/// A consumer that was idle for so many sweeps, and holds nothing, is removed.
const IDLE_SWEEPS: u32 = 10;

/// What this process knows of a job whose outcomes it collects.
pub struct Collecting {
    /// One collects at a time: two would be shown the same outcomes.
    turn: tokio::sync::Mutex<()>,
    /// The outcomes that the server showed, and the caller does not have yet: an entry holds several.
    shown: Mutex<VecDeque<Shown>>,
    /// The outcomes that the caller has, and the server still keeps.
    taken: Mutex<Vec<Taken>>,
    /// Held while the server is told what was taken: a list of it is sent once.
    telling: tokio::sync::Mutex<()>,
    swept: Mutex<Instant>,
}

/// An outcome, if it could be read or replaced, and where it stood.
struct Shown {
    outcome: Option<Outcome>,
    stood: Taken,
}

/// Where an outcome stood.
#[derive(Debug, Clone)]
struct Taken {
    entry: Vec<u8>,
    /// The task's field in `tasks`; empty for news.
    field: Vec<u8>,
    /// What the field says as long as the task was not pushed again.
    token: Vec<u8>,
}

impl Default for Collecting {
    fn default() -> Self {
        Collecting {
            turn: Default::default(),
            shown: Mutex::default(),
            taken: Mutex::default(),
            telling: Default::default(),
            swept: Mutex::new(Instant::now()),
        }
    }
}

impl Collecting {
    /// Hands out up to `most` of what was shown. None of it is news for the server until the next call.
    fn hand_out(&self, most: usize) -> Vec<Outcome> {
        let mut shown = self.shown.lock().expect("no holder panics");
        let mut taken = self.taken.lock().expect("no holder panics");
        let mut outcomes = Vec::new();
        while outcomes.len() < most
            && let Some(Shown { outcome, stood }) = shown.pop_front()
        {
            taken.push(stood);
            outcomes.extend(outcome);
        }
        outcomes
    }
}

impl Shared {
    fn collecting(&self, job: JobId) -> Arc<Collecting> {
        Arc::clone(self.collecting.lock().expect("no holder panics").entry(job).or_default())
    }
}

pub async fn collect(shared: &Shared, job: JobId, most: usize, wait: Duration) -> Result<Vec<Outcome>, QueueError> {
    let until = Instant::now() + wait;
    let collecting = shared.collecting(job);
    let _turn = collecting.turn.lock().await;
    sweep(shared, job, &collecting).await?;
    let mut tries = Tries::new(shared.config.timing.patience);
    loop {
        let mut outcomes = collecting.hand_out(most);
        if !outcomes.is_empty() {
            return Ok(outcomes);
        }
        let (ring, shown) = look(shared, job, &collecting, most).await?;
        collecting.shown.lock().expect("no holder panics").extend(shown);
        outcomes = collecting.hand_out(most);
        if !outcomes.is_empty() {
            return Ok(outcomes);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || most == 0 {
            return Ok(Vec::new());
        }
        match shared.blocking.listen(&shared.job(job).news, &ring, left).await {
            Ok(()) => {}
            Err(fault @ (Fault::Broken(_) | Fault::Busy(_))) if tries.again().await => {
                debug!(?fault, "could not wait for outcomes, looking again");
            }
            Err(fault) => return Err(fault.into()),
        }
    }
}

/// Tells the server which outcomes of `jobs` came through, so that it knows their tasks no more.
pub async fn confirm(shared: &Shared, jobs: impl Iterator<Item = JobId>) -> Result<(), QueueError> {
    for job in jobs.collect::<BTreeSet<_>>() {
        let collecting = shared.collecting.lock().expect("no holder panics").get(&job).cloned();
        if let Some(collecting) = collecting {
            look(shared, job, &collecting, 0).await?;
        }
    }
    Ok(())
}

/// Drops what was taken, and shows what is there: the last ring of the news, and up to `most` outcomes.
async fn look(
    shared: &Shared,
    job: JobId,
    collecting: &Collecting,
    most: usize,
) -> Result<(String, Vec<Shown>), QueueError> {
    let _telling = collecting.telling.lock().await;
    let mut taken = VecDeque::from(collecting.taken.lock().expect("no holder panics").clone());
    loop {
        let some: Vec<Taken> = taken.drain(..taken.len().min(MOST_AT_ONCE)).collect();
        let most = if taken.is_empty() { most } else { 0 };
        let answer = shared.bulk.call(&call(shared, job, &some, most)).await?;
        // Others have only appended to the list meanwhile.
        collecting.taken.lock().expect("no holder panics").drain(..some.len());
        if taken.is_empty() {
            return read(job, answer);
        }
    }
}

fn call(shared: &Shared, job: JobId, taken: &[Taken], most: usize) -> Call {
    let keys = shared.job(job);
    let shares = [shared.keys.versions(), shared.keys.jobs(), shared.keys.bell()];
    let mut call = Call::new(&COLLECT)
        .key(&keys.tasks)
        .key(&keys.outcomes)
        .key(&keys.news)
        .keys(&shares)
        .keys(Class::ALL.map(|class| keys.stream(class).to_owned()).iter())
        .key(&keys.rows)
        .argument(KEEP.as_millis())
        .argument(version())
        .argument(most)
        .argument(BYTES_AT_ONCE);
    for Taken { entry, field, token } in taken {
        call.push(entry.clone());
        call.push(field.clone());
        call.push(token.clone());
    }
    call
}

/// Reads what the script answered.
fn read(job: JobId, answer: Value) -> Result<(String, Vec<Shown>), QueueError> {
    let Value::Array(parts) = answer else {
        return Err(unexpected("collect", &answer));
    };
    let mut parts = parts.into_iter();
    let ring = match parts.next() {
        Some(Value::BulkString(ring)) => String::from_utf8_lossy(&ring).into_owned(),
        other => return Err(unexpected("collect", &other.unwrap_or(Value::Nil))),
    };
    let mut shown = Vec::new();
    for part in parts {
        read_entry(job, &part, &mut shown).ok_or_else(|| unexpected("collect", &part))?;
    }
    Ok((ring, shown))
}

/// Reads an entry: its id; and field, outcome, `k` and token, once or more.
fn read_entry(job: JobId, part: &Value, shown: &mut Vec<Shown>) -> Option<()> {
    fn bytes(value: &Value) -> Option<&[u8]> {
        if let Value::BulkString(bytes) = value { Some(bytes) } else { None }
    }
    let Value::Array(entry) = part else { return None };
    let [entry, Value::Array(values)] = entry.as_slice() else { return None };
    for values in values.chunks(4) {
        let [field, body, _, token] = values else { return None };
        let (entry, field, token) = (bytes(entry)?.to_vec(), bytes(field)?.to_vec(), bytes(token)?.to_vec());
        let outcome = read_outcome(job, bytes(body)?, &field);
        shown.push(Shown { outcome, stood: Taken { entry, field, token } });
    }
    Some(())
}

fn read_outcome(job: JobId, body: &[u8], field: &[u8]) -> Option<Outcome> {
    match wire::decode::<Outcome>(body) {
        Ok(outcome) if outcome.task.job == job => Some(outcome),
        Ok(outcome) => replace(job, field, format!("an outcome of another task, {}, came in its place", outcome.task)),
        Err(error) => replace(job, field, format!("its outcome cannot be read: {error}")),
    }
}

/// What stands for an outcome that cannot be used: a failure of its task; `None` for news, which nobody waits for.
fn replace(job: JobId, field: &[u8], reason: String) -> Option<Outcome> {
    warn!(%job, reason, "an outcome on the queue is damaged");
    let task = parse_task_field(job, std::str::from_utf8(field).ok()?)?;
    Some(Outcome { task, slot: String::new(), result: TaskResult::Failed { reason } })
}

/// Now and then removes the consumers of workers that are gone.
async fn sweep(shared: &Shared, job: JobId, collecting: &Collecting) -> Result<(), QueueError> {
    {
        let mut swept = collecting.swept.lock().expect("no holder panics");
        if swept.elapsed() < shared.config.timing.sweep {
            return Ok(());
        }
        *swept = Instant::now();
    }
    let keys = shared.job(job);
    let streams = Class::ALL.map(|class| keys.stream(class).to_owned());
    let call = Call::new(&SWEEP).keys(&streams).argument((shared.config.timing.sweep * IDLE_SWEEPS).as_millis());
    match shared.bulk.call(&call).await? {
        Value::Int(0) => Ok(()),
        Value::Int(removed) => {
            debug!(%job, removed, "removed consumers that hold nothing");
            Ok(())
        }
        other => Err(unexpected("sweep", &other)),
    }
}
