//! The description of the interface, `/openapi.json`.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, Content, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::auth::is_public;
use crate::api::{PROBLEM_JSON, Problem};

const DESCRIPTION: &str = "Jobs of Sheaf: create, watch and change them, upload their files, and \
                           download their outputs. Every error is `application/problem+json`.";
/// The name of the way to say who one is.
const TOKEN: &str = "token";

/// The description without addresses: a router for [`OpenApiRouter::merge`] to begin with.
pub fn base<S: Clone + Send + Sync + 'static>() -> OpenApiRouter<S> {
    let info = InfoBuilder::new()
        .title("Sheaf")
        .version(sheaf_common::VERSION)
        .description(Some(DESCRIPTION));

    let mut components = Components::new();
    let mut bearer = Http::new(HttpAuthScheme::Bearer);
    bearer.description = Some("A token of the service's --token-file, if it has one".into());
    components.add_security_scheme(TOKEN, SecurityScheme::Http(bearer));

    let mut schemas = vec![(Problem::name().into_owned(), Problem::schema())];
    Problem::schemas(&mut schemas);
    components.schemas.extend(schemas);

    let described = OpenApiBuilder::new().info(info.build()).components(Some(components));
    OpenApiRouter::with_openapi(described.build())
}

/// The router, with the description of all its addresses at `/openapi.json`.
pub fn described<S: Clone + Send + Sync + 'static>(
    router: OpenApiRouter<S>,
    has_tokens: bool,
) -> Router<S> {
    let (router, mut description) = router.split_for_parts();
    complete(&mut description, has_tokens);

    // A description is of texts and lists only, so it can be written; if not, it is empty.
    let text = description.to_pretty_json().unwrap_or_default();
    let answer = get(async move || ([(CONTENT_TYPE, "application/json")], text));
    router.route("/openapi.json", answer)
}

/// Adds what all operations have in common: errors, and tokens if the service has some.
fn complete(description: &mut OpenApi, has_tokens: bool) {
    for (path, item) in &mut description.paths.paths {
        for operation in operations(item) {
            add_error(operation, "400", "The request cannot be understood");
            add_error(operation, "403", "This is not allowed to the caller");
            add_error(operation, "default", "An error");

            if takes_json(operation) {
                add_error(operation, "413", "The body is too large");
                add_error(operation, "415", "The body is not JSON");
            }

            if has_tokens && !is_public(path) {
                add_error(operation, "401", "The token is missing or wrong");
                operation.security = Some(vec![SecurityRequirement::new(TOKEN, [""; 0])]);
            }
        }
    }
}

fn takes_json(operation: &Operation) -> bool {
    match &operation.request_body {
        Some(RefOr::T(body)) => body.content.contains_key("application/json"),
        Some(RefOr::Ref(_)) | None => false,
    }
}

/// Adds an error that a handler's description does not have.
fn add_error(operation: &mut Operation, status: &str, description: &str) {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    let error = ResponseBuilder::new().description(description).content(PROBLEM_JSON, content);

    let responses = &mut operation.responses.responses;
    responses.entry(status.into()).or_insert(RefOr::T(error.build()));
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, head, patch, .. } = item;
    [get, put, post, delete, head, patch].into_iter().flatten()
}

#[cfg(test)]
mod tests;
