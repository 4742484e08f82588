//! How errors are written, and the exit codes.
//!
//! ```text
//! error: could not read recipe `shop.toml`
//!   Caused by: column `price`: expected `[CSS selector]::text` or `[CSS selector]::attr(NAME)`, got `.price`
//!
//! hint: did you mean `.price::text`?
//! ```

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::human::Paint;

/// The exit codes of `sheaf`. `sheaf run --help` and `sheaf wait --help` have the same table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All files are in the sheet.
    Done = 0,
    /// The run finished, but some files could not be read, or no file has a record. The output
    /// holds everything else.
    SomeFailed = 1,
    /// The arguments or the recipe cannot be used. Nothing was read or written. Clap exits with the
    /// same code.
    Usage = 2,
    /// The run could not begin or go on: the disk, a folder, a server.
    CouldNotRun = 3,
    /// The run was interrupted: the same command goes on. Or a command that waits for a job of a
    /// service was: the job goes on.
    Interrupted = 4,
    /// The job of a service was cancelled.
    Cancelled = 5,
    /// More files of the job failed than it allows, so the service ended it.
    OverBudget = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// An error on its way to the user: the chain of causes, a hint, and the exit code.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub error: anyhow::Error,
    /// What the user can do, with commands to be typed; may have several lines.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Failure { exit, error: error.into(), hint: None }
    }

    /// Sets the hint.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Writes the chain, and the hint after a blank line.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write, paint: Paint) -> io::Result<()> {
        let mut said = self.error.to_string();
        writeln!(out, "{} {said}", paint.error("error:"))?;

        for cause in self.error.chain().skip(1) {
            let text = cause.to_string();

            // Some errors repeat their cause at their end: it is printed once.
            if !said.ends_with(&text) {
                // Further lines of a cause are indented below it.
                writeln!(out, "  {} {}", paint.error("Caused by:"), text.replace('\n', "\n    "))?;
            }

            said = text;
        }

        match &self.hint {
            Some(hint) => {
                writeln!(out, "\n{} {}", paint.hint("hint:"), hint.replace('\n', "\n      "))
            }
            None => Ok(()),
        }
    }
}

/// Whether an error means that the reader of our output went away (`sheaf preview x | head`): a
/// reason to stop, not to complain.
pub fn reader_is_gone(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
        {
            return true;
        }

        next = error.source();
    }

    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    fn written(failure: &Failure, paint: Paint) -> String {
        let mut out = Vec::new();
        failure.write(&mut out, paint).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_chain_comes_first_and_then_the_hint() {
        let error =
            anyhow!("column `price`: got `.price`").context("could not read recipe `shop.toml`");
        let failure = Failure::new(Exit::Usage, error).with_hint("did you mean `.price::text`?");
        let expected = "error: could not read recipe `shop.toml`\n  Caused by: column `price`: got `.price`\n\n\
            hint: did you mean `.price::text`?\n";
        assert_eq!(written(&failure, Paint::Plain), expected);
    }

    #[test]
    fn a_cause_already_stated_is_not_repeated() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer: {source}")]
        struct Outer {
            source: io::Error,
        }
        let failure =
            Failure::new(Exit::CouldNotRun, Outer { source: io::Error::other("the disk is full") });
        assert_eq!(written(&failure, Paint::Plain), "error: outer: the disk is full\n");
    }

    #[test]
    fn colour_is_for_terminals_only() {
        let failure = Failure::new(Exit::Usage, anyhow!("no"));
        assert!(!written(&failure, Paint::Plain).contains('\x1b'));
        assert!(written(&failure, Paint::Colour).starts_with("\x1b["));
    }

    #[test]
    fn a_broken_pipe_is_found_down_the_chain() {
        let broken = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe))
            .context("could not print");
        assert!(reader_is_gone(broken.as_ref()));
        assert!(!reader_is_gone(anyhow!("other").as_ref()));
    }
}
