//! The owner of a job, and the place of the job on a queue.

use serde::{Deserialize, Serialize};

use super::Priority;
use crate::job::JobId;

/// The owner of a job, in the words of its coordinator.
///
/// Stored as JSON, with every field optional, as different versions read it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobOwner {
    /// The machine of the coordinator.
    pub host: String,
    pub pid: u32,
    /// The first output, as it was typed.
    pub output: String,
    /// The length of a lease on its queue.
    pub lease_ms: u64,
    /// The priority of the job.
    pub priority: Priority,
}

/// Where a job is, so that a later process finds the remains of an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobPlace {
    /// The server's address, without credentials.
    pub server: String,
    pub queue: String,
    /// The version in the names of its keys.
    pub version: String,
    pub job: JobId,
}
