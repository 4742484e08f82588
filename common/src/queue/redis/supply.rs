//! The coordinator's way to put things on the queue and take them off by name: push, missing, rows,
//! forget, close.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use redis::Value;

use super::blobs;
use super::collect;
use super::engine::Shared;
use super::fault::unexpected;
use super::jobs;
use super::keys::{JobKeys, KEEP, body_name, rows_name, task_field};
use super::scripts::{Call, MISSING, PUSH, RESCUE, flags};
use crate::human;
use crate::job::{Class, JobId, TaskId, WorkerId};
use crate::queue::QueueError;
use crate::row::Block;
use crate::task::{RowsKey, Task};
use crate::wire;

/// The most tasks, fields or leases in one request: the server does nothing else meanwhile, and Lua
/// unpacks at most 8,000 values.
pub const MOST_AT_ONCE: usize = 512;

/// The most tasks that are asked for at once. All of a job's should be: the script counts them
/// against its streams.
const MOST_ASKED: usize = 4096;

/// How often each server is asked for 1,000 keys when a job that seems to have left nothing is
/// closed. That is enough for all keys of a server that only Sheaf uses. On a large server that
/// others use, too, leftovers disappear in time.
const FEW_LOOKS: usize = 100;

/// A worker that was not seen for this long is gone, provided that its leases have ended: it
/// announces itself every second. A worker that was only cut off for a while loses the rows that it
/// keeps, and they are extracted again: little is lost by haste.
const SEEN: Duration = Duration::from_secs(4);

/// A request is sent when it has grown to this many bytes, so that others get between.
pub const BYTES_AT_ONCE: usize = 4 << 20;

pub async fn push(shared: &Arc<Shared>, tasks: &[Task]) -> Result<(), QueueError> {
    // By class first, so that what drains the server's memory goes before what fills it.
    let mut groups: BTreeMap<(Class, JobId, Option<&WorkerId>), Vec<&Task>> = BTreeMap::new();
    for task in tasks {
        groups.entry((task.id.class, task.id.job, task.addressee())).or_default().push(task);
    }

    for ((class, job, addressee), tasks) in groups {
        let mut pushing = Pushing::new(shared, class, job, addressee);
        for task in tasks {
            pushing.add(task)?;
            if pushing.is_large() {
                pushing.send().await?;
                pushing = Pushing::new(shared, class, job, addressee);
            }
        }

        pushing.send().await?;
    }
    Ok(())
}

/// A push that is being put together.
struct Pushing<'a> {
    shared: &'a Arc<Shared>,
    class: Class,
    keys: JobKeys,
    call: Call,
    tasks: usize,
    /// The bodies that stand apart.
    bodies: Vec<(String, Vec<u8>)>,
    bytes: usize,
}

impl<'a> Pushing<'a> {
    fn new(
        shared: &'a Arc<Shared>,
        class: Class,
        job: JobId,
        addressee: Option<&WorkerId>,
    ) -> Self {
        let keys = shared.job(job);
        let addressee = addressee.map(|worker| worker.0.as_str());
        let shares = [shared.keys.jobs(), shared.keys.bell(addressee), shared.keys.versions()];

        let memory = match class {
            Class::Repair | Class::Render => "drains",
            Class::Extract => "fills",
        };

        let call = Call::new(&PUSH)
            .key(keys.stream(class, addressee))
            .key(&keys.tasks)
            .keys(&shares)
            .key(&keys.addressed)
            .argument(job)
            .argument(shared.keys.version())
            .argument(KEEP.as_millis())
            .argument(memory)
            .argument(addressee.unwrap_or_default());

        Pushing { shared, class, keys, call, tasks: 0, bodies: Vec::new(), bytes: 0 }
    }

    fn add(&mut self, task: &Task) -> Result<(), QueueError> {
        let body = wire::encode_large(task, task.shipped_bytes());
        if body.len() > blobs::LARGEST {
            let size = human::size(body.len() as u64);
            let most = human::limit(blobs::LARGEST as u64);
            return Err(QueueError::Unusable {
                reason: format!("task {} takes {size}, one value in Redis at most {most}", task.id),
                hint: Some("with `--by-path`, workers open the files themselves".into()),
            });
        }

        self.tasks += 1;
        self.bytes += body.len();
        self.call.push(task_field(&task.id));

        if body.len() <= blobs::INLINE {
            self.call.push(body);
            self.call.push("");
        } else {
            // The script learns its length instead, which is what a lease counts.
            self.call.push("");
            self.call.push(body.len().to_string());
            self.bodies.push((body_name(&task.id), body));
        }
        Ok(())
    }

    fn is_large(&self) -> bool {
        self.tasks >= MOST_AT_ONCE || self.bytes >= BYTES_AT_ONCE
    }

