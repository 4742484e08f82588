//! A worker of this process, with what it knows of its queue.

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
    /// What the list of workers says of it; `None`: it is on none.
    pub listed: Option<WorkerInfo>,
    /// The bells that wake it: of tasks for all, and of those for it alone.
    pub bells: [String; 2],
    /// Whether its last lease left nothing for it: then there is nothing until a bell rings.
    pub is_empty: AtomicBool,
    /// Whether the bell for all has woken it since its last lease.
    pub is_woken: AtomicBool,
    pub unconfirmed: Unconfirmed,
}
