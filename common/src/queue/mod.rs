//! The queue: the one trait through which coordinator and workers meet, and its engines.
//!
//! ```text
//!            push                lease                  complete_if_held            collect
//! (nowhere) ──────▶ waiting ──────────────▶ leased ─────────────────────▶ finished ─────────▶ (nowhere)
//!                      ▲                      │ │
//!                      └──────────────────────┘ └─ extend_if_held: the lease goes on
//!                        release_if_held, give_back_if_held, or the lease ends
//! ```
//!
//! * [`MemoryQueue`]: within one process, no server; what `sheaf run` uses by default.
//! * [`RedisQueue`]: on a Redis server, for workers on many machines.
//!
//! Nothing above the trait knows which engine it has; one conformance suite (`tests/`) holds for
//! all.

mod memory;
mod owner;
mod past;
mod redis;

use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use crate::job::{JobId, TaskId, WorkerId};
use crate::outcome::Outcome;
use crate::row::Block;
use crate::task::{RowsKey, Task};

pub use self::redis::{
    JobSeen, RedisConfig, RedisQueue, RedisSettings, Timing, VersionInUse, WorkerInfo, WorkerSeen,
};
pub use memory::MemoryQueue;
pub use owner::{JobOwner, JobPlace};
pub use past::{Begun, Death, Fatal, Known, Past};

/// How long a lease lasts after it was given or extended, unless a queue is set up otherwise.
pub const LEASE: Duration = Duration::from_secs(30);

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
    /// that [`Lease::rows_key`] gives, until [`Queue::forget`].
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

/// Why the queue did not answer as it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// The server cannot be reached or broke off; trying again may help.
    #[error("could not reach the queue: {0}")]
    Unreachable(String),
    /// The server is there, and refuses what it is asked for just now; trying again may help. Says
    /// what to do about it.
    #[error("{0}")]
    Refused(String),
    /// The server has no room; trying again after a while may help.
    #[error("the queue is full: {0}")]
    Full(String),
    /// This process can open no connection: the fault is here. Trying again after a while may help.
    #[error("no connection to the queue can be opened: {0}")]
    Here(String),
    /// The server answers, but cannot be used as it is; trying again is of no use.
    #[error("{reason}")]
    Unusable { reason: String, hint: Option<String> },
}

impl QueueError {
    /// Something that the user may try, if there is any.
    pub fn hint(&self) -> Option<&str> {
        match self {
            QueueError::Unreachable(why) if why.contains("maxclients") => {
                Some("raise `maxclients` on the server, or start fewer workers and runs")
            }
            QueueError::Unreachable(_) => {
                Some("is Redis running there, and does the network let this machine through?")
            }
            QueueError::Refused(_) => None,
            QueueError::Full(_) => {
                Some("give Redis more `maxmemory`, or Sheaf less: `--redis-budget`")
            }
            QueueError::Here(_) => {
                Some("raise the limit of open files (`ulimit -n`, `LimitNOFILE=` of a service)")
            }
            QueueError::Unusable { hint, .. } => hint.as_deref(),
        }
    }
}

