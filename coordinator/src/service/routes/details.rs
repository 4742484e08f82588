//! `/v1/jobs/{id}/…`: files, log, summary, history, explanation.

use std::io;
use std::sync::Arc;

use axum::extract::{FromRef, Path, Query, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::{Explanation, FilePage, History, JobId, Problem};
use crate::service::core::Core;
use crate::service::explain::explain;
use crate::service::files::{self, Wanted};
use crate::service::http::file::ServedFile;
use crate::service::http::problem::{Answer, Failure};

/// The most files of a page, and how many it has by default.
const MOST: usize = 1000;
const USUAL: usize = 100;
/// The most files that may be left out at the beginning.
const MOST_LEFT_OUT: u64 = 1_000_000_000_000;

pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<Core>: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(list_files))
        .routes(routes!(log))
        .routes(routes!(summary))
        .routes(routes!(history))
        .routes(routes!(explanation))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FilesQuery {
    /// `failed` or `done`; both by default.
    #[param(pattern = "^(failed|done)?$")]
    status: Option<String>,
    /// Only files that failed for this kind of problem, by its code.
    kind: Option<String>,
    /// Only files with this text in their path or their reason, whatever its case.
    search: Option<String>,
    /// How many of them to leave out at the beginning.
    #[serde(default)]
    #[param(minimum = 0, maximum = 1_000_000_000_000_u64)]
    offset: u64,
    /// How many a page has at most; 100 by default.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

impl FilesQuery {
    fn wanted(self) -> Answer<Wanted> {
        let failed = match self.status.as_deref() {
            None | Some("") => None,
            Some("failed") => Some(true),
            Some("done") => Some(false),
            Some(_) => {
                return Err(Failure::bad_request("invalid `status`: expected `failed` or `done`"));
            }
        };

        let limit = self.limit.unwrap_or(USUAL);
        if !(1..=MOST).contains(&limit) {
            return Err(Failure::bad_request("invalid `limit`: expected 1 to 1,000"));
        }

        if self.offset > MOST_LEFT_OUT {
            return Err(Failure::bad_request("invalid `offset`: it is at most 10^12"));
        }

        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok(Wanted {
            failed,
            kind: filled(self.kind),
            text: filled(self.search),
            offset: self.offset,
            limit,
        })
    }
}

/// Lists the files of a job that are done, in their order.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/files",
    tag = "details",
    params(("id" = JobId, Path, description = "The id of the job"), FilesQuery),
    responses(
        (status = 200, description = "A page of files", body = FilePage),
        (status = 404, description = "There is no such job", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn list_files(
    State(core): State<Arc<Core>>,
    Path(id): Path<JobId>,
    Query(query): Query<FilesQuery>,
) -> Answer<axum::Json<FilePage>> {
    let wanted = query.wanted()?;
    let (place, record) = core.jobs.place(&id)?;

    let read = move || files::page(&place.joblog(), &wanted);
    let page = core.blocking(read).await;
    let page = page.map_err(|error| Failure::internal("reading the job log", error))?;

    let kinds = record.progress.failed_by_kind;
    Ok(axum::Json(FilePage { kinds, ..page }))
}

/// The job log: a line of tab-separated fields for each file that is done.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/log",
    tag = "details",
    params(("id" = JobId, Path, description = "The id of the job")),
    responses(
        (status = 200, description = "The whole log", body = String, content_type = "text/tab-separated-values"),
        (status = 206, description = "The part that `Range` asks for", body = String, content_type = "text/tab-separated-values"),
        (status = 404, description = "There is no such job, or it has not begun", body = Problem, content_type = "application/problem+json"),
        (status = 416, description = "The range is not in it", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn log(
    State(core): State<Arc<Core>>,
    Path(id): Path<JobId>,
    headers: HeaderMap,
) -> Answer<Response> {
    let (place, _) = core.jobs.place(&id)?;

    let file = ServedFile {
        path: place.joblog(),
        // It grows while the job runs.
        hash: None,
        content_type: "text/tab-separated-values; charset=utf-8".into(),
        name: None,
    };
    file.answer(&headers).await
}

/// The summary of a finished job, as `sheaf run --summary` writes it.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/summary",
    tag = "details",
    params(("id" = JobId, Path, description = "The id of the job")),
    responses(
        (status = 200, description = "The summary", body = Object),
        (status = 404, description = "There is no such job, or its outputs are not written", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn summary(State(core): State<Arc<Core>>, Path(id): Path<JobId>) -> Answer<Response> {
    let (place, record) = core.jobs.place(&id)?;
    if !record.state.has_outputs() {
        let said = format!("job `{id}` is {}: it has no summary", record.state.word());
        return Err(Failure::not_found(said));
    }

    let text = core.blocking(move || std::fs::read(place.summary())).await;
    let text = text.map_err(|error: io::Error| Failure::internal("reading the summary", error))?;
    Ok(([(CONTENT_TYPE, "application/json")], text).into_response())
}

/// How far a job was over time, since the service was started.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/history",
    tag = "details",
    params(("id" = JobId, Path, description = "The id of the job")),
    responses(
        (status = 200, description = "At most 600 samples", body = History),
        (status = 404, description = "There is no such job", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn history(
    State(core): State<Arc<Core>>,
    Path(id): Path<JobId>,
) -> Answer<axum::Json<History>> {
    Ok(axum::Json(core.jobs.history(&id)?))
}

/// Says what a job waits for.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/explain",
    tag = "details",
    params(("id" = JobId, Path, description = "The id of the job")),
    responses(
        (status = 200, description = "The reasons, the most important first", body = Explanation),
        (status = 404, description = "There is no such job", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn explanation(
    State(core): State<Arc<Core>>,
    Path(id): Path<JobId>,
) -> Answer<axum::Json<Explanation>> {
    Ok(axum::Json(explain(&core, &id).await?))
}
