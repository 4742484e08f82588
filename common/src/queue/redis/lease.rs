//! Leases tasks, without waiting for any.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use redis::Value;
use tracing::{debug, warn};

use super::confirm::{self, UNCONFIRMED};
use super::fault::unexpected;
use super::keys::{
    TTL, addressed_class, body_name, parse_consumer, parse_job, parse_stream, parse_task_field,
};
use super::limits::MOST_AT_ONCE;
use super::of_worker::OfWorker;
use super::reply;
use super::scripts::{Call, LEASE};
use super::state::Shared;
use super::token::Token;
use super::{complete, extend, release};
use crate::job::{Class, WorkerId};
use crate::outcome::{Outcome, TaskResult};
use crate::queue::{Completion, Lease, Leased, QueueError};
use crate::task::Task;
use crate::wire::{self, WireError};

/// The bytes of tasks after which a call gives no more. Much, as most are blobs and do not go
/// through the script.
const MOST_BYTES: u64 = 16 << 20;
/// The same before the pace of the link is known.
const FIRST_BYTES: u64 = 4 << 20;
/// The same over a slow link: what arrives in this fraction of a lease, one in `SHARE_OF_LEASE`.
const SHARE_OF_LEASE: u32 = 3;

/// A worker that was woken leases this fraction of its free capacity, one in `SHARE`, so that one
/// waiter does not take everything.
const SHARE: usize = 4;

/// Leases up to `most` tasks. With 0, a worker that was woken and has no room wakes another.
pub async fn lease(worker: &Arc<OfWorker>, most: usize) -> Result<Vec<Leased>, QueueError> {
    // Cleared before the call, whose answer may never arrive.
    let is_woken = worker.is_woken.swap(false, Ordering::Relaxed);
    if most == 0 && !is_woken {
        return Ok(Vec::new());
    }

    worker.is_empty.store(false, Ordering::Relaxed);
    let Given { left_nothing, mut entries } = take(worker, most, is_woken).await?;
    worker.is_empty.store(left_nothing, Ordering::Relaxed);

    // From here on the server counts these leases as received. If this call is dropped, they must
    // be handed back, or their tasks would wait until the leases end.
    let mut unused = Unused::new(worker, &entries);
    fetch_bodies(&worker.shared, &unused.leases, &mut entries).await?;
    let leased = decode(worker, entries).await?;

    unused.leases.clear();
    Ok(leased)
}

/// Leases that are handed back on drop.
struct Unused {
    shared: Arc<Shared>,
    leases: Vec<Lease>,
}

impl Unused {
    fn new(worker: &OfWorker, entries: &[Entry]) -> Self {
        let leases = entries.iter().map(|entry| entry.lease.clone()).collect();
        Unused { shared: Arc::clone(&worker.shared), leases }
    }
}

impl Drop for Unused {
    fn drop(&mut self) {
        let leases = std::mem::take(&mut self.leases);
        // Without a runtime, as at the end of the process, the leases just end.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if leases.is_empty() {
            return;
        }

        // Drop cannot wait, so a task of the runtime makes the call.
        let shared = Arc::clone(&self.shared);
        runtime.spawn(async move {
            if let Err(error) = release::release(&shared, leases).await {
                debug!(%error, "could not hand tasks back; their leases will end");
            }
        });
    }
}

/// The answer of the script.
struct Given {
    /// Whether no task is left that the worker could have.
    left_nothing: bool,
    entries: Vec<Entry>,
}

/// An entry as the script gives it.
struct Entry {
    lease: Lease,
    delivery: u32,
    previous: Option<WorkerId>,
    /// The task, encoded; empty until its blob is fetched.
    body: Vec<u8>,
}

async fn take(worker: &Arc<OfWorker>, most: usize, is_woken: bool) -> Result<Given, QueueError> {
    // The call also confirms the lease ids of earlier answers, which saves a command.
    let before = worker.unconfirmed.all();
    let call = call(worker, most.min(MOST_AT_ONCE), is_woken, &before);

    let answer = worker.shared.small.call(&call).await?;
    let (lease_id, given) = read(&answer).ok_or_else(|| unexpected("lease", &answer))?;

    if !given.entries.is_empty() {
        // The script confirms them only when it gives a new lease id.
        worker.unconfirmed.settle(&before);
        confirm::heard(worker, lease_id);
    }
    Ok(given)
}

fn call(worker: &OfWorker, most: usize, is_woken: bool, heard: &[String]) -> Call {
    let shared = &worker.shared;

    // Over a slow link, a worker that leased more would hold tasks whose bytes come too late.
    let in_time = shared.blobs.in_time(shared.config.lease / SHARE_OF_LEASE);
    let (bytes, tasks) = match in_time {
        None => (FIRST_BYTES, most),
        Some((bytes, _)) if bytes >= MOST_BYTES => (MOST_BYTES, most),
        // Bytes alone are not enough: the script reads several tasks at once before it knows their
        // sizes.
        Some((bytes, tasks)) => (bytes.max(1), tasks),
    };
    let most = most.min(tasks);

    let mut call = Call::new(&LEASE)
        .key(shared.keys.jobs())
        .keys(&worker.bells)
        .key(shared.keys.unconfirmed())
        .argument(shared.keys.prefix())
        .argument(&worker.id.0)
        .argument(most)
        .argument(if is_woken { most.div_ceil(SHARE) } else { most })
        .argument(shared.lease_ms())
        .argument(bytes)
        .argument(TTL.as_millis())
        .argument(if is_woken { "woken" } else { "" })
        .argument(UNCONFIRMED.as_micros());

    // After repairs, the tasks addressed to it go before those that others could do.
    let [repair, render, extract] = Class::ALL.map(Class::name);
    let addressed = addressed_class(Class::Render, &worker.id.0);
    [repair, &addressed, render, extract].into_iter().for_each(|class| call.push(class));

    heard.iter().for_each(|lease_id| call.push(lease_id.as_str()));
    call
}

