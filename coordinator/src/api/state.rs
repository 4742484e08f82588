//! The states of a job, and its priority.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The state of a job. Its words name the cause.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It waits until the service begins with it.
    Queued,
    /// Its files are read.
    Running,
    /// It stops cleanly, to be paused.
    Pausing,
    /// It stops cleanly, to be cancelled.
    Cancelling,
    /// It rests until it is resumed. What is done is kept.
    Paused,
    /// All files are in the outputs.
    Done,
    /// The outputs are written, but some files failed, or no file has a record.
    DoneWithFailures,
    /// A user ended it. There are no outputs.
    Cancelled,
    /// More files failed than it allows, so it was ended. There are no outputs.
    OverBudget,
    /// It could not go on: the disk, the queue, another version. What is done is kept.
    Stopped,
}

impl State {
    /// All states, in the order of a job's life.
    pub const ALL: [State; 10] = [
        State::Queued,
        State::Running,
        State::Pausing,
        State::Cancelling,
        State::Paused,
        State::Done,
        State::DoneWithFailures,
        State::Cancelled,
        State::OverBudget,
        State::Stopped,
    ];

    /// Its word, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            State::Queued => "queued",
            State::Running => "running",
            State::Pausing => "pausing",
            State::Cancelling => "cancelling",
            State::Paused => "paused",
            State::Done => "done",
            State::DoneWithFailures => "done-with-failures",
            State::Cancelled => "cancelled",
            State::OverBudget => "over-budget",
            State::Stopped => "stopped",
        }
    }

    /// The state of a word.
    pub fn of_word(word: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether it stays so unless somebody retries or resumes it.
    pub fn is_finished(self) -> bool {
        match self {
            State::Done
            | State::DoneWithFailures
            | State::Cancelled
            | State::OverBudget
            | State::Stopped => true,
            State::Queued | State::Running | State::Pausing | State::Cancelling | State::Paused => {
                false
            }
        }
    }

    /// Whether its outputs are there.
    pub fn has_outputs(self) -> bool {
        matches!(self, State::Done | State::DoneWithFailures)
    }
}

/// Which jobs the workers serve first. Jobs of the same priority take turns.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
    clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// Only when no other job has anything to do
    Low,
    /// As most jobs
    #[default]
    Normal,
    /// Before all others
    High,
}

impl Priority {
    /// Its word, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Priority::Low => "low",
            Priority::Normal => "normal",
            Priority::High => "high",
        }
    }
}

impl From<Priority> for sheaf_common::queue::Priority {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::Low => Self::Low,
            Priority::Normal => Self::Normal,
            Priority::High => Self::High,
        }
    }
}
