//! The files of a job, and its progress over time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A file of a job that is done, as in its job log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FileLine {
    /// Its place among all files, from 0.
    pub sequence: u64,
    pub path: String,
    pub status: FileStatusName,
    /// The code of the problem; absent if there is none.
    pub kind: Option<String>,
    /// The problem, for people.
    pub reason: Option<String>,
    pub rows: u64,
    pub bytes: u64,
    pub encoding: Option<String>,
    pub attempts: u32,
    pub seconds: f64,
    /// The worker and its slot.
    pub slot: Option<String>,
}

/// How reading a file ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FileStatusName {
    Done,
    /// It cannot be read as it is.
    Failed,
    /// It killed its process on every attempt. `status=failed` finds these, too.
    Dead,
}

/// Some files of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FilePage {
    pub files: Vec<FileLine>,
    /// How many files match, on all pages.
    pub total: u64,
    /// How many files failed for each kind of problem, whatever was searched for.
    pub kinds: BTreeMap<String, u64>,
}

/// How far a job was at some time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Sample {
    /// In seconds of running, without pauses.
    pub at: f64,
    pub files: u64,
    pub failed: u64,
    pub bytes: u64,
    pub rows: u64,
}

/// The progress of a job over time, the oldest sample first; at most 600.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct History {
    pub samples: Vec<Sample>,
}
