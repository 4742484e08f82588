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
    /// What the worker has to know of its queue. Asks no server.
    fn traits(&self) -> Traits;

    /// Waits until there may be tasks to lease, at most `longest`; returns at once as long as
    /// nobody said that there are none. A caller may stop waiting at any time.
    ///
    /// Of several workers that wait, one is woken by what is pushed: it should lease next, or say
    /// that it cannot by leasing 0 tasks.
    fn listen(&self, longest: Duration) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Leases up to `most` of the tasks that are there, without waiting for any.
    ///
    /// Repairs go before render tasks, and these before extract tasks; jobs take turns; within a
    /// job and class the first pushed goes first. A task whose lease has ended is given out again
    /// before any that waits in its job and class. Until that happens, the one who held it last may
    /// still extend, complete or release it: its work is not lost by being late alone.
    ///
    /// A call that is dropped before its end loses no task: what it leased goes to others within
    /// seconds.
    fn lease(&self, most: usize) -> impl Future<Output = Result<Vec<Leased>, QueueError>> + Send;

    /// Lets leases go on for a full length from now. Returns those that no longer hold their task.
    fn extend_if_held(
        &self,
        leases: Vec<Lease>,
    ) -> impl Future<Output = Result<Vec<Lease>, QueueError>> + Send;

    /// Stores what tasks came to, each if its lease still holds it; the answers are in the order of
    /// `completions`.
    fn complete_if_held(
        &self,
        completions: &[Completion],
    ) -> impl Future<Output = Result<Vec<Completed>, QueueError>> + Send;

    /// Hands tasks back, to be leased by anyone at once; the delivery does not count. A stale lease
    /// is no error.
    fn release_if_held(
        &self,
        leases: Vec<Lease>,
    ) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Fetches blocks of rows, in the order of `keys`; `None` for one that is not there.
    fn rows(
        &self,
        keys: Vec<RowsKey>,
    ) -> impl Future<Output = Result<Vec<Option<Block>>, QueueError>> + Send;

    /// Uploads row blocks that only this worker had, e.g. before it shuts down. They expire after a
    /// quarter of an hour or at [`super::JobQueue::forget`]. Blocks of a closed job are dropped;
    /// when the server is full, some or all may be.
    fn hand_over(
        &self,
        rows: &[(RowsKey, Block)],
    ) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Tells the coordinator something about a task that goes on: an outcome to be collected, which
    /// ends nothing.
    fn notify(&self, news: Outcome) -> impl Future<Output = Result<(), QueueError>> + Send;

    // For tasks that went wrong: nothing of this is called for others.

    /// A task's past, to be asked for if [`Leased::delivery`] is more than 1. Takes note that
    /// `previous` let its lease on it end ([`Leased::previous`]); to ask again, leave it out.
    fn past(
        &self,
        lease: &Lease,
        previous: Option<&WorkerId>,
    ) -> impl Future<Output = Result<Known, QueueError>> + Send;

    /// Notes what befell a task, for whoever has it next; takes the place of what was noted before.
    /// `false`: the lease no longer holds the task, and nothing was noted.
    fn note_if_held(
        &self,
        lease: &Lease,
        past: &Past,
    ) -> impl Future<Output = Result<bool, QueueError>> + Send;

    /// Hands a task back, with what befell it: for the other workers at once, for this one only if
    /// none of them took it within the length of a lease. The delivery counts. A stale lease is no
    /// error.
    fn give_back_if_held(
        &self,
        lease: &Lease,
        past: &Past,
    ) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Whether there is another worker that could do what this one does.
    fn has_others(&self) -> impl Future<Output = Result<bool, QueueError>> + Send;
}

/// What a worker has to know of its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    /// How long a lease lasts after it was given or extended.
    pub lease: Duration,
    /// How long the first of few outcomes should wait for others, as a call costs more than they
    /// do; zero: a call costs nothing.
    pub linger: Duration,
    /// Which rows the worker may hold in memory.
    pub stashing: Stashing,
}

/// Which rows a worker may hold in memory until they are rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stashing {
    /// None: those on the queue are in this process anyway.
    Nothing,
    /// Copies of those that it stores on the queue, which it need not fetch then.
    Copies,
    /// Copies, and blocks that nobody else has: if this worker ends, it is noticed, and they are
    /// extracted again.
    Alone,
}
