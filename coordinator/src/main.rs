//! `sheaf`: parse, resolve, run, exit code.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::process::ExitCode;

use clap::Parser;
use sheaf::cli::{Cli, Command, DemoArgs, PreviewArgs, RunArgs};
use sheaf::config::{DemoConfig, PreviewConfig, RunConfig, check_places};
use sheaf::discover::{Request, discover};
use sheaf::dry_run::dry_run;
use sheaf::errors::{Exit, Failure, reader_is_gone};
use sheaf::human::Paint;

fn main() -> ExitCode {
    // The child processes of the pool are this program too; clap does not know the word, so it is in no help.
    if std::env::args_os().nth(1).is_some_and(|word| word == "slot") {
        // At merge: return sheaf_worker::pool::child::main();
    }
    let done = match Cli::parse().command {
        Command::Run(args) => run(&args),
        Command::Preview(args) => preview(&args),
        Command::Demo(args) => demo(&args),
    };
    match done {
        Ok(exit) => exit.into(),
        // Rust ignores SIGPIPE (the coordinator must outlive its children): a reader that went away is an error here.
        Err(failure) if reader_is_gone(failure.error.as_ref()) => Exit::Done.into(),
        Err(failure) => {
            // If standard error is gone too, the exit code is all that is left to say.
            let _ = failure.write(&mut io::stderr().lock(), paint(&io::stderr()));
            failure.exit.into()
        }
    }
}

fn run(args: &RunArgs) -> Result<Exit, Failure> {
    let config = RunConfig::resolve(args, cores())?;
    check_places(&config)?;
    let own = config.own_places();
    let request = Request { inputs: &config.inputs, filter: &config.filter, own: &own };
    let sources = discover(&request, &mut io::stdin().lock())?;
    if config.dry_run {
        dry_run(&config, &sources, paint(&io::stdout()), &mut stdout()).map_err(print_failed)?;
        return Ok(Exit::Done);
    }
    // At merge: the run loop, with report::{Progress, Tally, JobLog, Summary}.
    Err(not_yet("run"))
}

fn preview(args: &PreviewArgs) -> Result<Exit, Failure> {
    let _config = PreviewConfig::resolve(args)?;
    // At merge: sheaf::preview::preview(&config, rows from the pool, terminal width, paint(&io::stdout()), &mut stdout()).
    Err(not_yet("preview"))
}

fn demo(args: &DemoArgs) -> Result<Exit, Failure> {
    let _config = DemoConfig::resolve(args, RandomState::new().hash_one(0))?;
    // At merge: sheaf::demo::demo(&queue, job, &config, &mut stdout()) beside the worker loop.
    Err(not_yet("demo"))
}

fn not_yet(command: &str) -> Failure {
    Failure::new(Exit::CouldNotRun, anyhow::anyhow!("`sheaf {command}` is not wired yet"))
}

fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Standard output, buffered by blocks: whoever prints flushes.
fn stdout() -> impl Write {
    io::BufWriter::new(io::stdout().lock())
}

fn print_failed(error: io::Error) -> Failure {
    Failure::new(Exit::CouldNotRun, anyhow::Error::from(error).context("could not print"))
}

/// Colour on terminals, unless `NO_COLOR` is set to something (no-color.org) or the terminal is `dumb`.
fn paint(stream: &impl IsTerminal) -> Paint {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    if stream.is_terminal() && !refused && !dumb { Paint::Colour } else { Paint::Plain }
}
