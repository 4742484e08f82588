//! The service itself, and its workers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Service {
    pub version: String,
    pub host: String,
    #[schema(format = DateTime)]
    pub started: String,
    /// How many files this machine reads at once.
    pub slots: u32,
    /// The address of Redis, without a password; absent: all work is done on this machine.
    pub redis: Option<String>,
    /// Whether jobs may name paths of this machine.
    pub takes_paths: bool,
    /// Whether new jobs and uploads are taken; if not, `refusal` says why.
    pub accepts: bool,
    pub refusal: Option<String>,
    /// The free bytes on the disk of the data folder, and how many must stay free.
    pub free_bytes: u64,
    pub reserved_bytes: u64,
    /// The largest content that may be uploaded.
    pub largest_content: u64,
    /// How long finished jobs stay, in seconds; absent: for ever.
    pub keep_seconds: Option<u64>,
    /// Whether the caller may change things.
    pub may_write: bool,
    pub jobs_active: u64,
    pub jobs_finished: u64,
}

/// A worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Worker {
    pub id: String,
    pub host: String,
    pub version: String,
    /// Whether it can do tasks of this service: the same version and wire format.
    pub fits: bool,
    pub slots: u32,
    pub busy: u32,
    pub files_done: u64,
    pub bytes_done: u64,
    /// Milliseconds since it was last heard of.
    pub seen_ms: u64,
    /// Whether it is a part of the service.
    pub own: bool,
}

/// The workers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkerPage {
    pub workers: Vec<Worker>,
}

/// A link to an output that needs no token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ticket {
    /// From the root of the service; good for a minute.
    pub url: String,
}
