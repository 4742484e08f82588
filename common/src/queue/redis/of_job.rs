//! A job of this process, with the way to it.

use std::sync::Arc;

use super::keys::JobKeys;
use super::state::Shared;
use crate::job::JobId;
use crate::queue::JobOwner;

/// A job of this process: what its handles share.
pub struct OfJob {
    pub shared: Arc<Shared>,
    pub id: JobId,
    pub keys: JobKeys,
    pub owner: JobOwner,
}
