//! `/v1/service`, `/v1/workers`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{FromRef, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::{Problem, Service, WorkerPage};
use crate::service::contents::Contents;
use crate::service::core::Core;
use crate::service::http::auth::Access;
use crate::service::http::problem::{Answer, Failure};

pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<Core>: FromRef<S>,
    Arc<Contents>: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(service)).routes(routes!(workers))
}

/// Shows the service.
#[utoipa::path(
    get,
    path = "/v1/service",
    tag = "service",
    responses((status = 200, description = "The service", body = Service))
)]
async fn service(
    State(core): State<Arc<Core>>,
    State(contents): State<Arc<Contents>>,
    Extension(access): Extension<Access>,
) -> axum::Json<Service> {
    axum::Json(core.seen(access == Access::Full, contents.limits().largest))
}

/// Lists the workers.
#[utoipa::path(
    get,
    path = "/v1/workers",
    tag = "service",
    responses(
        (status = 200, description = "The workers, that of the service first", body = WorkerPage),
        (status = 503, description = "The queue cannot be asked", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn workers(State(core): State<Arc<Core>>) -> Answer<axum::Json<WorkerPage>> {
    let workers = core.workers().await.map_err(|error| {
        let failure = Failure::unavailable(error.to_string());
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    Ok(axum::Json(WorkerPage { workers }))
}
