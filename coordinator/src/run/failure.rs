//! Why a run cannot go on, with hints.

use std::time::Duration;

use sheaf_common::queue::QueueError;
use sheaf_worker::run::WorkerError;

use super::store::StoreError;
use crate::config::RunConfig;
use crate::errors::{Exit, Failure};
use crate::human::time;

/// Why a job cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Worker(#[from] WorkerError),
    #[error("{0}")]
    GaveUp(String),
    #[error("nobody worked on it for {}: {reason}", time(*.waited))]
    NobodyWorks { waited: Duration, reason: String },
}

/// The hint of a run that stops before its end.
pub const GO_ON: &str =
    "what is done so far is kept: the same command goes on where this one stopped";

const GO_ON_WITHOUT_FRESH: &str = "what is done so far is kept: the same command without \
                                   `--fresh` goes on where this one stopped";

/// The hint of a run whose outputs all go to standard output.
const NOTHING_KEPT: &str = "nothing is kept, as no output is a file: the same command begins anew";

impl RunConfig {
    /// The hint how to continue this run.
    pub fn go_on(&self) -> &'static str {
        match (self.work_folder(), self.fresh) {
            (None, _) => NOTHING_KEPT,
            (Some(_), true) => GO_ON_WITHOUT_FRESH,
            (Some(_), false) => GO_ON,
        }
    }
}

/// Turns the error of a run into a failure with a hint.
pub fn drive_failed(error: DriveError, config: &RunConfig) -> Failure {
    match error {
        DriveError::Queue(error) => queue_failed(error),
        DriveError::Worker(error) => worker_failed(error),
        error @ DriveError::NobodyWorks { .. } => Failure::new(Exit::CouldNotRun, error).with_hint(
            format!("start workers, or let this machine work too with `-p N`; {}", config.go_on()),
        ),
        error => Failure::new(Exit::CouldNotRun, error).with_hint(config.go_on()),
    }
}

/// Turns the error of a queue into a failure with a hint.
pub fn queue_failed(error: QueueError) -> Failure {
    let hint = error.hint().unwrap_or(GO_ON).to_string();
    Failure::new(Exit::CouldNotRun, error).with_hint(hint)
}

/// Turns the error of this process's worker into a failure with a hint.
pub fn worker_failed(error: WorkerError) -> Failure {
    match error {
        WorkerError::Queue(error) => queue_failed(error),
        WorkerError::Unfit(unfit) => {
            let hint = format!("{}\n{GO_ON}", unfit.hint);
            Failure::new(Exit::CouldNotRun, anyhow::anyhow!("this machine cannot work: {unfit}"))
                .with_hint(hint)
        }
    }
}

/// A failure of exit code 3, without a hint.
pub fn could_not_run(error: impl Into<anyhow::Error>) -> Failure {
    Failure::new(Exit::CouldNotRun, error)
}
