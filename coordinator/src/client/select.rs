//! Jobs by what the user typed.

use super::{ClientError, JobFilter, Server};
use crate::api::{Job, Problem, ProblemCode};

/// The most jobs that one selector may mean.
const MOST: usize = 100_000;

/// The jobs that a text means: `last`, an id, a unique beginning of one, or a range such as `4-9`.
/// The oldest first; at least one.
///
/// # Errors
/// No service, no such job, or several ids begin so.
pub fn resolve(server: &Server, typed: &str) -> Result<Vec<Job>, ClientError> {
    let filter = JobFilter { select: Some(typed.into()), ..JobFilter::default() };
    let (mut jobs, _) = server.jobs(&filter, MOST)?;

    if jobs.is_empty() {
        return Err(ClientError::Refused(Box::new(unknown(typed))));
    }

    // The service lists the newest first, while a user who types a range goes up.
    jobs.reverse();
    Ok(jobs)
}

fn unknown(typed: &str) -> Problem {
    Problem {
        kind: "about:blank".into(),
        title: "Not Found".into(),
        status: 404,
        code: ProblemCode::NotFound,
        detail: format!("there is no job `{typed}`"),
        hint: None,
        received: None,
        missing: Vec::new(),
        candidates: Vec::new(),
    }
}
