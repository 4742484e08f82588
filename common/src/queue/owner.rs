//! A job beside its tasks: whose it is, and where it stands.

use serde::{Deserialize, Serialize};

use crate::job::JobId;

/// Whose a job is, as its coordinator says it.
///
/// Written as JSON, with every field optional, as readers of different versions share it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobOwner {
    /// The machine of the coordinator.
    pub host: String,
    pub pid: u32,
    /// The first output, as it was typed.
    pub output: String,
    /// The lease that its queue has.
    pub lease_ms: u64,
}

/// Where a job stands, so that a later process finds what an earlier one left of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobPlace {
    /// The server's address, without credentials.
    pub server: String,
    pub queue: String,
    /// The version under which its keys stand.
    pub version: String,
    pub job: JobId,
}
