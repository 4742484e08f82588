//! The commands of the program: each resolves its settings and calls the library.
//!
//! * [`run`]: `sheaf run`. [`report`]: its summary and exit code.
//! * [`submit`], [`fetch`], [`wait`], [`jobs`] and [`change`]: the jobs of a service. [`service`]: what
//!   they share.
//! * [`serve`]: `sheaf serve`.
//! * [`demo`], [`preview`], and [`queue`] for the commands that only look into Redis.

mod change;
mod demo;
mod fetch;
mod jobs;
mod preview;
mod queue;
mod report;
mod run;
mod serve;
mod service;
mod submit;
mod wait;

use std::io;

use sheaf::cli::Command;
use sheaf::documents;
use sheaf::errors::{Exit, Failure};

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
        Command::Status(args) => jobs::status(&args),
        Command::Submit(args) => submit::submit(&args),
        Command::Jobs(args) => jobs::jobs(&args),
        Command::Watch(args) => wait::watch(&args),
        Command::Wait(args) => wait::wait(&args),
        Command::Fetch(args) => fetch::fetch(&args),
        Command::Logs(args) => jobs::logs(&args),
        Command::Explain(args) => jobs::explain(&args),
        Command::Cancel(args) => change::cancel(&args),
        Command::Pause(args) => change::pause(&args),
        Command::Resume(args) => change::resume(&args),
        Command::Retry(args) => change::retry(&args),
        Command::Set(args) => change::set(&args),
        Command::Remove(args) => change::remove(&args),
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
