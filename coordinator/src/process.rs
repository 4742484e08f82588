//! The process of the program: standard streams, terminal, runtime, log.

use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::thread;

use sheaf::config::Verbosity;
use sheaf::errors::{Exit, Failure};
use sheaf::human::Paint;
use tokio::runtime::{Builder, Runtime};

/// The columns of a terminal that does not say how many it has.
const COLUMNS: usize = 100;

/// Starts a runtime with two threads: one for the run loop, one for the worker's. The slots have
/// threads of their own.
pub fn runtime() -> Result<Runtime, Failure> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|error| Failure::new(Exit::CouldNotRun, error))
}

/// Does asynchronous work to its end.
pub fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = runtime()?;
    let done = runtime.block_on(work);

    // Without waiting for its threads: one may still look a name up, or read a file.
    runtime.shutdown_background();

    done
}

/// Sends the libraries' logs to standard error: errors only, and progress with `--verbose`.
pub fn log(verbosity: Verbosity) {
    let level = match verbosity {
        Verbosity::Quiet | Verbosity::Normal => tracing::Level::ERROR,
        Verbosity::Verbose => tracing::Level::INFO,
    };

    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_ansi(paint(&io::stderr()) == Paint::Colour)
        .with_target(false)
        .init();
}

/// Sends the log of a service to standard error: what happens to jobs, with the time; with
/// `--quiet` warnings only.
pub fn log_service(verbosity: Verbosity) {
    let level = match verbosity {
        Verbosity::Quiet => tracing::Level::WARN,
        Verbosity::Normal => tracing::Level::INFO,
        Verbosity::Verbose => tracing::Level::DEBUG,
    };

    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_ansi(paint(&io::stderr()) == Paint::Colour)
        .with_target(false)
        .init();
}

/// The columns of the terminal on standard output; [`COLUMNS`] if it is none.
pub fn terminal_width() -> usize {
    match console::Term::stdout().size_checked() {
        Some((_, columns)) => columns.into(),
        None => COLUMNS,
    }
}

/// How many cores this process may use; 1 if the system does not say.
pub fn cores() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Standard output, buffered by blocks: the caller must flush.
pub fn stdout() -> impl Write {
    io::BufWriter::new(io::stdout().lock())
}

/// Colour on terminals, unless `NO_COLOR` is set to something (no-color.org) or the terminal is
/// `dumb`.
pub fn paint(stream: &impl IsTerminal) -> Paint {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    if stream.is_terminal() && !refused && !dumb { Paint::Colour } else { Paint::Plain }
}
