//! Leasing tasks, and waiting for some.

use std::time::Duration;

use redis::Value;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::connect::Tries;
use super::engine::{RedisQueue, Shared};
use super::fault::{Fault, unexpected};
use super::keys::{parse_class, parse_job, parse_task_field};
use super::scripts::{Call, LEASE};
use super::supply::{BYTES_AT_ONCE, MOST_AT_ONCE};
use super::token::Token;
use crate::job::Class;
use crate::outcome::{Outcome, TaskResult};
use crate::queue::{Completion, Lease, Leased, Queue, QueueError, WorkerId};
use crate::task::Task;
use crate::wire;

/// How often in the length of a lease someone who waits for tasks looks for leases that have ended.
const LOOKS_PER_LEASE: u32 = 4;

/// Leases tasks. When the caller stops waiting for the answer, what was leased is handed back.
pub async fn lease(
    queue: &RedisQueue,
    worker: &WorkerId,
    most: usize,
    wait: Duration,
) -> Result<Vec<Leased>, QueueError> {
    if most == 0 {
        return Ok(Vec::new());
    }
    let (answer, found) = oneshot::channel();
    let mut caller = Caller { queue: queue.clone(), found };
    let (queue, worker) = (queue.clone(), worker.clone());
    tokio::spawn(async move {
        let mut answer = answer;
        let found = search(&queue, &worker, most.min(MOST_AT_ONCE), wait, &mut answer).await;
        if let Err(unwanted) = answer.send(found) {
            hand_back(&queue, unwanted).await;
        }
    });
    (&mut caller.found).await.unwrap_or_else(|_| Err(QueueError::Unreachable("the search for tasks broke off".into())))
}

type Found = Result<Vec<Leased>, QueueError>;

/// Who waits for the answer. One that goes away between the answer and taking it hands back what it was to have.
struct Caller {
    queue: RedisQueue,
    found: oneshot::Receiver<Found>,
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.found.close();
        let (Ok(found), Ok(runtime)) = (self.found.try_recv(), tokio::runtime::Handle::try_current()) else { return };
        let queue = self.queue.clone();
        runtime.spawn(async move { hand_back(&queue, found).await });
    }
}

async fn hand_back(queue: &RedisQueue, found: Found) {
    let Ok(leased) = found else { return };
    let leases = leased.into_iter().map(|leased| leased.lease).collect();
    if let Err(error) = queue.release_if_held(leases).await {
        debug!(%error, "could not hand back what nobody waits for; the leases will end");
    }
}

async fn search(
    queue: &RedisQueue,
    worker: &WorkerId,
    most: usize,
    wait: Duration,
    caller: &mut oneshot::Sender<Found>,
) -> Result<Vec<Leased>, QueueError> {
    let shared = &queue.shared;
    let until = Instant::now() + wait;
    let mut tries = Tries::new(shared.config.timing.patience);
    loop {
        let (ring, entries) = take(shared, worker, most).await?;
        let leased = decode(queue, worker, entries).await?;
        let left = until.saturating_duration_since(Instant::now());
        if !leased.is_empty() || left.is_zero() {
            return Ok(leased);
        }
        let look = left.min(shared.config.lease / LOOKS_PER_LEASE);
        let bell = shared.keys.bell();
        let heard = tokio::select! {
            heard = shared.blocking.listen(&bell, &ring, look) => heard,
            () = caller.closed() => return Ok(Vec::new()),
        };
        match heard {
            Ok(()) => {}
            Err(fault @ (Fault::Broken(_) | Fault::Busy(_))) if tries.again().await => {
                debug!(?fault, "could not wait for tasks, looking again");
            }
            Err(fault) => return Err(fault.into()),
        }
    }
}

/// An entry as the script gives it.
struct Entry {
    lease: Lease,
    delivery: u32,
    task: Vec<u8>,
}

async fn take(shared: &Shared, worker: &WorkerId, most: usize) -> Result<(String, Vec<Entry>), QueueError> {
    let mut call = Call::new(&LEASE)
        .key(shared.keys.jobs())
        .key(shared.keys.bell())
        .argument(shared.keys.prefix())
        .argument(&worker.0)
        .argument(most)
        .argument(shared.lease_ms())
        .argument(BYTES_AT_ONCE);
    for class in Class::ALL {
        call.push(class.name());
    }
    let answer = shared.blocking.call(&call).await?;
    let Value::Array(parts) = answer else {
        return Err(unexpected("lease", &answer));
    };
    let mut parts = parts.into_iter();
    let ring = match parts.next() {
        Some(Value::BulkString(ring)) => String::from_utf8_lossy(&ring).into_owned(),
        other => return Err(unexpected("lease", &other.unwrap_or(Value::Nil))),
    };
    let mut entries = Vec::new();
    for part in parts {
        read_group(worker, &part, &mut entries).ok_or_else(|| unexpected("lease", &part))?;
    }
    Ok((ring, entries))
}

/// Reads entries of one job and class that were held equally often.
fn read_group(worker: &WorkerId, part: &Value, found: &mut Vec<Entry>) -> Option<()> {
    fn text(value: &Value) -> Option<&str> {
        if let Value::BulkString(bytes) = value { std::str::from_utf8(bytes).ok() } else { None }
    }
    let Value::Array(group) = part else { return None };
    let [job, class, Value::Int(holds), Value::Int(releases), Value::Array(entries)] = group.as_slice() else {
        return None;
    };
    let (job, class, holds) = (parse_job(text(job)?)?, parse_class(text(class)?)?, u64::try_from(*holds).ok()?);
    // Someone may have meddled with the count of releases; a delivery is at least the first.
    let delivery = holds.saturating_sub(u64::try_from(*releases).ok()?).clamp(1, u64::from(u32::MAX)) as u32;
    for entry in entries {
        let Value::Array(entry) = entry else { return None };
        let [id, Value::Array(values)] = entry.as_slice() else { return None };
        let [field, Value::BulkString(task), ..] = values.as_slice() else { return None };
        let token = Token { entry: text(id)?.into(), holds, consumer: worker.0.clone() };
        let id = parse_task_field(job, text(field)?).filter(|id| id.class == class)?;
        found.push(Entry { lease: Lease { task: id, token: token.to_string() }, delivery, task: task.clone() });
    }
    Some(())
}

/// Reads the tasks. One that cannot be read is finished as failed, so that the coordinator learns of it.
async fn decode(queue: &RedisQueue, worker: &WorkerId, entries: Vec<Entry>) -> Result<Vec<Leased>, QueueError> {
    let (mut leased, mut unreadable) = (Vec::with_capacity(entries.len()), Vec::new());
    for Entry { lease, delivery, task } in entries {
        let reason = match wire::decode::<Task>(&task) {
            Ok(task) if task.id == lease.task => {
                leased.push(Leased { lease, task, delivery });
                continue;
            }
            Ok(other) => format!("another task, {}, stands in its place on the queue", other.id),
            Err(error) => format!("the task on the queue cannot be read: {error}"),
        };
        warn!(task = %lease.task, reason, "a task on the queue is damaged");
        let outcome = Outcome { task: lease.task, slot: worker.0.clone(), result: TaskResult::Failed { reason } };
        unreadable.push(Completion { lease, outcome, rows: Vec::new() });
    }
    if !unreadable.is_empty() {
        queue.complete_if_held(unreadable).await?;
    }
    Ok(leased)
}
