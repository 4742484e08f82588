//! `sheaf watch` and `sheaf wait`.

use std::time::Instant;

use sheaf::cli::{WaitArgs, WatchArgs};
use sheaf::client::{
    ClientError, Followed, Patience, Server, Watch, Worst, exit_of, follow, resolve,
};
use sheaf::config;
use sheaf::errors::{Exit, Failure};

use super::fetch::one;
use super::service::{Interrupted, Interrupts, mode, report, say_ending, server};

/// Shows a job until it is finished.
pub fn watch(args: &WatchArgs) -> Result<Exit, Failure> {
    let server = server(&args.service)?;
    let job = one(&server, &args.select.job)?;
    let _interrupts = Interrupts::handle(Interrupted::job(&job.id))?;

    let followed = Followed { id: job.id, deadline: None, patience: Patience::default() };
    let mut watch = Watch::new(mode(false));
    let job = follow(&server, &followed, &mut |seen| watch.see(seen))?;
    watch.clear();

    say_ending(&server, &job);
    Ok(exit_of(job.state))
}

/// Waits for jobs, and exits with the worst of their ends.
pub fn wait(args: &WaitArgs) -> Result<Exit, Failure> {
    let timeout = args.timeout.as_deref().map(|typed| config::time("--timeout", typed));
    let timeout = timeout.transpose()?;
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));

    let server = server(&args.service)?;
    let _interrupts = Interrupts::handle(Interrupted {
        what: "the jobs go on".into(),
        hint: "the same command waits again".into(),
    })?;

    // All before the first is waited for: `last` may mean another one later.
    let mut worst = Worst::default();
    let mut followed = Vec::new();
    for typed in &args.select.jobs {
        match resolve(&server, typed) {
            Ok(jobs) => followed.extend(jobs.into_iter().map(|job| Followed {
                id: job.id,
                deadline,
                patience: Patience::default(),
            })),
            Err(error @ ClientError::Unreachable { .. }) => return Err(error.into()),
            Err(error) => worst.add(report(&error.into())),
        }
    }

    let several = followed.len() > 1;
    for followed in &followed {
        match wait_for(&server, followed, several, args.quiet) {
            Ok(exit) => worst.add(exit),
            Err(error) => worst.add(report(&error.into())),
        }
    }

    Ok(worst.exit())
}

fn wait_for(
    server: &Server,
    followed: &Followed,
    several: bool,
    quiet: bool,
) -> Result<Exit, ClientError> {
    let prefix = if several { format!("job {}: ", followed.id) } else { String::new() };
    let mut watch = Watch::new(mode(true)).with_prefix(prefix);
    let job = follow(server, followed, &mut |seen| watch.see(seen))?;

    if !quiet {
        say_ending(server, &job);
    }

    Ok(exit_of(job.state))
}
