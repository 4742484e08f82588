//! The commands that look at jobs of a service.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::json;
use sheaf::cli::{ExplainArgs, JobsArgs, LogsArgs, StatusArgs};
use sheaf::client::list::{Wanted, list};
use sheaf::client::table::{Look, print};
use sheaf::client::{ClientError, FileFilter, JobFilter, Server, Worst, details, logs, resolve};
use sheaf::clock::{rfc3339, since_1970};
use sheaf::errors::{Exit, Failure};
use sheaf::human::count;
use sheaf::{config, status};

use super::fetch::one;
use super::print_failed;
use super::service::{report, say, server};
use crate::process::{paint, stdout};

/// Lists jobs.
pub fn jobs(args: &JobsArgs) -> Result<Exit, Failure> {
    let since = args.since.as_deref().map(|typed| config::time("--since", typed)).transpose()?;
    let server = server(&args.service)?;

    let filter = JobFilter {
        states: args.state.clone(),
        name: args.name.clone(),
        since: since.map(ago),
        select: None,
    };
    let listed = list(&server, &Wanted { filter, limit: args.limit, all: args.all })?;

    let look = match (args.quiet, args.json) {
        (true, _) => Look::Ids,
        (_, true) => Look::Json,
        _ => Look::Table(paint(&io::stdout())),
    };
    let is_table = matches!(look, Look::Table(_));
    if is_table && listed.jobs.is_empty() {
        let words = match listed.more {
            0 if args.state.is_empty() && args.name.is_none() && since.is_none() => {
                "the service has no jobs: `sheaf submit` makes one"
            }
            _ => "no job is like that",
        };
        say(words);
        return Ok(Exit::Done);
    }

    print(&listed.jobs, look, &mut stdout()).map_err(print_failed)?;
    if is_table && listed.more > 0 {
        say(&format!("and {} more: `sheaf jobs --all` lists them", count(listed.more, "job")));
    }

    Ok(Exit::Done)
}

fn ago(time: Duration) -> String {
    rfc3339(since_1970().saturating_sub(time.as_secs()).saturating_mul(1000))
}

/// Shows how far runs and jobs are.
pub fn status(args: &StatusArgs) -> Result<Exit, Failure> {
    let mut worst = Worst::default();
    for subject in &args.subjects {
        let shown = match subject.to_str().filter(|_| !status::is_output(subject)) {
            Some(job) => job_status(args, job),
            None => status::status(subject, args.json, &mut stdout()),
        };

        match shown {
            Ok(exit) => worst.add(exit),
            // A single one says its error as all commands do.
            Err(failure) if args.subjects.len() == 1 => return Err(failure),
            Err(failure) => worst.add(report(&failure)),
        }
    }

    Ok(worst.exit())
}

fn job_status(args: &StatusArgs, typed: &str) -> Result<Exit, Failure> {
    let server = server(&args.service)?;
    let jobs = resolve(&server, typed).map_err(|error| {
        let is_away = matches!(error, ClientError::Unreachable { .. });
        let failure = Failure::from(error);
        match &failure.hint {
            // The user may have meant a run of this machine.
            Some(hint) if is_away => {
                let hint = format!(
                    "`{typed}` is taken for a job; a run is named by its output, as \
                     `sheaf status final.xlsx`\n{hint}"
                );
                failure.with_hint(hint)
            }
            _ => failure,
        }
    })?;

    let mut out = stdout();
    let printed = if args.json {
        print(&jobs, Look::Json, &mut out)
    } else {
        let paint = paint(&io::stdout());
        jobs.iter().try_for_each(|job| writeln!(out, "{}", details::status(job, paint)))
    };
    printed.and_then(|()| out.flush()).map_err(print_failed)?;

    Ok(Exit::Done)
}

/// Prints the job log, or the files that failed.
pub fn logs(args: &LogsArgs) -> Result<Exit, Failure> {
    let server = server(&args.service)?;
    let job = one(&server, &args.select.job)?;
    let mut out = stdout();

    if !args.failed && args.kind.is_none() && !args.json {
        logs::log(&server, &job.id, args.follow, &mut out)?;
        return Ok(Exit::Done);
    }

    let filter = FileFilter { failed: args.failed, kind: args.kind.clone() };
    let kinds = logs::files(&server, &job.id, &filter, args.json, &mut out)?;
    if !args.json {
        say(&logs::kinds(&kinds));
    }

    Ok(Exit::Done)
}

/// Says why jobs do not run, or not faster.
pub fn explain(args: &ExplainArgs) -> Result<Exit, Failure> {
    let server = server(&args.service)?;
    super::change::each(&server, &args.select.jobs, |server: &Server, job| {
        let explanation = server.explain(&job.id)?;

        let mut out = stdout();
        let printed = if args.json {
            let object = json!({
                "id": job.id,
                "state": explanation.state,
                "reasons": explanation.reasons,
            });
            writeln!(out, "{object}")
        } else {
            let text = details::explanation(job, &explanation, paint(&io::stdout()));
            writeln!(out, "{text}")
        };

        printed.and_then(|()| out.flush()).map_err(super::service::not_printed)
    })
}
