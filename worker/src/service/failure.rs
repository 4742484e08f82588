//! Errors as the user sees them, and exit codes. `sheaf` has the same form.

use std::io::{self, Write};
use std::process::ExitCode;

use sheaf_common::queue::QueueError;

use crate::run::WorkerError;

/// The exit codes of `sheaf-worker`. The table in its help must agree with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Stopped on request.
    Done = 0,
    /// Only for `health`: the worker does not work.
    Unhealthy = 1,
    /// The arguments are invalid. Clap exits with the same code.
    Usage = 2,
    /// The server refuses the worker or cannot be used, or this machine cannot run its processes.
    CouldNotRun = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// An error for the user, with a hint what to do about it, and the exit code.
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

    /// The failure behind an error of a queue.
    pub fn queue(exit: Exit, error: &QueueError) -> Self {
        Failure { exit, reason: error.to_string(), hint: error.hint().map(String::from) }
    }

    /// The failure behind a worker that stopped without an order.
    pub fn worker(error: &WorkerError) -> Self {
        Failure {
            exit: Exit::CouldNotRun,
            reason: error.to_string(),
            hint: error.hint().map(String::from),
        }
    }

    /// Writes the reason, and the hint after a blank line.
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
