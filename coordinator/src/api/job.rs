//! A job, as the service shows it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{FailureBudget, Hash, InputsSeen, JobId, JobOptions, Priority, State};

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    pub id: JobId,
    pub name: Option<String>,
    pub priority: Priority,
    pub state: State,
    /// Why it is in this state, for people: who cancelled it, why it stopped; and what to do.
    pub reason: Option<String>,
    /// What to do about it, for people.
    pub hint: Option<String>,
    pub times: JobTimes,
    pub inputs: InputsSeen,
    pub options: JobOptions,
    pub max_failures: Option<FailureBudget>,
    pub progress: Progress,
    /// Empty until they are written.
    pub outputs: Vec<OutputFile>,
    /// How often its failed files were read again.
    pub retries: u32,
    /// What about the result is probably not what the user meant, for people.
    pub notes: Vec<String>,
}

/// When things happened to a job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobTimes {
    #[schema(format = DateTime)]
    pub created: String,
    /// When it first began to run.
    #[schema(format = DateTime)]
    pub started: Option<String>,
    /// When it finished.
    #[schema(format = DateTime)]
    pub finished: Option<String>,
    /// When the service removes it.
    #[schema(format = DateTime)]
    pub removed_after: Option<String>,
}

/// How far a job is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Progress {
    /// Files that are done, failed ones included.
    pub files: u64,
    pub files_total: u64,
    pub files_failed: u64,
    /// Files that were not read again, as an earlier job has their rows.
    pub files_reused: u64,
    /// The sizes of the files that are done, parts of large ones included; and of all files.
    pub bytes: u64,
    pub bytes_total: u64,
    pub rows: u64,
    /// How long it has been running, without pauses.
    pub seconds: f64,
    /// Unpacked bytes; absent while it does not run.
    pub bytes_per_second: Option<f64>,
    pub seconds_left: Option<u64>,
    /// How long it took from its submission to its first row.
    pub seconds_to_first_row: Option<f64>,
    /// How many files failed for each kind of problem, by its code.
    pub failed_by_kind: BTreeMap<String, u64>,
    /// Why it waits, for people, if it does.
    pub waiting: Option<String>,
}

/// An output that is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutputFile {
    /// Its name, as it was asked for.
    pub name: String,
    pub bytes: u64,
    pub sha256: Hash,
    /// 0 if its format has no sheets.
    pub sheets: u32,
    pub media_type: String,
}

/// Some jobs, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobPage {
    pub jobs: Vec<Job>,
    /// What to give as `after` for the next page; absent on the last.
    pub next: Option<String>,
    /// How many jobs there are on all pages.
    pub total: u64,
}
