//! `/v1/jobs/{id}/outputs/{n}`: downloads.

use std::sync::Arc;

use axum::extract::{FromRef, Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::{Bytes, JobId, OutputFile, Problem, Ticket};
use crate::service::core::Core;
use crate::service::http::auth::Auth;
use crate::service::http::file::ServedFile;
use crate::service::http::problem::{Answer, Failure};
use crate::service::store::JobPlace;

pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<Core>: FromRef<S>,
    Arc<Auth>: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(download)).routes(routes!(ticket))
}

/// Downloads an output.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/outputs/{n}",
    tag = "outputs",
    params(
        ("id" = JobId, Path, description = "The id of the job"),
        ("n" = u32, Path, description = "The number of the output, from 0"),
    ),
    responses(
        (status = 200, description = "The whole file, of the media type of its output", body = Bytes, content_type = "*/*",
            headers(("etag" = String, description = "Its SHA-256, quoted"), ("repr-digest" = String, description = "Its SHA-256, as RFC 9530 has it"))),
        (status = 206, description = "The part that `Range` asks for", body = Bytes, content_type = "*/*"),
        (status = 304, description = "It is the one of `If-None-Match`"),
        (status = 404, description = "There is no such job or output, or it is not written", body = Problem, content_type = "application/problem+json"),
        (status = 416, description = "The range is not in it", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn download(
    State(core): State<Arc<Core>>,
    Path((id, n)): Path<(JobId, usize)>,
    headers: HeaderMap,
) -> Answer<Response> {
    let (place, output) = find(&core, &id, n)?;
    let path = output_path(&place, n, &output)?;

    let file = ServedFile {
        path,
        hash: Some(output.sha256),
        content_type: output.media_type,
        name: Some(output.name),
    };
    file.answer(&headers).await
}

/// Makes a link to an output that needs no token, for a minute.
#[utoipa::path(
    post,
    path = "/v1/jobs/{id}/outputs/{n}/ticket",
    tag = "outputs",
    params(
        ("id" = JobId, Path, description = "The id of the job"),
        ("n" = u32, Path, description = "The number of the output, from 0"),
    ),
    responses(
        (status = 200, description = "The link", body = Ticket),
        (status = 404, description = "There is no such job or output, or it is not written", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn ticket(
    State(core): State<Arc<Core>>,
    State(auth): State<Arc<Auth>>,
    Path((id, n)): Path<(JobId, usize)>,
) -> Answer<axum::Json<Ticket>> {
    find(&core, &id, n)?;

    let path = format!("/v1/jobs/{id}/outputs/{n}");
    let url = auth.tickets().issue(&path)?;
    Ok(axum::Json(Ticket { url }))
}

fn find(core: &Core, id: &JobId, n: usize) -> Answer<(JobPlace, OutputFile)> {
    let (place, record) = core.jobs.place(id)?;

    if !record.state.has_outputs() {
        let said = format!("job `{id}` is {}: it has no outputs", record.state.word());
        return Err(Failure::not_found(said).hint(format!("`sheaf wait {id}` waits for its end")));
    }

    let outputs = record.outputs.len();
    let output = record.outputs.into_iter().nth(n).ok_or_else(|| {
        Failure::not_found(format!("job `{id}` has {outputs} outputs, numbered from 0"))
    })?;
    Ok((place, output))
}

/// Where an output is: the extension of its form is not always that of its name.
fn output_path(place: &JobPlace, n: usize, output: &OutputFile) -> Answer<std::path::PathBuf> {
    let form = sheaf_format::Form::of_name(&output.name)
        .ok_or_else(|| Failure::internal("finding an output", "its name has no format"))?;
    Ok(place.output(n, &form.extension()))
}
