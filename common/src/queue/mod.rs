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
//! * [`Queue`]: an engine, which gives both sides. [`MemoryQueue`]: within one process, no server;
//!   what `sheaf run` uses by default. [`RedisQueue`]: on a Redis server, for workers on many
//!   machines.
//! * [`JobQueue`]: the coordinator's side of one job, with [`Supply`] and [`Outlook`] beside it.
//! * [`WorkQueue`]: a worker's side, of all jobs. [`Lease`]: its hold on a task.
//!
//! Nothing above the traits knows which engine it has; one conformance suite (`tests/`) holds for
//! all.

mod error;
mod job_queue;
mod lease;
mod memory;
mod owner;
mod past;
mod redis;
mod work_queue;

use std::future::Future;
use std::time::Duration;

use crate::job::{JobId, WorkerId};

pub use self::redis::{
    Activity, JobSeen, RedisConfig, RedisJob, RedisOutlook, RedisQueue, RedisSettings, RedisSupply,
    RedisWorker, Timing, VersionInUse, WorkerInfo, WorkerSeen,
};
pub use error::{QueueError, Reason};
pub use job_queue::{Capacity, JobQueue, LostWorker, Outlook, Supply};
pub use lease::{Completed, Completion, Lease, Leased};
pub use memory::{MemoryJob, MemoryQueue, MemoryWorker};
pub use owner::{JobOwner, JobPlace};
pub use past::{Begun, Death, Fatal, Known, Past};
pub use work_queue::{Stashing, Traits, WorkQueue};

/// How long a lease lasts after it was given or extended, unless a queue is set up otherwise.
pub const LEASE: Duration = Duration::from_secs(30);

/// An engine. Cheap to clone; all clones are one queue.
///
/// Every call of both sides may fail with [`QueueError`]; all but [`QueueError::Unusable`] may be
/// retried, as every method may be called again with the same arguments: a task that waits is not
/// pushed twice, what is forgotten is forgotten, and so on.
pub trait Queue: Clone + Send + Sync + 'static {
    type Job: JobQueue;
    type Worker: WorkQueue;

    /// The coordinator's side of a job: one at a time. Calls nobody yet; [`JobQueue::open`] says
    /// whose job it is.
    fn job(&self, job: JobId, owner: JobOwner) -> Self::Job;

    /// The side of a worker that runs within its coordinator's process: no list names it, and
    /// nobody would notice its end.
    fn worker(&self, worker: WorkerId) -> Self::Worker;

    /// Removes what an earlier process left of a job; `false`: it does not stand on this queue.
    fn close_left(&self, left: &JobPlace) -> impl Future<Output = Result<bool, QueueError>> + Send;
}
