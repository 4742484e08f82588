//! The outcomes of one call, as they stand on the queue: one value, so that the server has no work
//! with each.

use serde::{Deserialize, Serialize};

/// The outcomes that one call handed in, those of stale leases included: the entry says which do
/// not count, by their places. The task would not tell: a stale and a valid outcome of one task may
/// come in one call.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Batch(pub Vec<HandedIn>);

/// The outcome of one task, as it was handed in.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HandedIn {
    /// The task's field in `tasks`; empty for news.
    pub field: String,
    /// The hold that finished it.
    pub hold: String,
    /// The outcome, encoded; empty if it stands apart.
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
}
