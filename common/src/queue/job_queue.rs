//! The coordinator's side of the queue, for one job.

use std::future::Future;
use std::time::Duration;

use super::{JobPlace, QueueError};
use crate::job::TaskId;
use crate::outcome::Outcome;
use crate::rows::RowsKey;
use crate::task::Task;

/// The coordinator's side of one job. One task of the runtime uses it; what others need is in
/// [`Supply`] and [`Outlook`].
///
/// A call that is dropped before its end changes nothing that a later one would not put right.
pub trait JobQueue: Send + 'static {
    type Supply: Supply;
    type Outlook: Outlook;

    /// The way for tasks, to be used beside the loop that collects.
    fn supply(&self) -> Self::Supply;

    /// What can be asked while a call is under way.
    fn outlook(&self) -> Self::Outlook;

    /// Where a later process finds the job; `None`: it ends with this process.
    fn place(&self) -> Option<JobPlace>;

    /// Says whose the job is, before its first tasks. Its coordinator is taken for alive as long as
    /// it collects; without, a job is first left alone and then removed, where it outlives its
    /// process.
    fn open(&mut self) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Takes up to `most` outcomes off the queue, in the order in which they were stored; waits up
    /// to `wait` for the first.
    fn collect(
        &mut self,
        most: usize,
        wait: Duration,
    ) -> impl Future<Output = Result<Vec<Outcome>, QueueError>> + Send;

    /// Those of `tasks` that neither wait, nor are leased, nor have an outcome to collect: the
    /// queue has lost them. Tasks that wait for a worker that is gone are handed to all.
    fn missing(
        &mut self,
        tasks: Vec<TaskId>,
    ) -> impl Future<Output = Result<Vec<TaskId>, QueueError>> + Send;

    /// Drops blocks of rows; those that are not there are no error.
    fn forget(&mut self, rows: Vec<RowsKey>)
    -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Removes everything of the job: tasks, rows, outcomes. What is leased goes stale.
    fn close(&mut self) -> impl Future<Output = Result<(), QueueError>> + Send;
}

/// Puts tasks of one job on the queue. Cheap to clone.
pub trait Supply: Clone + Send + Sync + 'static {
    /// Puts tasks of the job on the queue. A task whose id waits or is leased already is left as it
    /// is. One that names a worker ([`Task::addressee`]) is leased by that worker alone, or by
    /// anyone once [`JobQueue::missing`] found that it is gone.
    fn push(&self, tasks: &[Task]) -> impl Future<Output = Result<(), QueueError>> + Send;
}

/// Says how a job stands with its queue. Cheap to clone.
pub trait Outlook: Clone + Send + Sync + 'static {
    /// Why tasks may wait in vain, in the user's words: what the server refuses, or that there are
    /// no workers who can do them, if the job `needs_others`. `None`: nothing stands in the way.
    fn why_idle(
        &self,
        needs_others: bool,
    ) -> impl Future<Output = Result<Option<String>, QueueError>> + Send;

    /// Faults of the workers that do not keep them from working, in the user's words.
    fn remarks(&self) -> impl Future<Output = Result<Vec<String>, QueueError>> + Send;

    /// The workers that hold tasks of the job, and were not heard of for a while.
    fn lost(&self) -> impl Future<Output = Result<Vec<LostWorker>, QueueError>> + Send;

    /// Whether calls have been failing for longer than a moment, and are tried again: see
    /// [`Outlook::why_idle`]. Asks no server.
    fn is_in_trouble(&self) -> bool;

    /// The slots and the room that the job has beside this process.
    fn capacity(&self) -> impl Future<Output = Result<Capacity, QueueError>> + Send;
}

/// The slots and the room of a queue, beside the process that asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capacity {
    /// The slots of all workers that said that they are there.
    pub slots: usize,
    /// How much the servers may hold that have the bytes; `None`: no limit is known.
    pub bytes: Option<u64>,
}

/// A worker that may be lost: nothing is heard of it, and it holds tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostWorker {
    pub worker: String,
    /// How long it was not heard of.
    pub silent: Duration,
    pub tasks: u64,
    /// In how long others take its tasks over, at most.
    pub left: Duration,
}
