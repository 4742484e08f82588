//! The state of a job of this process.

use std::sync::{Arc, Mutex, MutexGuard};

use super::keys::JobKeys;
use super::state::Shared;
use crate::job::JobId;
use crate::queue::{JobOwner, Priority};

/// A job of this process, as its handles share it.
pub struct OfJob {
    pub shared: Arc<Shared>,
    pub id: JobId,
    pub keys: JobKeys,
    owner: Mutex<JobOwner>,
}

impl OfJob {
    pub fn new(shared: &Arc<Shared>, id: JobId, owner: JobOwner) -> Self {
        let owner = Mutex::new(JobOwner { lease_ms: shared.lease_ms(), ..owner });
        OfJob { shared: Arc::clone(shared), id, keys: shared.keys.job(id), owner }
    }

    /// The owner, with the priority that the job has now.
    pub fn owner(&self) -> JobOwner {
        self.lock().clone()
    }

    pub fn priority(&self) -> Priority {
        self.lock().priority
    }

    /// The priority as scripts want it: see `score_of` in `lua/prelude.lua`.
    pub fn level(&self) -> i8 {
        match self.priority() {
            Priority::High => -1,
            Priority::Normal => 0,
            Priority::Low => 1,
        }
    }

    pub fn set_priority(&self, priority: Priority) {
        self.lock().priority = priority;
    }

    fn lock(&self) -> MutexGuard<'_, JobOwner> {
        self.owner.lock().expect("no holder panics")
    }
}
