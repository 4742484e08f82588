//! Small tasks and outcomes.

use std::sync::Arc;
use std::time::Duration;

use sheaf_common::job::{Class, JobId, TaskId, WorkerId};
use sheaf_common::numbers::{BlockNumber, TaskNumber};
use sheaf_common::outcome::{Outcome, TaskResult};
use sheaf_common::queue::{Completion, Lease, Leased};
use sheaf_common::row::Block;
use sheaf_common::rows::RowsKey;
use sheaf_common::task::{Nap, Render, Task, Work};

pub fn id(job: u64, class: Class, number: u64) -> TaskId {
    TaskId { job: JobId(job), class, number: TaskNumber(number) }
}

/// A nap of no length, to be leased as an extract task.
pub fn nap(job: u64, number: u64) -> Task {
    nap_of(id(job, Class::Extract, number))
}

pub fn nap_of(id: TaskId) -> Task {
    Task { id, work: Work::Nap(Nap { name: format!("item{}", id.number), length: Duration::ZERO }) }
}

pub fn naps(job: u64, numbers: std::ops::Range<u64>) -> Vec<Task> {
    numbers.map(|number| nap(job, number)).collect()
}

/// A task that takes about `bytes` on the queue.
pub fn heavy(job: u64, number: u64, bytes: usize) -> Task {
    let work = Work::Nap(Nap { name: "x".repeat(bytes), length: Duration::ZERO });
    Task { id: id(job, Class::Extract, number), work }
}

pub fn worker(name: &str) -> WorkerId {
    WorkerId(name.into())
}

pub fn outcome(task: TaskId, slot: &str) -> Outcome {
    let name = format!("item{}", task.number);
    Outcome { task, slot: slot.into(), result: TaskResult::NapEnded { name, seconds: 0.0 } }
}

/// A completion of the task under `lease`, marked with `slot`, with a block for each of `rows`.
pub fn completion(lease: &Lease, slot: &str, rows: &[&str]) -> Completion {
    let block = |text: &&str| Arc::new(text.as_bytes().to_vec());
    let rows = (0..).map(BlockNumber).zip(rows.iter().map(block)).collect();
    Completion { lease: lease.clone(), outcome: outcome(lease.task, slot), rows, has_past: false }
}

/// The key of a block of rows under `lease`.
pub fn rows_key(lease: &Lease, block: u32) -> RowsKey {
    lease.rows_key(BlockNumber(block))
}

pub fn block(text: &str) -> Option<Block> {
    Some(Arc::new(text.as_bytes().to_vec()))
}

/// A render task that is addressed to `worker`, as if that had stashed the rows.
pub fn addressed(job: u64, number: u64, worker: &str) -> Task {
    let spec = Arc::default();
    let stashed_by = Some(WorkerId(worker.into()));
    Task {
        id: id(job, Class::Render, number),
        work: Work::Render(Render { spec, units: Vec::new(), stashed_by }),
    }
}

pub fn leases(leased: &[Leased]) -> Vec<Lease> {
    leased.iter().map(|leased| leased.lease.clone()).collect()
}

/// The numbers of tasks, in the order in which they were leased.
pub fn numbers(leased: &[Leased]) -> Vec<u64> {
    leased.iter().map(|leased| leased.task.id.number.0).collect()
}
