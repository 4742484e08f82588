//! The HTTP side of `sheaf serve`.
//!
//! * [`listen`]: connections and their limits; [`tls`].
//! * [`shell`]: what stands around all handlers: [`guard`] (other origins, headers), [`auth`]
//!   (tokens, tickets), [`metrics`], panics, and errors as [`problem`]s.
//! * [`extract`]: what handlers take from requests. [`mod@file`]: answers with a file.
//! * [`health`], [`page`], [`openapi`]: the addresses that need no token.

pub mod auth;
mod body;
mod connection;
pub mod extract;
pub mod file;
pub mod guard;
pub mod health;
pub mod listen;
pub mod metrics;
pub mod openapi;
pub mod page;
pub mod problem;
pub mod tls;
mod watch;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;

use self::auth::Auth;
use self::guard::Guard;
use self::metrics::Metrics;

/// The whole service: the handlers of `api` with the page and the description, and around them all
/// that requests go through.
///
/// `api` begins with [`openapi::base`], into which the groups are merged.
pub fn shell<S: Clone + Send + Sync + 'static>(
    api: OpenApiRouter<S>,
    state: S,
    auth: Arc<Auth>,
    guard: Guard,
    metrics: Arc<Metrics>,
) -> Router {
    openapi::described(api, auth.has_tokens())
        .merge(page::router())
        .fallback(problem::no_such_address)
        .with_state(state)
        // The last layer is the first that a request meets.
        .layer(CatchPanicLayer::custom(problem::panicked))
        // The extractors of this service have limits of their own.
        .layer(DefaultBodyLimit::max(extract::MOST_JSON))
        .layer(from_fn_with_state(auth, auth::check))
        .layer(from_fn_with_state(Arc::new(guard), guard::check))
        .layer(from_fn(problem::no_plain_text))
        .layer(from_fn(guard::headers))
        .layer(from_fn_with_state(metrics, metrics::count))
}

#[cfg(test)]
mod tests;
