//! A worker's side of the queue.

use std::future::Future;
use std::time::Duration;

use super::{Completed, Completion, Known, Lease, Leased, Past, QueueError};
use crate::job::WorkerId;
use crate::outcome::Outcome;
use crate::row::Block;
use crate::rows::RowsKey;

/// A worker's side of a queue. Cheap to clone; all clones are the same worker.
pub trait WorkQueue: Clone + Send + Sync + 'static {
    /// The properties of the queue that the worker needs to know. Makes no call.
    fn traits(&self) -> Traits;

    /// Waits until there may be tasks to lease, at most `longest`; returns at once unless the queue
    /// is known to be empty. May be dropped at any time.
    ///
    /// A push wakes one waiting worker. That worker should lease next, or lease 0 tasks to pass the
    /// turn on.
    fn listen(&self, longest: Duration) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Leases up to `most` tasks, without waiting for any.
    ///
    /// Tasks of jobs of a higher priority go before all others. Among those of one priority, repairs
    /// go before render tasks, and these before extract tasks; jobs take turns; within a job and
    /// class the first pushed goes first. A task whose lease has ended goes before all that
    /// wait in its job and class. Until it is leased again, its last holder may still extend,
    /// complete or release it: being late alone loses no work.
    ///
    /// A call that is dropped before its end loses no task: the tasks that it leased go to others
    /// within seconds.
    fn lease(&self, most: usize) -> impl Future<Output = Result<Vec<Leased>, QueueError>> + Send;

    /// Extends leases to a full length from now. Returns those that no longer hold their task.
    fn extend_if_held(
        &self,
        leases: Vec<Lease>,
    ) -> impl Future<Output = Result<Vec<Lease>, QueueError>> + Send;

    /// Stores the outcomes of tasks, each if its lease still holds the task. The answers are in the
    /// order of `completions`.
    fn complete_if_held(
        &self,
        completions: &[Completion],
    ) -> impl Future<Output = Result<Vec<Completed>, QueueError>> + Send;

    /// Hands tasks back, to be leased by any worker at once. The delivery does not count. A stale
    /// lease is no error.
    fn release_if_held(
        &self,
        leases: Vec<Lease>,
    ) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Fetches blocks of rows, in the order of `keys`; `None` for a block that is not there.
    fn rows(
        &self,
        keys: Vec<RowsKey>,
    ) -> impl Future<Output = Result<Vec<Option<Block>>, QueueError>> + Send;

    /// Uploads blocks of rows from the worker's stash, as before it shuts down. They expire after a
    /// quarter of an hour or at [`super::JobQueue::forget`]. Blocks of a closed job are dropped;
    /// when the server is full, some or all may be.
    fn hand_over(
        &self,
        rows: &[(RowsKey, Block)],
    ) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Sends the coordinator news of a task that is still being done: an outcome to be collected,
    /// which does not finish the task.
    fn notify(&self, news: Outcome) -> impl Future<Output = Result<(), QueueError>> + Send;

    // The methods below are called only for tasks that went wrong before.

    /// A task's past, worth a call only if [`Leased::delivery`] is more than 1. Notes that
    /// `previous` let its lease on the task end ([`Leased::previous`]); pass `None` to ask again.
    fn past(
        &self,
        lease: &Lease,
        previous: Option<&WorkerId>,
    ) -> impl Future<Output = Result<Known, QueueError>> + Send;

    /// Replaces the past of a task, for its next holder. `false`: the lease no longer holds the
    /// task, and nothing was noted.
    fn note_if_held(
        &self,
        lease: &Lease,
        past: &Past,
    ) -> impl Future<Output = Result<bool, QueueError>> + Send;

    /// Hands a task back, with its past. Other workers may lease it at once, this one only after a
    /// further length of a lease. The delivery counts. A stale lease is no error.
    fn give_back_if_held(
        &self,
        lease: &Lease,
        past: &Past,
    ) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Whether another worker could do the tasks of this one.
    fn has_others(&self) -> impl Future<Output = Result<bool, QueueError>> + Send;
}

/// The properties of a queue that its workers need to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    /// How long a lease lasts after it is given or extended.
    pub lease: Duration,
    /// How long an outcome should wait for others, so that they share a call; zero: a call costs
    /// nothing.
    pub linger: Duration,
    /// Which rows the worker may stash.
    pub stashing: Stashing,
}

/// Which rows a worker may stash: hold in memory until it renders them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stashing {
    /// None: the queue is in this process anyway.
    Nothing,
    /// Copies of rows that are also on the queue: they save a fetch.
    Copies,
    /// Copies, and blocks that exist nowhere else. The worker is in the registry, so its end is
    /// noticed, and lost rows are extracted again.
    Alone,
}
