//! The commands that change jobs of a service.

use std::io::Write;

use serde_json::json;
use sheaf::api::{ChangeJob, Job};
use sheaf::cli::{CancelArgs, FormArgs, ManyArgs, RetryArgs, SetArgs};
use sheaf::client::{ClientError, Server, Worst, details, resolve};
use sheaf::errors::{Exit, Failure};

use super::service::{not_printed, report, server};
use crate::process::stdout;

/// Does something for each job that was typed, and goes on after an error. The exit code is that
/// of the worst error.
///
/// # Errors
/// Only if there is no service: then the other jobs would fail the same way.
pub fn each(
    server: &Server,
    typed: &[String],
    act: impl Fn(&Server, &Job) -> Result<(), ClientError>,
) -> Result<Exit, Failure> {
    let mut worst = Worst::default();
    let mut take = |done: Result<(), ClientError>| match done {
        Ok(()) => Ok(()),
        Err(error @ ClientError::Unreachable { .. }) => Err(Failure::from(error)),
        // Whoever reads the output has had enough.
        Err(error) if sheaf::errors::reader_is_gone(&error) => Err(error.into()),
        Err(error) => {
            worst.add(report(&error.into()));
            Ok(())
        }
    };

    for typed in typed {
        match resolve(server, typed) {
            Ok(jobs) => jobs.iter().try_for_each(|job| take(act(server, job)))?,
            Err(error) => take(Err(error))?,
        }
    }

    Ok(worst.exit())
}

/// Changes jobs, and prints what became of them.
fn change(
    server: &Server,
    typed: &[String],
    form: &FormArgs,
    act: impl Fn(&Server, &Job) -> Result<Job, ClientError>,
) -> Result<Exit, Failure> {
    each(server, typed, |server, job| {
        let job = act(server, job)?;
        let line = if form.json {
            serde_json::to_string(&job).expect("texts and numbers are JSON")
        } else if form.quiet {
            job.id.to_string()
        } else {
            format!("{}: {}", details::title(&job), job.state.word())
        };

        print(&line)
    })
}

fn print(line: &str) -> Result<(), ClientError> {
    let mut out = stdout();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(not_printed)
}

pub fn cancel(args: &CancelArgs) -> Result<Exit, Failure> {
    let reason = args.reason.as_deref();
    let server = server(&args.service)?;
    change(&server, &args.select.jobs, &args.form, |server, job| server.cancel(&job.id, reason))
}

pub fn pause(args: &ManyArgs) -> Result<Exit, Failure> {
    let server = server(&args.service)?;
    change(&server, &args.select.jobs, &args.form, |server, job| server.pause(&job.id))
}

pub fn resume(args: &ManyArgs) -> Result<Exit, Failure> {
    let server = server(&args.service)?;
    change(&server, &args.select.jobs, &args.form, |server, job| server.resume(&job.id))
}

pub fn retry(args: &RetryArgs) -> Result<Exit, Failure> {
    let server = server(&args.service)?;
    change(&server, &args.select.jobs, &args.form, |server, job| server.retry(&job.id, &args.kind))
}

pub fn set(args: &SetArgs) -> Result<Exit, Failure> {
    let server = server(&args.service)?;
    let changed = ChangeJob { name: args.name.clone(), priority: args.priority };
    each(&server, &args.select.jobs, |server, job| {
        let job = server.change(&job.id, &changed)?;
        let line = if args.form.json {
            serde_json::to_string(&job).expect("texts and numbers are JSON")
        } else if args.form.quiet {
            job.id.to_string()
        } else {
            format!("{}: priority {}", details::title(&job), job.priority.word())
        };

        print(&line)
    })
}

pub fn remove(args: &ManyArgs) -> Result<Exit, Failure> {
    let server = server(&args.service)?;
    each(&server, &args.select.jobs, |server, job| {
        server.remove(&job.id)?;
        let line = if args.form.json {
            json!({ "id": job.id, "removed": true }).to_string()
        } else if args.form.quiet {
            job.id.to_string()
        } else {
            format!("removed {}", details::title(job))
        };

        print(&line)
    })
}
