//! The outcomes of one call as one value on the queue, so that the server does not handle each.

use serde::{Deserialize, Serialize};

/// The outcomes that one call sent, those under stale leases included. The entry lists the places
/// of those that do not count. The task could not tell them apart, as one call may bring a stale
/// and a valid outcome of the same task.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Batch(pub Vec<HandedIn>);

/// The outcome of one task, as it was sent.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HandedIn {
    /// The task's field in `tasks`; empty for news.
    pub field: String,
    /// The lease id under which the task was finished; empty for news.
    pub lease_id: String,
    /// The outcome, encoded; empty if it is a blob.
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
}
