//! What goes onto the queue and comes off it by name: push, missing, rows, forget, close.

use std::collections::BTreeMap;
use std::sync::Arc;

use redis::Value;

use super::engine::Shared;
use super::fault::unexpected;
use super::keys::{KEEP, rows_field, task_field, version};
use super::scripts::{Call, PUSH};
use crate::job::{Class, JobId, TaskId};
use crate::queue::{Block, QueueError};
use crate::task::{RowsKey, Task};
use crate::wire;

/// The most tasks, fields or leases in one request: the server does nothing else meanwhile, and Lua unpacks at most
/// 8,000 values.
pub const MOST_AT_ONCE: usize = 512;

/// A request is sent when it has grown to this many bytes, so that others get between.
pub const BYTES_AT_ONCE: usize = 4 << 20;

/// The most bytes of one value: Redis' `proto-max-bulk-len`.
pub const LARGEST_VALUE: usize = 512 << 20;

/// How many blocks of rows are asked for at once; they are about 1 MiB each.
const BLOCKS_AT_ONCE: usize = 8;

pub async fn push(shared: &Shared, tasks: Vec<Task>) -> Result<(), QueueError> {
    // By class first, so that what drains the server's memory goes before what fills it.
    let mut groups: BTreeMap<(Class, JobId), Vec<&Task>> = BTreeMap::new();
    for task in &tasks {
        groups.entry((task.id.class, task.id.job)).or_default().push(task);
    }
    for ((class, job), tasks) in groups {
        let mut pushing = Pushing::new(shared, class, job);
        for task in tasks {
            pushing.add(task)?;
            if pushing.is_large() {
                pushing.send().await?;
                pushing = Pushing::new(shared, class, job);
            }
        }
        pushing.send().await?;
    }
    Ok(())
}

/// A push that is being put together.
struct Pushing<'a> {
    shared: &'a Shared,
    call: Call,
    tasks: usize,
    bytes: usize,
}

impl<'a> Pushing<'a> {
    fn new(shared: &'a Shared, class: Class, job: JobId) -> Self {
        let keys = shared.job(job);
        let shares = [shared.keys.jobs(), shared.keys.bell(), shared.keys.versions()];
        let memory = match class {
            Class::Render => "drains",
            Class::Extract => "fills",
        };
        let call = Call::new(&PUSH)
            .key(keys.stream(class))
            .key(&keys.tasks)
            .keys(&shares)
            .keys(keys.all())
            .argument(job)
            .argument(version())
            .argument(KEEP.as_millis())
            .argument(memory);
        Pushing { shared, call, tasks: 0, bytes: 0 }
    }

    fn add(&mut self, task: &Task) -> Result<(), QueueError> {
        let body = wire::encode(task);
        if body.len() > LARGEST_VALUE {
            let (size, most) = (body.len() >> 20, LARGEST_VALUE >> 20);
            return Err(QueueError::Unusable {
                reason: format!("task {} takes {size} MiB, one value in Redis at most {most} MiB", task.id),
                hint: Some("with `--by-path`, workers open the files themselves".into()),
            });
        }
        self.tasks += 1;
        self.bytes += body.len();
        self.call.push(task_field(&task.id));
        self.call.push(body);
        Ok(())
    }

    fn is_large(&self) -> bool {
        self.tasks >= MOST_AT_ONCE || self.bytes >= BYTES_AT_ONCE
    }

    async fn send(self) -> Result<(), QueueError> {
        if self.tasks == 0 {
            return Ok(());
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
        let key = shared.job(job).tasks;
        for tasks in tasks.chunks(MOST_AT_ONCE) {
            let fields: Vec<String> = tasks.iter().map(task_field).collect();
            let states = values(shared, &key, &fields, "missing").await?;
            missing.extend(tasks.iter().zip(states).filter(|(_, state)| state.is_none()).map(|(task, _)| *task));
        }
    }
    Ok(missing)
}

pub async fn rows(shared: &Shared, keys: Vec<RowsKey>) -> Result<Vec<Option<Block>>, QueueError> {
    let mut blocks = Vec::with_capacity(keys.len());
    for run in keys.chunk_by(|a, b| a.task.job == b.task.job) {
        let key = shared.job(run[0].task.job).rows;
        for some in run.chunks(BLOCKS_AT_ONCE) {
            let fields: Vec<String> = some.iter().map(rows_field).collect();
            blocks.extend(values(shared, &key, &fields, "rows").await?.into_iter().map(|block| block.map(Arc::new)));
        }
    }
    Ok(blocks)
}

/// Reads fields of a hash, in order.
async fn values(
    shared: &Shared,
    key: &str,
    fields: &[String],
    operation: &str,
) -> Result<Vec<Option<Vec<u8>>>, QueueError> {
    let mut command = redis::cmd("HMGET");
    command.arg(key).arg(fields);
    let value = |value| match value {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(bytes)),
        other => Err(unexpected(operation, &other)),
    };
    match shared.bulk.request(&command).await? {
        Value::Array(found) if found.len() == fields.len() => found.into_iter().map(value).collect(),
        other => Err(unexpected(operation, &other)),
    }
}

pub async fn forget(shared: &Shared, rows: Vec<RowsKey>) -> Result<(), QueueError> {
    let mut jobs: BTreeMap<JobId, Vec<String>> = BTreeMap::new();
    for key in rows {
        jobs.entry(key.task.job).or_default().push(rows_field(&key));
    }
    for (job, fields) in jobs {
        let key = shared.job(job).rows;
        for fields in fields.chunks(MOST_AT_ONCE) {
            let mut command = redis::cmd("HDEL");
            command.arg(&key).arg(fields);
            shared.bulk.request(&command).await?;
        }
    }
    Ok(())
}

pub async fn close(shared: &Shared, job: JobId) -> Result<(), QueueError> {
    shared.collecting.lock().expect("no holder panics").remove(&job);
    let mut unlink = redis::cmd("UNLINK"); // One command: no finish gets between two keys.
    unlink.arg(shared.job(job).all().collect::<Vec<_>>());
    shared.bulk.request(&unlink).await?;
    let mut leave = redis::cmd("ZREM");
    leave.arg(shared.keys.jobs()).arg(job.to_string());
    shared.bulk.request(&leave).await?;
    Ok(())
}