/// A queue of tasks. Cheap to clone; all clones are one queue.
///
/// Every method may fail with [`QueueError`]; all but [`QueueError::Unusable`] may be retried, as
/// every method may be called again with the same arguments: a task that waits is not pushed twice,
/// what is forgotten is forgotten, and so on.
pub trait Queue: Clone + Send + Sync + 'static {
    // ---- the coordinator's side

    /// Says whose a job is, before its first tasks. Its coordinator is taken for alive as long as
    /// it collects; without, a job is first left alone and then removed, where it outlives its
    /// process.
    fn open(
        &self,
        job: JobId,
        owner: JobOwner,
    ) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Where a later process finds the job; `None`: it ends with this process.
    fn place(&self, job: JobId) -> Option<JobPlace>;

    /// Removes what an earlier process left of a job; `false`: it does not stand on this queue.
    fn close_left(&self, left: &JobPlace) -> impl Future<Output = Result<bool, QueueError>> + Send;

    /// Puts tasks on the queue. A task whose id waits or is leased already is left as it is. One
    /// that names a worker ([`Task::addressee`]) is leased by that worker alone, or by anyone once
    /// [`Queue::missing`] found that it is gone.
    fn push(&self, tasks: &[Task]) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Takes up to `most` outcomes of `job` off the queue, in the order in which they were stored;
    /// waits up to `wait` for the first.
    fn collect(
        &self,
        job: JobId,
        most: usize,
        wait: Duration,
    ) -> impl Future<Output = Result<Vec<Outcome>, QueueError>> + Send;

    /// Drops blocks of rows; those that are not there are no error.
    fn forget(&self, rows: Vec<RowsKey>) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Those of `tasks` that neither wait, nor are leased, nor have an outcome to collect: the
    /// queue has lost them. Tasks that wait for a worker that is gone are handed to all.
    fn missing(
        &self,
        tasks: Vec<TaskId>,
    ) -> impl Future<Output = Result<Vec<TaskId>, QueueError>> + Send;

    /// Why tasks may wait in vain, in the user's words: what the server refuses, or that there are
    /// no workers who can do them, if it `needs_others`. `None`: nothing stands in the way.
    fn why_idle(
        &self,
        needs_others: bool,
    ) -> impl Future<Output = Result<Option<String>, QueueError>> + Send;

    /// Faults of the workers that do not keep them from working, in the user's words.
    fn remarks(&self) -> impl Future<Output = Result<Vec<String>, QueueError>> + Send;

    /// The workers that hold tasks of a job, and were not heard of for a while.
    fn lost(&self, job: JobId) -> impl Future<Output = Result<Vec<LostWorker>, QueueError>> + Send;

    /// Whether calls have been failing for longer than a moment, and are tried again: see
    /// [`Queue::why_idle`]. Asks no server.
    fn is_in_trouble(&self) -> bool {
        false
    }

    /// The slots and the room that a job has beside this process.
    fn capacity(&self) -> impl Future<Output = Result<Capacity, QueueError>> + Send;

    /// Removes everything of a job: tasks, rows, outcomes. What is leased goes stale.
    fn close(&self, job: JobId) -> impl Future<Output = Result<(), QueueError>> + Send;

    // ---- the worker's side

    /// How long a lease lasts after it was given or extended.
    fn lease_length(&self) -> Duration;

    /// Leases up to `most` tasks; waits up to `wait` for the first.
    ///
    /// Repairs go before render tasks, and these before extract tasks; jobs take turns; within a
    /// job and class the first pushed goes first. A task whose lease has ended is given out again
    /// before any that waits in its job and class. Until that happens, the one who held it last may
    /// still extend, complete or release it: its work is not lost by being late alone.
    ///
    /// A caller that stops waiting loses no task: what was leased meanwhile is released.
    fn lease(
        &self,
        worker: &WorkerId,
        most: usize,
        wait: Duration,
    ) -> impl Future<Output = Result<Vec<Leased>, QueueError>> + Send;

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
    fn has_others(&self, than: &WorkerId) -> impl Future<Output = Result<bool, QueueError>> + Send;

    /// Puts blocks of rows on the queue that a worker has kept until now, and can keep no longer:
    /// whoever renders them finds them for a quarter of an hour, or until [`Queue::forget`]. Those
    /// of a job that is closed go nowhere. Of a queue that is full, none may be there.
    fn hand_over(
        &self,
        rows: &[(RowsKey, Block)],
    ) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Fetches blocks of rows, in the order of `keys`; `None` for one that is not there.
    fn rows(
        &self,
        keys: Vec<RowsKey>,
    ) -> impl Future<Output = Result<Vec<Option<Block>>, QueueError>> + Send;

    /// Tells the coordinator something about a task that goes on: an outcome to be collected, which
    /// ends nothing.
    fn notify(&self, news: Outcome) -> impl Future<Output = Result<(), QueueError>> + Send;
}
