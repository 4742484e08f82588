//! `sheaf-worker`: parse, resolve, serve, exit code.

use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use sheaf_worker::cli::{Cli, Command, LogFormat, WorkArgs};
use sheaf_worker::pool::{Program, child};
use sheaf_worker::service::{Config, Exit, Failure, HealthFile, default_health_file, serve};
use sheaf_worker::signals;

/// The argument that makes this program a child of its own pool.
const SLOT: &str = "slot";

fn main() -> ExitCode {
    sheaf_common::allocator::reuse_freed_memory();

    // Before clap, which does not know this argument: so no help shows it.
    if std::env::args_os().nth(1).is_some_and(|word| word == SLOT) {
        return child::main();
    }

    let cli = Cli::of_this_process();
    let done = match &cli.command {
        Some(Command::Health(args)) => health(args.health_file.clone()),
        None => work(&cli.work),
    };

    match done {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            // If standard error is closed, the exit code must be enough.
            let _ = failure.write(&mut io::stderr().lock());
            failure.exit.into()
        }
    }
}

fn work(args: &WorkArgs) -> Result<(), Failure> {
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let config = Config::resolve(args, cores)?;
    log(args.log_format, args.verbose);

    let could_not = |error: io::Error| Failure::new(Exit::CouldNotRun, error.to_string());
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(could_not)?;

    let health = health_file(config.health_file.clone());

    let done = runtime.block_on(async {
        let wishes = signals::listen().map_err(could_not)?;
        serve(config, Program::this(SLOT), health, wishes).await
    });

    // Do not wait for a thread that is stuck in a task.
    runtime.shutdown_background();
    done
}

fn health(path: Option<PathBuf>) -> Result<(), Failure> {
    let ago = health_file(path).check()?;
    let _ = writeln!(io::stdout(), "the worker heard from Redis {:.1} s ago", ago.as_secs_f64());
    Ok(())
}

fn health_file(path: Option<PathBuf>) -> HealthFile {
    let runtime_dir =
        std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    HealthFile::new(path.unwrap_or_else(|| default_health_file(runtime_dir.as_deref())))
}

fn log(format: LogFormat, verbose: bool) {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let level = if verbose { tracing::Level::DEBUG } else { tracing::Level::INFO };

    let log =
        tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr).with_target(false);
    match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal() && !refused).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}
