//! Which jobs `sheaf jobs` lists.

use super::{ClientError, JobFilter, Server};
use crate::api::{Job, State};

/// How many jobs are listed beside the active ones, if nothing else is asked for.
const RECENT: usize = 20;
/// More than any service holds.
const ALL: usize = 10_000_000;

/// The jobs to list.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub filter: JobFilter,
    /// The most of them.
    pub limit: Option<usize>,
    pub all: bool,
}

/// Jobs, the newest first.
#[derive(Debug)]
pub struct Listed {
    pub jobs: Vec<Job>,
    /// How many more there are that the filter lets pass.
    pub more: u64,
}

/// Asks for jobs. Without a filter and a limit: those that are active, and the last 20.
///
/// # Errors
/// Those of the service.
pub fn list(server: &Server, wanted: &Wanted) -> Result<Listed, ClientError> {
    let filter = &wanted.filter;
    let is_filtered = !filter.states.is_empty() || filter.name.is_some() || filter.since.is_some();

    let most = match (wanted.limit, wanted.all || is_filtered) {
        (Some(limit), _) => limit,
        (None, true) => ALL,
        (None, false) => RECENT,
    };

    let (mut jobs, total) = server.jobs(filter, most)?;
    if wanted.limit.is_none() && !wanted.all && !is_filtered {
        jobs = with_active(server, jobs)?;
    }

    let more = total.saturating_sub(jobs.len() as u64);
    Ok(Listed { jobs, more })
}

/// Adds the active jobs that are older than the recent ones.
fn with_active(server: &Server, mut jobs: Vec<Job>) -> Result<Vec<Job>, ClientError> {
    let states = State::ALL.into_iter().filter(|state| !state.is_finished()).collect();
    let (active, _) = server.jobs(&JobFilter { states, ..JobFilter::default() }, ALL)?;

    let known: std::collections::HashSet<_> = jobs.iter().map(|job| job.id.clone()).collect();
    jobs.extend(active.into_iter().filter(|job| !known.contains(&job.id)));

    Ok(jobs)
}
