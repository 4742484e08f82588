//! Why a job does not run, or not faster.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::State;

/// What a job waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    pub state: State,
    /// The most important first; empty if nothing stands in its way.
    pub reasons: Vec<Reason>,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    pub code: ReasonCode,
    /// The reason, for people.
    pub text: String,
    /// What to do, for people.
    pub hint: Option<String>,
}

/// The kinds of reasons. Codes never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReasonCode {
    /// It is finished, and how.
    Finished,
    /// Somebody paused it, or is about to.
    Paused,
    /// The service runs as many jobs as it may.
    Queued,
    /// Jobs of a higher priority go first.
    BehindHigher,
    /// It shares the workers with others.
    Shares,
    /// No worker is there.
    NoWorkers,
    /// Workers are there, but all of another version.
    OtherVersion,
    /// The queue's server is away, full, or refuses.
    Queue,
    /// There is too little room on the disk.
    Disk,
    /// It runs, and nothing stands in its way.
    Runs,
}
