//! What the commands about jobs of a service share: the service, Ctrl-C, and progress.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex};

use sheaf::api::{FileLine, Job, JobId};
use sheaf::cli::ServiceArgs;
use sheaf::client::{ClientError, FileFilter, Server, ServerSettings, details};
use sheaf::errors::{Exit, Failure};
use sheaf::report::Mode;
use sheaf_worker::signals::{Wish, listen};
use tokio::runtime::Runtime;

use crate::process::{paint, runtime};

/// How many of the files that failed are named at the end of a job.
const EXAMPLES: usize = 5;

/// A client for the service of a command. Nothing is sent yet.
///
/// # Errors
/// The address, the token or the certificates cannot be used.
pub fn server(args: &ServiceArgs) -> Result<Server, Failure> {
    // Compose files and shells leave variables empty.
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());

    let settings = ServerSettings {
        url: args.server.clone(),
        ca: args.ca.clone(),
        token: variable("SHEAF_TOKEN"),
        token_file: variable("SHEAF_TOKEN_FILE").map(Into::into),
    };

    Ok(settings.server()?)
}

/// A bar on a terminal, else lines; problems only if `quiet`.
pub fn mode(quiet: bool) -> Mode {
    match quiet {
        true => Mode::Problems(Box::new(io::stderr())),
        false if io::stderr().is_terminal() => Mode::Bar(paint(&io::stderr())),
        false => Mode::Lines(Box::new(io::stderr())),
    }
}

/// Writes an error to standard error; returns its exit code.
pub fn report(failure: &Failure) -> Exit {
    // If standard error is gone, the exit code still says it.
    let _ = failure.write(&mut io::stderr(), paint(&io::stderr()));
    failure.exit
}

/// Writes a line to standard error.
pub fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}"); // Nothing is left to say it to.
}

/// The error of a command that could not write to standard output.
pub fn not_printed(source: io::Error) -> ClientError {
    ClientError::Write { place: "standard output".into(), source }
}

/// What a signal that ends a command says: what is interrupted, and what to do.
#[derive(Debug, Clone)]
pub struct Interrupted {
    pub what: String,
    pub hint: String,
}

impl Interrupted {
    /// While a job is waited for.
    pub fn job(id: &JobId) -> Self {
        Interrupted {
            what: format!("job {id} goes on"),
            hint: format!("`sheaf watch {id}` shows it again, `sheaf cancel {id}` ends it"),
        }
    }
}

/// Handles the signals of a command that talks to a service, until it is dropped.
pub struct Interrupts {
    words: Arc<Mutex<Interrupted>>,
    runtime: Option<Runtime>,
}

impl Interrupts {
    /// From now on, a signal to stop ends the process with [`Exit::Interrupted`] and these words.
    ///
    /// # Errors
    /// The system refuses signal handlers.
    pub fn handle(words: Interrupted) -> Result<Self, Failure> {
        let words = Arc::new(Mutex::new(words));
        let runtime = runtime()?;

        let wishes = runtime.block_on(async { listen() });
        let mut wishes = wishes.map_err(|error| Failure::new(Exit::CouldNotRun, error))?;
        let said = Arc::clone(&words);
        runtime.spawn(async move {
            while let Some(wish) = wishes.recv().await {
                if let Wish::Stop(stop) | Wish::StopAtOnce(stop) = wish {
                    let Interrupted { what, hint } =
                        said.lock().unwrap_or_else(|broken| broken.into_inner()).clone();
                    end(&format!("interrupted by {}: {what}", stop.name()), &hint);
                }
            }
        });

        Ok(Interrupts { words, runtime: Some(runtime) })
    }

    /// Other words from now on.
    pub fn now(&self, words: Interrupted) {
        *self.words.lock().unwrap_or_else(|broken| broken.into_inner()) = words;
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn end(what: &str, hint: &str) {
    // The bar stands in the line.
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr(), "\r\x1b[2K");
    }

    let failure = Failure::new(Exit::Interrupted, anyhow::anyhow!("{what}")).with_hint(hint);
    std::process::exit(report(&failure) as i32);
}

/// Says how a job ended, on standard error, with some of the files that failed.
pub fn say_ending(server: &Server, job: &Job) {
    let failed = match job.progress.files_failed {
        0 => Vec::new(),
        _ => examples(server, &job.id).unwrap_or_default(), // They are only examples.
    };

    let text = details::ending(job, &failed, paint(&io::stderr()));
    let _ = io::stderr().write_all(text.as_bytes()); // The exit code says it, too.
}

fn examples(server: &Server, id: &JobId) -> Result<Vec<FileLine>, ClientError> {
    let filter = FileFilter { failed: true, kind: None };
    server.files(id, &filter, 0, EXAMPLES).map(|page| page.files)
}
