//! Leasing tasks, and waiting for some.

use std::sync::Arc;
use std::time::Duration;

use redis::Value;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::blobs;
use super::confirm::{self, UNCONFIRMED};
use super::connect::Tries;
use super::engine::{RedisQueue, Shared};
use super::fault::{Fault, unexpected};
use super::finish;
use super::keys::{
    KEEP, addressed_class, body_name, parse_consumer, parse_job, parse_stream, parse_task_field,
};
use super::scripts::{Call, LEASE};
use super::supply::MOST_AT_ONCE;
use super::token::Token;
use crate::job::{Class, WorkerId};
use crate::outcome::{Outcome, TaskResult};
use crate::queue::{Completion, Lease, Leased, Queue, QueueError};
use crate::task::Task;
use crate::wire::{self, WireError};

/// How often in the length of a lease someone who waits for tasks looks for leases that have ended.
const LOOKS_PER_LEASE: u32 = 4;

/// The bytes of tasks after which a call gives no more: they need not be small, as most do not go
/// through the script. Over a slow link it is what comes in this part of a lease; before its pace
/// is known, the least.
const MOST_BYTES: u64 = 16 << 20;
const FIRST_BYTES: u64 = 4 << 20;
const SHARE_OF_LEASE: u32 = 3;

/// A worker that was woken leases this fraction of its free capacity, one in `SHARE`, so that one
/// waiter does not take everything.
const SHARE: usize = 4;

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
    let queue = queue.clone();
    let worker = worker.clone();

    // A task of its own: if the caller goes away, the request on its way still comes to its end,
    // and what it leased is handed back.
    tokio::spawn(async move {
        let mut answer = answer;
        let found = search(&queue, &worker, most.min(MOST_AT_ONCE), wait, &mut answer).await;
        if let Err(unwanted) = answer.send(found) {
            hand_back(&queue, leases(unwanted)).await;
        }
    });

    (&mut caller.found)
        .await
        .unwrap_or_else(|_| Err(QueueError::Unreachable("the search for tasks broke off".into())))
}

type Found = Result<Vec<Leased>, QueueError>;

/// The side that waits for the answer. If it goes away after the answer was sent and before it was
/// taken, what was leased is handed back.
struct Caller {
    queue: RedisQueue,
    found: oneshot::Receiver<Found>,
}

impl Drop for Caller {
    fn drop(&mut self) {
        // An answer that comes after this cannot be sent: the search then hands it back itself.
        self.found.close();
        let (Ok(found), Ok(runtime)) =
            (self.found.try_recv(), tokio::runtime::Handle::try_current())
        else {
            return;
        };

        let queue = self.queue.clone();
        runtime.spawn(async move { hand_back(&queue, leases(found)).await });
    }
}

fn leases(found: Found) -> Vec<Lease> {
    found.into_iter().flatten().map(|leased| leased.lease).collect()
}

async fn hand_back(queue: &RedisQueue, leases: Vec<Lease>) {
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

    // If the last call left nothing, there is nothing until a bell rings: so who may wait listens
    // first.
    let mut is_empty = shared.emptied.lock().expect("no holder panics").remove(&worker.0);
    let bells = bells(shared, worker);

    loop {
        let left = until.saturating_duration_since(Instant::now());
        let mut rung = None;

        if is_empty && !left.is_zero() {
            let look = left.min(shared.config.lease / LOOKS_PER_LEASE);
            let heard = tokio::select! {
                heard = shared.blocking.listen(&bells, look) => heard,
                () = caller.closed() => return Ok(Vec::new()),
            };

            match heard {
                Ok(bell) => rung = bell,
                // A missed bell costs nothing: the server is asked for tasks anyway.
                Err(fault @ (Fault::Broken(_) | Fault::Busy(_))) if tries.again().await => {
                    debug!(?fault, "could not wait for tasks, looking again");
                }
                Err(fault) => return Err(fault.into()),
            }
        }

        let wanted = Wanted { most, woken: rung.as_deref() == Some(&*bells[0]) };
        let Given { left_nothing, mut entries } = take(shared, worker, &bells, wanted).await?;
        is_empty = left_nothing;

        if let Err(error) = fetch_bodies(shared, &mut entries).await {
            // Without their bodies, these tasks are of no use here.
            hand_back(queue, entries.into_iter().map(|entry| entry.lease).collect()).await;
            return Err(error);
        }

        let leased = decode(queue, worker, entries).await?;
        if !leased.is_empty() || Instant::now() >= until {
            if is_empty {
                // The next call of this worker begins by listening.
                shared.emptied.lock().expect("no holder panics").insert(worker.0.clone());
            }

            return Ok(leased);
        }
    }
}

