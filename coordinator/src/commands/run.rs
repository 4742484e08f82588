//! `sheaf run`: settings, signals, sources, then the run itself.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use sheaf::cli::RunArgs;
use sheaf::config::{RunConfig, Verbosity, check_places};
use sheaf::discover::{Request, Sources, discover};
use sheaf::dry_run::dry_run;
use sheaf::errors::{Exit, Failure};
use sheaf::report::{Mode, Progress};
use sheaf::run::{Contents, Run};
use sheaf::signals::{self, AtOnce};
use sheaf_worker::pool::Program;
use sheaf_worker::signals::Stop;

use super::report::report;
use super::{SLOT, print_failed};
use crate::process::{cores, log, paint, runtime, stdout};

/// Turns files into a sheet; with `--dry-run`, only says what it would do.
pub fn run(args: &RunArgs) -> Result<Exit, Failure> {
    let config = RunConfig::resolve(args, cores())?;
    check_places(&config)?;

    // Before discovery, which can take minutes: a signal must not end the program without a word.
    let runtime = runtime()?;
    let interrupt = runtime.block_on(async {
        let go_on = config.go_on();
        let over_redis = config.redis.is_some();
        signals::watch(move |stop, when| stop_at_once(stop, when, go_on, over_redis))
    });

    let interrupt = interrupt.map_err(|error| Failure::new(Exit::CouldNotRun, error))?;

    let sources = sources(&config)?;
    if config.dry_run {
        dry_run(&config, &sources, paint(&io::stdout()), &mut stdout()).map_err(print_failed)?;
        return Ok(Exit::Done);
    }

    log(config.verbosity);

    let sources = Arc::new(sources);
    let config = Arc::new(config);
    let mode = progress_mode(config.verbosity);
    let run = Run {
        config: Arc::clone(&config),
        sources: Arc::clone(&sources),
        contents: Contents::AtPaths,
        child: Program::this(SLOT),
        observer: Box::new(Progress::new(sources.len() as u64, sources.total_bytes(), mode)),
        interrupt,
    };

    let finished = runtime.block_on(run.execute());

    // Without waiting for its threads: one may hang in the opening of a file.
    runtime.shutdown_background();

    report(&config, &sources, &finished?)
}

/// The files to read, up to `--limit`.
fn sources(config: &RunConfig) -> Result<Sources, Failure> {
    let own = config.own_places();
    let per_file = config.per_file.as_deref();
    let request = Request { inputs: &config.inputs, filter: &config.filter, own: &own, per_file };

    let mut sources = discover(&request, &mut io::stdin().lock())?;
    if let Some(limit) = config.limit {
        sources.truncate(limit.get());
    }

    Ok(sources)
}

fn progress_mode(verbosity: Verbosity) -> Mode {
    match verbosity {
        Verbosity::Quiet => Mode::Problems(Box::new(io::stderr())),
        Verbosity::Normal | Verbosity::Verbose if io::stderr().is_terminal() => {
            Mode::Bar(paint(&io::stderr()))
        }
        Verbosity::Normal | Verbosity::Verbose => Mode::Lines(Box::new(io::stderr())),
    }
}

/// Ends the process of a run that cannot, or must not, stop cleanly.
fn stop_at_once(stop: Stop, when: AtOnce, go_on: &'static str, over_redis: bool) {
    let name = stop.name();
    let failure = match when {
        AtOnce::NotBegun => Failure::new(
            Exit::Interrupted,
            anyhow::anyhow!("interrupted by {name} before it began"),
        )
        .with_hint("the same command begins, or goes on with what an earlier one has kept"),
        AtOnce::Again => {
            // The clean stop, which removes the job from the queue, does not come to its end.
            let left = if over_redis {
                "\nwhat is left in Redis is removed within minutes, and by `sheaf queue purge \
                 --abandoned`"
            } else {
                ""
            };

            Failure::new(
                Exit::Interrupted,
                anyhow::anyhow!("interrupted by a second {name}, at once"),
            )
            .with_hint(format!("{go_on}{left}"))
        }
    };

    // If standard error is gone, the exit code still says it.
    let _ = failure.write(&mut io::stderr(), paint(&io::stderr()));
    std::process::exit(failure.exit as i32);
}
