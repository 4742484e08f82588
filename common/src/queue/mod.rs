//! The queue: where coordinator and workers meet. One trait for each side, and two engines.
//!
//! ```text
//!            push                lease                  complete_if_held            collect
//! (nowhere) ──────▶ waiting ──────────────▶ leased ─────────────────────▶ finished ─────────▶ (nowhere)
//!                      ▲                      │ │
//!                      └──────────────────────┘ └─ extend_if_held: the lease goes on
//!                        release_if_held, give_back_if_held, or the lease ends
//! ```
//!
//! * [`Queue`]: an engine with handles for both sides. [`MemoryQueue`]: within one process, without
//!   a server; the default of `sheaf run`. [`RedisQueue`]: on a Redis server, for workers on many
//!   machines.
//! * [`JobQueue`]: the coordinator's side of one job, with [`Supply`] and [`Outlook`] beside it.
//! * [`WorkQueue`]: a worker's side, for all jobs. [`Lease`]: its claim on a task.
//!
//! Code above the traits does not know its engine; both pass one conformance suite (`tests/`).

mod capacity;
mod error;
mod job_queue;
mod lease;
mod memory;
mod owner;
mod past;
mod priority;
mod redis;
mod work_queue;

use std::future::Future;
use std::time::Duration;

use crate::job::{JobId, WorkerId};

pub use self::redis::{
    Activity, JobSeen, RedisConfig, RedisJob, RedisOutlook, RedisQueue, RedisSettings, RedisSupply,
    RedisWorker, Timing, VersionInUse, WorkerInfo, WorkerSeen,
};
pub use capacity::Capacity;
pub use error::{QueueError, Reason};
pub use job_queue::{JobQueue, LostWorker, Outlook, Supply};
pub use lease::{Completed, Completion, Lease, Leased};
pub use memory::{MemoryJob, MemoryQueue, MemoryWorker};
pub use owner::{JobOwner, JobPlace};
pub use past::{Begun, Death, Fatal, Known, Past};
pub use priority::Priority;
pub use work_queue::{Stashing, Traits, WorkQueue};

/// The default length of a lease, from when it is given or extended.
pub const LEASE: Duration = Duration::from_secs(30);

/// An engine. Cheap to clone; all clones are one queue.
///
/// Every call of both sides may fail with [`QueueError`]. After any error but
/// [`QueueError::Unusable`] it may be tried again with the same arguments, even if the first try got
/// through: a task that waits already is not pushed twice, and rows may be dropped again.
pub trait Queue: Clone + Send + Sync + 'static {
    type Job: JobQueue;
    type Worker: WorkQueue;

    /// The coordinator's side of a job; at most one handle of a job at a time. Makes no call:
    /// [`JobQueue::open`] announces the job.
    fn job(&self, job: JobId, owner: JobOwner) -> Self::Job;

    /// The side of a worker that runs within its coordinator's process. It is not in the registry
    /// of workers, so its death would go unnoticed.
    fn worker(&self, worker: WorkerId) -> Self::Worker;

    /// Removes the remains of an earlier process's job; `false`: the job is not on this queue.
    fn close_left(&self, left: &JobPlace) -> impl Future<Output = Result<bool, QueueError>> + Send;
}
