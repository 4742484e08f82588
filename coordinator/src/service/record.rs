//! What the service keeps of a job on disk.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::api::{
    FailureBudget, InputPaths, InputsSeen, Job, JobId, JobOptions, JobTimes, OutputFile, Priority,
    Progress, State,
};
use crate::clock::rfc3339;

/// The version of the record. New optional fields do not change it.
pub const VERSION: u32 = 1;

/// A job, as its file `job.json` has it. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub version: u32,
    pub id: JobId,
    pub name: Option<String>,
    pub priority: Priority,
    pub max_failures: Option<FailureBudget>,
    pub options: JobOptions,
    /// The paths on this machine; `None`: the files were uploaded.
    pub paths: Option<InputPaths>,
    /// 0 until the files are listed.
    pub files: u64,
    pub bytes: u64,

    pub state: State,
    /// Why it is in this state, and what to do, for people.
    pub reason: Option<String>,
    pub hint: Option<String>,
    /// Why a user cancelled it.
    pub cancel_reason: Option<String>,
    pub created: u64,
    pub started: Option<u64>,
    pub finished: Option<u64>,

    pub progress: Progress,
    pub outputs: Vec<OutputFile>,
    pub notes: Vec<String>,
    pub retries: u32,
    /// Set by a retry until the run is over.
    pub retrying: Option<Retrying>,
}

/// What a retry reads again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retrying {
    /// The kinds of problems, by their codes; empty: all.
    pub kinds: Vec<String>,
}

impl Record {
    /// Whether all its files are known.
    pub fn is_listed(&self) -> bool {
        self.files > 0
    }

    /// The job, as clients see it. `keep_ms`: how long finished jobs stay; `None`: for ever.
    pub fn job(&self, keep_ms: Option<u64>) -> Job {
        let removed_after = match (self.finished, keep_ms) {
            (Some(finished), Some(keep)) if self.state.is_finished() => {
                Some(rfc3339(finished.saturating_add(keep)))
            }
            _ => None,
        };

        Job {
            id: self.id.clone(),
            name: self.name.clone(),
            priority: self.priority,
            state: self.state,
            reason: self.reason.clone(),
            hint: self.hint.clone(),
            times: JobTimes {
                created: rfc3339(self.created),
                started: self.started.map(rfc3339),
                finished: self.finished.map(rfc3339),
                removed_after,
            },
            inputs: InputsSeen {
                files: self.files,
                bytes: self.bytes,
                paths: self.paths.as_ref().map(|paths| paths.paths.clone()).unwrap_or_default(),
            },
            options: self.options.clone(),
            max_failures: self.max_failures,
            progress: self.progress.clone(),
            outputs: self.outputs.clone(),
            retries: self.retries,
            notes: self.notes.clone(),
        }
    }

    /// How many files failed for each kind of problem.
    pub fn failed_by_kind(&self) -> &BTreeMap<String, u64> {
        &self.progress.failed_by_kind
    }
}
