//! `/v1/jobs`: list, create, show, change, remove.

use std::sync::Arc;

use axum::extract::{FromRef, Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::{
    ChangeJob, InputFile, Inputs, Job, JobId, JobPage, NewJob, Problem, Selector, State as JobState,
};
use crate::clock::ms_of_rfc3339;
use crate::service::contents::Contents;
use crate::service::core::Core;
use crate::service::disk::MAKE_ROOM;
use crate::service::http::extract::Json;
use crate::service::http::problem::{Answer, Failure};
use crate::service::inputs::Listed;
use crate::service::jobs::{Created, Filter, JobError};
use crate::service::store::StoreError;
use crate::service::submit::{self, BadWish, Work};

/// The most jobs of a page, and how many it has by default.
const MOST: usize = 1000;
const USUAL: usize = 100;
/// The most selectors of one question.
const MOST_SELECTORS: usize = 1000;

pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<Core>: FromRef<S>,
    Arc<Contents>: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, change, remove))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only jobs in one of these states, separated by commas.
    #[param(example = "queued,running")]
    state: Option<String>,
    /// Only jobs with this text in their name or id, whatever its case.
    name: Option<String>,
    /// Only jobs that were created since this time.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Only the jobs that these mean, separated by commas, in this order: `last`, an id, a unique
    /// beginning of one, or a range of numbers such as `4-9`. Other parameters do not count then.
    select: Option<String>,
    /// How many jobs a page has at most; 100 by default.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(pattern = "^[0-9]{1,19}$")]
    after: Option<String>,
}

impl ListQuery {
    fn filter(&self) -> Answer<Filter> {
        let states = self.state.as_deref().into_iter().flat_map(|states| states.split(','));
        let states = states.filter(|word| !word.is_empty()).map(|word| {
            JobState::of_word(word)
                .ok_or_else(|| Failure::bad_request(format!("`{word}` is not the state of a job")))
        });

        let since = self.since.as_deref().map(|since| {
            ms_of_rfc3339(since).ok_or_else(|| {
                let expected = "expected a time such as `2026-11-29T14:05:09Z`";
                Failure::bad_request(format!("invalid `since`: {expected}, got `{since}`"))
            })
        });
        let before = self.after.as_deref().map(|after| {
            after.parse().map_err(|_| {
                Failure::bad_request("invalid `after`: expected the `next` of another page")
            })
        });

        let limit = self.limit.unwrap_or(USUAL);
        if !(1..=MOST).contains(&limit) {
            return Err(Failure::bad_request("invalid `limit`: expected 1 to 1,000"));
        }

        Ok(Filter {
            states: states.collect::<Answer<_>>()?,
            text: self.name.clone().filter(|text| !text.is_empty()),
            since: since.transpose()?,
            before: before.transpose()?,
            limit,
        })
    }
}

