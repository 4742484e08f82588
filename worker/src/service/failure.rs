//! How errors are worded, and what the exit code means; as `sheaf` has it.

use std::io::{self, Write};
use std::process::ExitCode;

use sheaf_common::queue::QueueError;

use crate::run::WorkerError;

/// What the exit code of `sheaf-worker` means. The table in its help says the same to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Stopped when it was told to.
    Done = 0,
    /// `health`: it does not work.
    Unhealthy = 1,
    /// What was typed cannot be used. Clap exits with the same code.
    Usage = 2,
    /// The server refuses it or cannot be used, or this machine cannot run its processes.
    CouldNotRun = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// A sentence for the user, what can be done about it, and the exit code.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    pub exit: Exit,
    pub reason: String,
    pub hint: Option<String>,
}

impl Failure {
    pub fn new(exit: Exit, reason: impl Into<String>) -> Self {
        Failure { exit, reason: reason.into(), hint: None }
    }

    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// An error of a queue.
    pub fn queue(exit: Exit, error: &QueueError) -> Self {
        Failure { exit, reason: error.to_string(), hint: error.hint().map(String::from) }
    }

    /// The reason why a worker stopped by itself.
    pub fn worker(error: &WorkerError) -> Self {
        Failure {
            exit: Exit::CouldNotRun,
            reason: error.to_string(),
            hint: error.hint().map(String::from),
        }
    }

    /// Writes the sentence, and the hint after a blank line.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "error: {}", self.reason)?;
        match &self.hint {
            Some(hint) => writeln!(out, "\nhint: {}", hint.replace('\n', "\n      ")),
            None => Ok(()),
        }
    }
}