/// The parameters of one call of the script.
struct Wanted {
    most: usize,
    /// Whether the bell for all woke the caller.
    woken: bool,
}

/// The answer of the script.
struct Given {
    /// Whether nothing is left that the worker could have.
    left_nothing: bool,
    entries: Vec<Entry>,
}

/// An entry as the script gives it.
struct Entry {
    lease: Lease,
    delivery: u32,
    previous: Option<WorkerId>,
    /// The task, encoded; empty as long as it stands apart.
    body: Vec<u8>,
}

async fn take(
    shared: &Arc<Shared>,
    worker: &WorkerId,
    bells: &[String; 2],
    Wanted { most, woken }: Wanted,
) -> Result<Given, QueueError> {
    let in_time = shared.blobs.in_time(shared.config.lease / SHARE_OF_LEASE);
    let (bytes, tasks) = match in_time {
        None => (FIRST_BYTES, most),
        Some((bytes, _)) if bytes >= MOST_BYTES => (MOST_BYTES, most),
        // The script learns how large tasks are only by reading them, several at once.
        Some((bytes, tasks)) => (bytes.max(1), tasks),
    };
    let most = most.min(tasks);

    let mut call = Call::new(&LEASE)
        .key(shared.keys.jobs())
        .keys(bells)
        .key(shared.keys.unconfirmed())
        .argument(shared.keys.prefix())
        .argument(&worker.0)
        .argument(most)
        .argument(if woken { most.div_ceil(SHARE) } else { most })
        .argument(shared.lease_ms())
        .argument(bytes)
        .argument(KEEP.as_millis())
        .argument(if woken { "woken" } else { "" })
        .argument(UNCONFIRMED.as_micros());

    let [repair, render, extract] = Class::ALL.map(Class::name);
    let own = addressed_class(Class::Render, &worker.0);
    [repair, &own, render, extract].into_iter().for_each(|class| call.push(class));

    // The call also confirms the holds of earlier answers.
    let before = shared.unconfirmed.all();
    before.iter().for_each(|hold| call.push(hold.as_str()));

    let answer = shared.bulk.call(&call).await?;
    let (hold, given) = read(&answer).ok_or_else(|| unexpected("lease", &answer))?;
    if !given.entries.is_empty() {
        // The script strikes these out only when it notes a new hold.
        shared.unconfirmed.settle(&before);
        confirm::heard(shared, hold);
    }
    Ok(given)
}

/// Fetches the tasks that stand apart; one that is gone stays empty.
async fn fetch_bodies(shared: &Shared, entries: &mut [Entry]) -> Result<(), QueueError> {
    let leases: Vec<Lease> = entries.iter().map(|entry| entry.lease.clone()).collect();

    let mut apart: Vec<&mut Entry> =
        entries.iter_mut().filter(|entry| entry.body.is_empty()).collect();
    let key =
        |entry: &&mut Entry| shared.job(entry.lease.task.job).blob(&body_name(&entry.lease.task));
    let keys: Vec<String> = apart.iter().map(key).collect();

    let bodies = tokio::select! {
        fetched = blobs::fetch(shared, &keys) => fetched?,
        never = keep_while_bytes_come(shared, &leases) => never,
    };

    apart.iter_mut().zip(bodies).for_each(|(entry, body)| entry.body = body.unwrap_or_default());
    Ok(())
}