/// Fetches the bodies that are blobs; one whose blob is gone stays empty.
async fn fetch_bodies(
    shared: &Shared,
    leases: &[Lease],
    entries: &mut [Entry],
) -> Result<(), QueueError> {
    let mut blobs: Vec<&mut Entry> =
        entries.iter_mut().filter(|entry| entry.body.is_empty()).collect();
    let key = |entry: &&mut Entry| {
        let task = &entry.lease.task;
        shared.keys.blob(task.job, &body_name(task))
    };
    let keys: Vec<String> = blobs.iter().map(key).collect();

    // Fetching may take longer than a lease lasts.
    let bodies = tokio::select! {
        fetched = shared.blobs.fetch(&keys) => fetched?,
        never = extend_while_bytes_come(shared, leases) => never,
    };

    blobs.iter_mut().zip(bodies).for_each(|(entry, body)| entry.body = body.unwrap_or_default());
    Ok(())
}

/// Extends leases every third of their length as long as bytes arrive; never returns. Over a slow
/// link a task may take longer to arrive than a lease lasts, and the next worker would have to
/// fetch it again.
async fn extend_while_bytes_come<T>(shared: &Shared, leases: &[Lease]) -> T {
    let mut received = shared.blobs.received();
    loop {
        tokio::time::sleep(shared.config.lease / SHARE_OF_LEASE).await;

        let now = shared.blobs.received();
        // If nothing arrives, the leases may end, so that others get the tasks.
        if now == received {
            continue;
        }

        received = now;
        if let Err(error) = extend::extend(shared, leases.to_vec()).await {
            debug!(%error, "could not extend the leases of tasks that are on their way");
        }
    }
}

/// Reads the lease id, and the entries that were given under it.
fn read(answer: &Value) -> Option<(String, Given)> {
    let [left_nothing, lease_id, groups @ ..] = reply::list(answer)? else { return None };
    let left_nothing = reply::number(left_nothing)? == 1;
    let lease_id = reply::text(lease_id)?;

    let mut entries = Vec::new();
    for group in groups {
        read_group(lease_id, group, &mut entries)?;
    }

    Some((lease_id.into(), Given { left_nothing, entries }))
}

/// Reads a group: entries of one job and class with the same delivery.
fn read_group(lease_id: &str, group: &Value, found: &mut Vec<Entry>) -> Option<()> {
    let [job, class, delivery, entries, held_by @ ..] = reply::list(group)? else { return None };
    let job = parse_job(reply::text(job)?)?;
    let (class, is_addressed) = parse_stream(reply::text(class)?)?;

    // Other programs may have changed the count.
    let delivery = u32::try_from(reply::number(delivery)?.max(1)).unwrap_or(u32::MAX);
    let previous = held_by.first().and_then(reply::text).and_then(parse_consumer);

    for entry in reply::list(entries)? {
        let [id, values] = reply::items(entry)?;
        let [field, body, ..] = reply::list(values)? else { return None };
        let body = reply::bytes(body)?.to_vec();

        let token = Token {
            entry: reply::text(id)?.into(),
            lease_id: lease_id.into(),
            is_blob: body.is_empty(),
            is_addressed,
        };
        let task = parse_task_field(job, reply::text(field)?).filter(|id| id.class == class)?;

        let lease = Lease { task, token: token.to_string() };
        found.push(Entry { lease, delivery, previous: previous.clone(), body });
    }
    Some(())
}

/// Decodes the tasks. A task that cannot be read, or whose body is gone, is completed with that
/// result, so that the coordinator learns of it.
async fn decode(worker: &OfWorker, entries: Vec<Entry>) -> Result<Vec<Leased>, QueueError> {
    let mut leased = Vec::with_capacity(entries.len());
    let mut unreadable = Vec::new();

    for Entry { lease, delivery, previous, body } in entries {
        let result = match wire::decode::<Task>(&body) {
            // The field names the task too, so a body that was swapped shows.
            Ok(task) if task.id == lease.task => {
                leased.push(Leased { lease, task, delivery, previous });
                continue;
            }
            Ok(other) => {
                failed(format!("another task, {}, stands in its place on the queue", other.id))
            }
            // Its blob is gone. The coordinator has the task, and pushes it again.
            Err(WireError::Empty) => TaskResult::TaskLost,
            Err(error) => failed(format!("the task on the queue cannot be read: {error}")),
        };

        warn!(task = %lease.task, ?result, "a task on the queue is damaged");
        let outcome = Outcome { task: lease.task, slot: worker.id.0.clone(), result };
        unreadable.push(Completion { lease, outcome, rows: Vec::new(), has_past: false });
    }

    if !unreadable.is_empty() {
        complete::complete(&worker.shared, &unreadable).await?;
    }
    Ok(leased)
}

fn failed(reason: String) -> TaskResult {
    TaskResult::Failed { reason }
}
