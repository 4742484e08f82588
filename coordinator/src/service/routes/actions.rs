//! `/v1/jobs/{id}/…`: cancel, pause, resume, retry.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRef, Path, State};
use sheaf_common::problem::ProblemKind;
use tokio::time::{Instant, sleep};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::{Cancel, Job, JobId, Problem, Retry, State as JobState};
use crate::service::core::Core;
use crate::service::http::extract::MaybeJson;
use crate::service::http::problem::{Answer, Failure};
use crate::service::lifecycle::Event;
use crate::service::record::{Record, Retrying};

/// How long `resume` waits for a job that is being paused.
const PAUSING: Duration = Duration::from_secs(15);
/// The longest reason, in characters.
const LONGEST_REASON: usize = 1000;

pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<Core>: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(cancel))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(retry))
}

/// Ends a job that is not finished.
#[utoipa::path(
    post,
    path = "/v1/jobs/{id}/cancel",
    tag = "jobs",
    params(("id" = JobId, Path, description = "The id of the job")),
    request_body(content = Option<Cancel>, content_type = "application/json"),
    responses(
        (status = 200, description = "The job; it may still be `cancelling`", body = Job),
        (status = 404, description = "There is no such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is finished", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn cancel(
    State(core): State<Arc<Core>>,
    Path(id): Path<JobId>,
    MaybeJson(wish): MaybeJson<Cancel>,
) -> Answer<axum::Json<Job>> {
    if wish.reason.as_ref().is_some_and(|reason| reason.chars().count() > LONGEST_REASON) {
        return Err(Failure::bad_request("a reason has at most 1,000 characters"));
    }

    advance(&core, id, Event::Cancel, move |record| {
        record.cancel_reason = wish.reason.filter(|reason| !reason.is_empty());
        record.reason = record.cancel_reason.clone();
        record.hint = None;
    })
    .await
}

/// Stops a job that goes on when it is resumed. What is done is kept.
#[utoipa::path(
    post,
    path = "/v1/jobs/{id}/pause",
    tag = "jobs",
    params(("id" = JobId, Path, description = "The id of the job")),
    responses(
        (status = 200, description = "The job; it may still be `pausing`", body = Job),
        (status = 404, description = "There is no such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is finished, or being cancelled", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn pause(State(core): State<Arc<Core>>, Path(id): Path<JobId>) -> Answer<axum::Json<Job>> {
    advance(&core, id, Event::Pause, |_| {}).await
}

/// Lets a paused or stopped job go on from where it was.
#[utoipa::path(
    post,
    path = "/v1/jobs/{id}/resume",
    tag = "jobs",
    params(("id" = JobId, Path, description = "The id of the job")),
    responses(
        (status = 200, description = "The job", body = Job),
        (status = 404, description = "There is no such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is finished, or being cancelled", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn resume(State(core): State<Arc<Core>>, Path(id): Path<JobId>) -> Answer<axum::Json<Job>> {
    // A pause takes a moment, and its user should not have to wait for it.
    let until = Instant::now() + PAUSING;
    while core.jobs.get(&id)?.state == JobState::Pausing && Instant::now() < until {
        sleep(Duration::from_millis(50)).await;
    }

    advance(&core, id, Event::Resume, |record| {
        record.reason = None;
        record.hint = None;
    })
    .await
}

/// Reads the failed files of a job again, all or those of some kinds. The outputs become what they
/// would have been if those files had been read at first.
#[utoipa::path(
    post,
    path = "/v1/jobs/{id}/retry",
    tag = "jobs",
    params(("id" = JobId, Path, description = "The id of the job")),
    request_body(content = Option<Retry>, content_type = "application/json"),
    responses(
        (status = 200, description = "The job, queued again", body = Job),
        (status = 404, description = "There is no such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "No file failed, or it is not finished", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn retry(
    State(core): State<Arc<Core>>,
    Path(id): Path<JobId>,
    MaybeJson(wish): MaybeJson<Retry>,
) -> Answer<axum::Json<Job>> {
    for kind in &wish.kinds {
        if ProblemKind::of_code(kind).is_none() {
            let codes = ProblemKind::ALL.map(ProblemKind::code).join(", ");
            let said = format!("`{kind}` is not the kind of a problem");
            return Err(Failure::bad_request(said).hint(format!("the kinds are {codes}")));
        }
    }

    let job = core.jobs.get(&id)?;
    let failed = &job.progress.failed_by_kind;
    let has_such = wish.kinds.is_empty() || wish.kinds.iter().any(|kind| failed.contains_key(kind));
    if job.state.has_outputs() && !has_such {
        let said = format!("no file of job `{id}` failed for such a reason");
        let kinds: Vec<&str> = failed.keys().map(String::as_str).collect();
        return Err(Failure::wrong_state(said).hint(format!("it has {}", kinds.join(", "))));
    }

    advance(&core, id, Event::Retry, move |record| begin_again(record, wish.kinds)).await
}

fn begin_again(record: &mut Record, kinds: Vec<String>) {
    record.retries += 1;
    record.retrying = Some(Retrying { kinds });
    record.outputs.clear();
    record.notes.clear();
    record.reason = None;
    record.hint = None;
    record.cancel_reason = None;

    // The list of files below paths is made anew: the failed ones may have changed.
    if record.paths.is_some() {
        (record.files, record.bytes) = (0, 0);
    }
    let progress = &mut record.progress;
    (progress.files, progress.files_failed, progress.files_reused) = (0, 0, 0);
    (progress.bytes, progress.rows) = (0, 0);
    progress.failed_by_kind.clear();
}

async fn advance(
    core: &Core,
    id: JobId,
    event: Event,
    also: impl FnOnce(&mut Record) + Send + 'static,
) -> Answer<axum::Json<Job>> {
    let jobs = Arc::clone(&core.jobs);
    let job = core.blocking(move || jobs.advance(&id, event, also)).await?;
    Ok(axum::Json(job))
}
