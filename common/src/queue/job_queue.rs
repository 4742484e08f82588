//! The coordinator's side of the queue, for one job.

use std::future::Future;
use std::time::Duration;

use super::{Capacity, JobPlace, Priority, QueueError};
use crate::job::TaskId;
use crate::outcome::Outcome;
use crate::row::Block;
use crate::rows::RowsKey;
use crate::task::Task;

/// The coordinator's side of one job, for one task of the runtime. Others use [`Supply`] and
/// [`Outlook`].
///
/// A call may be dropped before its end: a later call repairs what it left half done.
pub trait JobQueue: Send + 'static {
    type Supply: Supply;
    type Outlook: Outlook;

    /// A handle to push tasks while another call is under way.
    fn supply(&self) -> Self::Supply;

    /// A handle for questions while another call is under way.
    fn outlook(&self) -> Self::Outlook;

    /// Where a later process finds the job; `None`: the job ends with this process.
    fn place(&self) -> Option<JobPlace>;

    /// Announces the job and its owner, before its first tasks. The coordinator counts as alive as
    /// long as it collects. On a queue that outlives the process, a job without a living
    /// coordinator is first parked, then removed.
    fn open(&mut self) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Takes up to `most` outcomes off the queue, in the order stored. Waits up to `wait` for the
    /// first; empty if none comes.
    fn collect(
        &mut self,
        most: usize,
        wait: Duration,
    ) -> impl Future<Output = Result<Vec<Outcome>, QueueError>> + Send;

    /// Those of `tasks` that the queue has lost: they neither wait, nor are leased, nor have an
    /// outcome to collect. Also hands tasks that are addressed to a dead worker to all workers.
    fn missing(
        &mut self,
        tasks: Vec<TaskId>,
    ) -> impl Future<Output = Result<Vec<TaskId>, QueueError>> + Send;

    /// Blocks of rows that are on the queue, in the order of `keys`; `None` for a block that is not
    /// there. They stay there.
    fn rows(
        &mut self,
        keys: Vec<RowsKey>,
    ) -> impl Future<Output = Result<Vec<Option<Block>>, QueueError>> + Send;

    /// Changes the priority of the job, which was that of its owner. Tasks that are leased stay
    /// leased; the job keeps its turn among those of its new priority.
    fn prioritise(
        &mut self,
        priority: Priority,
    ) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Drops blocks of rows; a missing block is no error.
    fn forget(&mut self, rows: Vec<RowsKey>)
    -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Removes everything of the job: tasks, rows, outcomes. Its leases go stale.
    fn close(&mut self) -> impl Future<Output = Result<(), QueueError>> + Send;
}

/// Puts tasks of one job on the queue. Cheap to clone.
pub trait Supply: Clone + Send + Sync + 'static {
    /// Puts tasks of the job on the queue. A task whose id waits or is leased already is left as it
    /// is. An addressed task ([`Task::addressee`]) goes to that worker alone, or to any worker once
    /// [`JobQueue::missing`] has found the addressee gone.
    fn push(&self, tasks: &[Task]) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Puts blocks of rows on the queue that no worker extracts for this job, before the render
    /// tasks that name them. Blocks that are there already are replaced.
    fn put_rows(
        &self,
        rows: &[(RowsKey, Block)],
    ) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// The most bytes of a file that a task may carry; `None`: any number. Asks no server.
    fn largest_file(&self) -> Option<u64>;
}

/// Answers questions about a job on its queue. Cheap to clone.
pub trait Outlook: Clone + Send + Sync + 'static {
    /// Why tasks may wait in vain, in the user's words: a refusal of the server, or the lack of
    /// suitable workers if the job `needs_others`. `None`: nothing stands in the way.
    fn why_idle(
        &self,
        needs_others: bool,
    ) -> impl Future<Output = Result<Option<String>, QueueError>> + Send;

    /// Faults in the setup of workers that do not stop them, in the user's words.
    fn remarks(&self) -> impl Future<Output = Result<Vec<String>, QueueError>> + Send;

    /// The workers that hold tasks of the job and have been silent for a while.
    fn lost(&self) -> impl Future<Output = Result<Vec<LostWorker>, QueueError>> + Send;

    /// Whether calls have been failing, and are being retried, for more than a moment:
    /// [`Outlook::why_idle`] says why. Makes no call.
    fn is_in_trouble(&self) -> bool;

    /// The slots and the room for bytes that the job has beside this process, and with how many
    /// jobs it shares them.
    fn capacity(&self) -> impl Future<Output = Result<Capacity, QueueError>> + Send;
}

/// A worker that may be lost: it is silent, and holds tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostWorker {
    pub worker: String,
    /// How long it has been silent.
    pub silent: Duration,
    pub tasks: u64,
    /// The longest time until others take its tasks over.
    pub left: Duration,
}
