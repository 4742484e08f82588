//! The state of a job of this process.

use std::sync::Arc;

use super::keys::JobKeys;
use super::state::Shared;
use crate::job::JobId;
use crate::queue::JobOwner;

/// A job of this process, as its handles share it.
pub struct OfJob {
    pub shared: Arc<Shared>,
    pub id: JobId,
    pub keys: JobKeys,
    pub owner: JobOwner,
}
