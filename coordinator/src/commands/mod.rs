//! The commands of the program: each resolves its settings and calls the library.
//!
//! * [`run`]: `sheaf run`. [`report`]: its summary and exit code.
//! * [`serve`]: `sheaf serve`.
//! * [`demo`], [`preview`], and [`queue`] for the commands that only look into Redis.

mod demo;
mod preview;
mod queue;
mod report;
mod run;
mod serve;

use std::io;

use sheaf::cli::Command;
use sheaf::errors::{Exit, Failure};
use sheaf::{documents, status};

use crate::process::stdout;

/// The first argument that makes this program a child process of its own pool.
pub const SLOT: &str = "slot";

/// Carries out a command.
///
/// # Errors
/// When the command cannot be completed: the error, with exit code and hint.
pub fn execute(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Serve(args) => serve::serve(&args),
        Command::Preview(args) => preview::preview(&args),
        Command::Demo(args) => demo::demo(&args),
        Command::Workers(args) => queue::workers(&args),
        Command::Queue(args) => queue::queue(&args),
        Command::Status(args) => status::status(&args.output, args.json, &mut stdout()),
        Command::Completions(args) => {
            documents::completions(args.shell, &mut stdout()).map_err(print_failed)
        }
        Command::Man(args) => documents::man(&args.folder),
    }
}

/// The failure of a command that could not write to standard output.
fn print_failed(error: io::Error) -> Failure {
    Failure::new(Exit::CouldNotRun, anyhow::Error::from(error).context("could not print"))
}