/// Extends leases, every third of a lease's length, as long as bytes come; never ends. Over a slow
/// link tasks may take longer to arrive than a lease lasts, and the next worker would have to fetch
/// them again.
async fn keep_while_bytes_come<T>(shared: &Shared, leases: &[Lease]) -> T {
    let mut received = shared.blobs.received();
    loop {
        tokio::time::sleep(shared.config.lease / SHARE_OF_LEASE).await;

        let now = shared.blobs.received();
        // Where nothing comes, the leases may end, so that others get the tasks.
        if now == received {
            continue;
        }

        received = now;
        if let Err(error) = finish::extend(shared, leases.to_vec()).await {
            debug!(%error, "could not extend the leases of tasks that are on their way");
        }
    }
}

/// The bells that wake a worker: of tasks for all, and of those for it alone.
fn bells(shared: &Shared, worker: &WorkerId) -> [String; 2] {
    [None, Some(worker.0.as_str())].map(|addressee| shared.keys.bell(addressee))
}

fn text(value: &Value) -> Option<&str> {
    if let Value::BulkString(bytes) = value { std::str::from_utf8(bytes).ok() } else { None }
}

/// Reads the hold, and what was given under it.
fn read(answer: &Value) -> Option<(String, Given)> {
    let Value::Array(parts) = answer else { return None };
    let [Value::Int(left_nothing), hold, groups @ ..] = parts.as_slice() else { return None };
    let hold = text(hold)?;

    let mut entries = Vec::new();
    for group in groups {
        read_group(hold, group, &mut entries)?;
    }

    Some((hold.into(), Given { left_nothing: *left_nothing == 1, entries }))
}

/// Reads entries of one job and class that were delivered equally often.
fn read_group(hold: &str, group: &Value, found: &mut Vec<Entry>) -> Option<()> {
    let Value::Array(group) = group else { return None };
    let [job, class, Value::Int(delivery), Value::Array(entries), held_by @ ..] = group.as_slice()
    else {
        return None;
    };
    let job = parse_job(text(job)?)?;
    let (class, own) = parse_stream(text(class)?)?;

    // Someone may have meddled with the count; a delivery is at least the first.
    let delivery = (*delivery).clamp(1, i64::from(u32::MAX)) as u32;
    let previous = held_by.first().and_then(text).and_then(parse_consumer);

    for entry in entries {
        let Value::Array(entry) = entry else { return None };
        let [id, Value::Array(values)] = entry.as_slice() else { return None };
        let [field, Value::BulkString(body), ..] = values.as_slice() else { return None };

        let token =
            Token { entry: text(id)?.into(), hold: hold.into(), apart: body.is_empty(), own };
        let task = parse_task_field(job, text(field)?).filter(|id| id.class == class)?;

        found.push(Entry {
            lease: Lease { task, token: token.to_string() },
            delivery,
            previous: previous.clone(),
            body: body.clone(),
        });
    }
    Some(())
}

/// Reads the tasks. One that cannot be read, or whose body is gone, is finished as such, so that
/// the coordinator learns of it.
async fn decode(
    queue: &RedisQueue,
    worker: &WorkerId,
    entries: Vec<Entry>,
) -> Result<Vec<Leased>, QueueError> {
    let mut leased = Vec::with_capacity(entries.len());
    let mut unreadable = Vec::new();

    for Entry { lease, delivery, previous, body } in entries {
        let result = match wire::decode::<Task>(&body) {
            Ok(task) if task.id == lease.task => {
                leased.push(Leased { lease, task, delivery, previous });
                continue;
            }
            Ok(other) => {
                failed(format!("another task, {}, stands in its place on the queue", other.id))
            }
            // Its blob is gone. The coordinator still has the task, and pushes it again.
            Err(WireError::Empty) => TaskResult::TaskLost,
            Err(error) => failed(format!("the task on the queue cannot be read: {error}")),
        };

        warn!(task = %lease.task, ?result, "a task on the queue is damaged");
        let outcome = Outcome { task: lease.task, slot: worker.0.clone(), result };
        unreadable.push(Completion { lease, outcome, rows: Vec::new(), has_past: false });
    }

    if !unreadable.is_empty() {
        queue.complete_if_held(&unreadable).await?;
    }
    Ok(leased)
}

fn failed(reason: String) -> TaskResult {
    TaskResult::Failed { reason }
}