    async fn send(self) -> Result<(), QueueError> {
        if self.tasks == 0 {
            return Ok(());
        }

        let bodies: Vec<_> =
            self.bodies.iter().map(|(name, body)| (name.clone(), body.as_slice())).collect();

        // What drains the server's memory goes through even when that is full.
        match blobs::store(self.shared, &self.keys, &bodies, KEEP).await {
            Err(QueueError::Full(_)) if self.class != Class::Extract => {
                blobs::force(self.shared, &self.keys, &bodies).await?
            }
            stored => stored?,
        }

        match self.shared.bulk.call(&self.call).await? {
            Value::Int(_) => Ok(()),
            other => Err(unexpected("push", &other)),
        }
    }
}

pub async fn missing(shared: &Shared, tasks: Vec<TaskId>) -> Result<Vec<TaskId>, QueueError> {
    let mut missing = Vec::new();

    let mut jobs: BTreeMap<JobId, Vec<TaskId>> = BTreeMap::new();
    for task in tasks {
        jobs.entry(task.job).or_default().push(task);
    }

    for (job, tasks) in jobs {
        let keys = shared.job(job);
        rescue(shared, &keys).await?;

        // Outcomes that came, and were not handed out yet, are no loss.
        let shown = collect::shown(shared, job);
        let tasks: Vec<TaskId> =
            tasks.into_iter().filter(|task| !shown.contains(&task_field(task))).collect();

        for tasks in tasks.chunks(MOST_ASKED) {
            let mut call = Call::new(&MISSING)
                .key(&keys.tasks)
                .key(&keys.addressed)
                .key(&keys.outcomes)
                .key(shared.keys.jobs())
                .key(shared.keys.bell(None))
                .keys(&Class::ALL.map(|class| keys.stream(class, None)))
                .argument(job)
                .argument(&keys.base)
                .argument(KEEP.as_millis());
            tasks.iter().for_each(|task| call.push(task_field(task)));

            let lost = flags("missing", shared.bulk.call(&call).await?, tasks.len())?;
            missing.extend(tasks.iter().zip(lost).filter(|(_, lost)| *lost).map(|(task, _)| *task));
        }
    }
    Ok(missing)
}

/// Hands the tasks that wait for a worker that is gone to all.
async fn rescue(shared: &Shared, keys: &JobKeys) -> Result<(), QueueError> {
    let call = Call::new(&RESCUE)
        .key(&keys.tasks)
        .key(&keys.addressed)
        .key(shared.keys.seen())
        .key(keys.stream(Class::Render, None))
        .key(shared.keys.bell(None))
        .argument(&keys.base)
        .argument(shared.config.lease.max(SEEN).as_millis())
        .argument(shared.lease_ms())
        .argument(KEEP.as_millis());

    match shared.bulk.call(&call).await? {
        Value::Int(0) => Ok(()),
        Value::Int(moved) => {
            tracing::warn!(
                moved,
                "a worker was lost: its tasks go to others, and the rows that it held are extracted again"
            );
            Ok(())
        }
        other => Err(unexpected("rescue", &other)),
    }
}

pub async fn rows(shared: &Shared, keys: Vec<RowsKey>) -> Result<Vec<Option<Block>>, QueueError> {
    // Blocks that this process made itself need not be fetched.
    let mut blocks: Vec<Option<Block>> = keys.iter().map(|key| shared.recent.get(key)).collect();
    let mut wanted = Vec::new();
    let mut from = Vec::new();
    for (key, block) in keys.iter().zip(&mut blocks).filter(|(_, block)| block.is_none()) {
        from.push(shared.job(key.task.job).blob(&rows_name(key)));
        wanted.push(block);
    }

    for (block, found) in wanted.into_iter().zip(blobs::fetch(shared, &from).await?) {
        *block = found.map(Arc::new);
    }
    Ok(blocks)
}

pub async fn forget(shared: &Shared, rows: Vec<RowsKey>) -> Result<(), QueueError> {
    shared.recent.forget(&rows);

    let mut jobs: BTreeMap<JobId, Vec<String>> = BTreeMap::new();
    for key in rows {
        jobs.entry(key.task.job).or_default().push(rows_name(&key));
    }

    for (job, names) in jobs {
        blobs::settle(shared, &shared.job(job), &[], &names).await?;
    }
    Ok(())
}

pub async fn close(shared: &Shared, job: JobId) -> Result<(), QueueError> {
    // First, so that the script counts only tasks that are open.
    collect::confirm(shared, std::iter::once(job)).await?;

    shared.collecting.lock().expect("no holder panics").remove(&job);
    shared.recent.close(job);

    let keys = shared.job(job);
    match jobs::close(shared, &shared.keys, &keys, job).await? {
        // All its tasks were done, and took their bytes with them; but rows that were never
        // rendered stay.
        0 => blobs::clear(shared, &keys, FEW_LOOKS).await,
        _ => blobs::clear(shared, &keys, usize::MAX).await,
    }
}
