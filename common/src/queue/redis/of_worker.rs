//! The state of a worker of this process.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::registry::WorkerInfo;
use super::state::Shared;
use super::unconfirmed::Unconfirmed;
use crate::job::WorkerId;

/// A worker of this process.
pub struct OfWorker {
    pub shared: Arc<Shared>,
    pub id: WorkerId,
    /// Its entry in the registry; `None`: it is not in the registry.
    pub listed: Option<WorkerInfo>,
    /// The bells that wake it: that for all workers, and that for tasks addressed to it.
    pub bells: [String; 2],
    /// Whether its last lease left no task for it: then there is none until a bell rings.
    pub is_empty: AtomicBool,
    /// Whether the bell for all workers has woken it since its last lease.
    pub is_woken: AtomicBool,
    pub unconfirmed: Unconfirmed,
}
