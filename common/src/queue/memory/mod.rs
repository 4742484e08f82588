//! The queue within one process.
//!
//! * [`state`]: tasks, leases, rows and outcomes. [`job`]: the coordinator's side. [`worker`]: a
//!   worker's side.

mod job;
mod state;
mod worker;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;

use super::{JobOwner, JobPlace, LEASE, Queue, QueueError};
use crate::job::{JobId, WorkerId};
pub use job::MemoryJob;
use state::State;
pub use worker::MemoryWorker;

/// The queue that `sheaf run` uses without a server. It uses tokio's clock, which tests can stop.
#[derive(Clone)]
pub struct MemoryQueue {
    shared: Arc<Shared>,
}

struct Shared {
    lease: Duration,
    state: Mutex<State>,
    /// Wakes the workers when a task begins to wait.
    pushed: Notify,
}

impl Default for MemoryQueue {
    fn default() -> Self {
        Self::with_lease(LEASE)
    }
}

impl MemoryQueue {
    /// A queue whose leases last `lease`.
    pub fn with_lease(lease: Duration) -> Self {
        let shared = Shared { lease, state: Mutex::default(), pushed: Notify::new() };
        MemoryQueue { shared: Arc::new(shared) }
    }
}

impl Queue for MemoryQueue {
    type Job = MemoryJob;
    type Worker = MemoryWorker;

    /// Of the owner only the priority counts: the job ends with this process.
    fn job(&self, job: JobId, owner: JobOwner) -> MemoryJob {
        MemoryJob { shared: Arc::clone(&self.shared), job, priority: owner.priority }
    }

    fn worker(&self, worker: WorkerId) -> MemoryWorker {
        MemoryWorker { shared: Arc::clone(&self.shared), id: worker }
    }

    async fn close_left(&self, _left: &JobPlace) -> Result<bool, QueueError> {
        Ok(false)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}
