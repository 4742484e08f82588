//! The addresses of the interface that are about jobs, workers and the service.
//!
//! * [`jobs`]: list, create, show, change, remove. [`actions`]: cancel, pause, resume, retry.
//! * [`details`]: files, log, summary, history, explanation. [`outputs`]: downloads.
//! * [`events`]: server-sent events. [`about`]: the service and its workers.

mod about;
mod actions;
mod details;
mod errors;
mod events;
mod jobs;
mod outputs;

use std::sync::Arc;

use axum::extract::FromRef;
use utoipa_axum::router::OpenApiRouter;

use super::contents::Contents;
use super::core::Core;
use super::http::auth::Auth;

/// All of them.
pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<Core>: FromRef<S>,
    Arc<Contents>: FromRef<S>,
    Arc<Auth>: FromRef<S>,
{
    OpenApiRouter::new()
        .merge(jobs::routes())
        .merge(actions::routes())
        .merge(details::routes())
        .merge(outputs::routes())
        .merge(events::routes())
        .merge(about::routes())
}