/// Lists jobs, the newest first.
#[utoipa::path(
    get,
    path = "/v1/jobs",
    tag = "jobs",
    params(ListQuery),
    responses(
        (status = 200, description = "A page of jobs", body = JobPage),
        (status = 404, description = "A selector means no job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "A selector is the beginning of several ids", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn list(
    State(core): State<Arc<Core>>,
    Query(query): Query<ListQuery>,
) -> Answer<axum::Json<JobPage>> {
    if let Some(select) = &query.select {
        let selectors: Vec<Selector> = select.split(',').map(Selector::of).collect();
        if selectors.len() > MOST_SELECTORS {
            return Err(Failure::bad_request("at most 1,000 selectors"));
        }

        let jobs = core.jobs.select(&selectors)?;
        let total = jobs.len() as u64;
        return Ok(axum::Json(JobPage { jobs, next: None, total }));
    }

    Ok(axum::Json(core.jobs.list(&query.filter()?)))
}

/// Creates a job.
///
/// Repeating it with the same `id` creates nothing, and answers with the job that is there.
#[utoipa::path(
    post,
    path = "/v1/jobs",
    tag = "jobs",
    request_body = NewJob,
    responses(
        (status = 201, description = "The new job", body = Job, headers(("location" = String, description = "Its address"))),
        (status = 200, description = "There was a job with this id", body = Job),
        (status = 404, description = "There is nothing at one of the paths", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Contents of its files were not uploaded", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not JSON", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The options cannot be used", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The service is stopping", body = Problem, content_type = "application/problem+json"),
        (status = 507, description = "The disk of the service is full", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn create(
    State(core): State<Arc<Core>>,
    State(contents): State<Arc<Contents>>,
    Json(wish): Json<NewJob>,
) -> Answer<Response> {
    let creating = Arc::clone(&core);
    let created = core.blocking(move || make(&creating, &contents, wish)).await?;

    let (status, job) = match created {
        Created::New(job) => (StatusCode::CREATED, job),
        Created::There(job) => (StatusCode::OK, job),
    };
    let location = [(LOCATION, format!("/v1/jobs/{}", job.id))];
    Ok((status, location, axum::Json(job)).into_response())
}

fn make(core: &Core, contents: &Contents, mut wish: NewJob) -> Answer<Created> {
    // Whatever else the wish says: it was fulfilled already.
    if let Some(id) = &wish.id
        && let Ok(job) = core.jobs.get(id)
    {
        return Ok(Created::There(job));
    }

    if core.is_stopping() {
        return Err(Failure::unavailable("the service is stopping"));
    }
    if let Some(refusal) = core.disk.refusal() {
        return Err(Failure::disk_full(refusal).hint(MAKE_ROOM));
    }

    submit::check_name(wish.name.as_deref())?;
    Work::of(&wish.options)?;

    let listed = match &mut wish.inputs {
        Inputs::Paths(paths) => {
            submit::check_paths(paths, &core.settings.roots)?;
            None
        }
        Inputs::Files(files) => {
            find_contents(contents, files)?;
            Some(Listed::of_upload(files).map_err(BadWish::from)?)
        }
    };

    core.jobs.create(wish.id.as_ref(), |id, place| {
        if let Some(listed) = &listed {
            let path = place.inputs();
            let doing = "write";
            listed.save(place).map_err(|source| StoreError::Io { doing, path, source })?;
        }
        Ok(submit::record(id, &wish, listed.as_ref()))
    })
}

/// Gives each file the size of its content.
///
/// # Errors
/// When contents were not uploaded.
fn find_contents(contents: &Contents, files: &mut [InputFile]) -> Answer<()> {
    let mut missing = Vec::new();

    for file in files {
        let Some(hash) = file.sha256 else { continue };
        let size = contents.size(hash);
        match size.map_err(|error| Failure::internal("looking for contents", error))? {
            Some(size) => file.size = size,
            None => missing.push(hash),
        }
    }

    missing.sort_unstable();
    missing.dedup();
    if missing.is_empty() { Ok(()) } else { Err(Failure::contents_missing(missing)) }
}

/// Shows a job.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}",
    tag = "jobs",
    params(("id" = JobId, Path, description = "The id of the job")),
    responses(
        (status = 200, description = "The job", body = Job),
        (status = 404, description = "There is no such job", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn show(State(core): State<Arc<Core>>, Path(id): Path<JobId>) -> Answer<axum::Json<Job>> {
    Ok(axum::Json(core.jobs.get(&id)?))
}

/// Changes the name or the priority of a job.
#[utoipa::path(
    patch,
    path = "/v1/jobs/{id}",
    tag = "jobs",
    params(("id" = JobId, Path, description = "The id of the job")),
    request_body = ChangeJob,
    responses(
        (status = 200, description = "The changed job", body = Job),
        (status = 404, description = "There is no such job", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn change(
    State(core): State<Arc<Core>>,
    Path(id): Path<JobId>,
    Json(change): Json<ChangeJob>,
) -> Answer<axum::Json<Job>> {
    submit::check_name(change.name.as_deref())?;

    let changing = Arc::clone(&core.jobs);
    let job = core.blocking(move || changing.change(&id, change)).await?;
    Ok(axum::Json(job))
}

/// Removes a finished job, with its outputs and its log.
#[utoipa::path(
    delete,
    path = "/v1/jobs/{id}",
    tag = "jobs",
    params(("id" = JobId, Path, description = "The id of the job")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is no such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is not finished", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn remove(State(core): State<Arc<Core>>, Path(id): Path<JobId>) -> Answer<StatusCode> {
    let removing = Arc::clone(&core.jobs);
    core.blocking(move || removing.remove(&id))
        .await
        .map_err(|error: JobError| error.into())
        .map(|()| StatusCode::NO_CONTENT)
}
