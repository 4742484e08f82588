//! A worker's side of the queue.

use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::{Known, Past, QueueError};
use crate::job::{TaskId, WorkerId};
use crate::outcome::Outcome;
use crate::row::Block;
use crate::task::{RowsKey, Task};

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

/// A worker's hold on a task. Whoever finishes, extends or releases shows it, and it must still be
/// the holder's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lease {
    pub task: TaskId,
    /// The engine's proof of this very hold; of no meaning to anyone else.
    pub token: String,
}

impl Lease {
    /// Names the rows of whatever is extracted under this very hold: see [`RowsKey::edition`].
    pub fn edition(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.task, &self.token).hash(&mut hasher);
        hasher.finish()
    }

    /// The name of a block of rows that is extracted under this very hold.
    pub fn rows_key(&self, block: u32) -> RowsKey {
        RowsKey::new(self.task, block, self.edition())
    }
}

/// A task and the hold on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Leased {
    pub lease: Lease,
    pub task: Task,
    /// How often the task was leased, this time included: 1 for the first. A release does not
    /// count, nor does an extension.
    pub delivery: u32,
    /// The worker that had it before and let the lease end, if there is one.
    pub previous: Option<WorkerId>,
}

/// A worker's result for a task, as it is handed in.
#[derive(Debug, Clone)]
pub struct Completion {
    pub lease: Lease,
    pub outcome: Outcome,
    /// Blocks of rows of an extract task, with their numbers; they stay on the queue, by the names
    /// that [`Lease::rows_key`] gives, until [`super::JobQueue::forget`].
    pub rows: Vec<(u32, Block)>,
    /// Whether something was noted of the task, which is to go with it.
    pub has_past: bool,
}

/// The queue's answer to a completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completed {
    /// Outcome and rows are stored, the task is gone.
    Stored,
    /// The lease no longer held the task: nothing was stored.
    Stale,
}
