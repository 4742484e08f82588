//! Errors of handlers, and their answers (`application/problem+json`).

use std::fmt::Display;

use axum::extract::Request;
use axum::http::header::{ALLOW, CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::api::{Hash, JobId, PROBLEM_JSON, Problem, ProblemCode};

/// The most bytes of an error of the framework that go into `detail`.
const MOST_DETAIL: usize = 4096;
/// The most hashes of [`Failure::contents_missing`] that are named.
const MOST_MISSING: usize = 100;
/// The most ids of [`Failure::ambiguous`] that are named.
const MOST_CANDIDATES: usize = 10;

/// Why a request cannot be done, as it is answered.
#[derive(Debug, Clone)]
pub struct Failure {
    problem: Box<Problem>,
    headers: HeaderMap,
}

/// The result of a handler.
pub type Answer<T> = Result<T, Failure>;

impl Failure {
    /// A failure of a kind, whose status follows from it.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Failure {
        let status = status(code);
        let problem = Problem {
            kind: "about:blank".into(),
            title: status.canonical_reason().unwrap_or("Error").into(),
            status: status.as_u16(),
            code,
            detail: detail.into(),
            hint: None,
            received: None,
            missing: Vec::new(),
            candidates: Vec::new(),
        };

        Failure { problem: Box::new(problem), headers: HeaderMap::new() }
    }

    /// Adds what the user can do.
    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.problem.hint = Some(hint.into());
        self
    }

    /// Says in how many seconds to try again.
    pub fn retry_after(self, seconds: u32) -> Failure {
        self.with(RETRY_AFTER, seconds.into())
    }

    fn with(mut self, name: HeaderName, value: HeaderValue) -> Failure {
        self.headers.insert(name, value);
        self
    }

    pub fn code(&self) -> ProblemCode {
        self.problem.code
    }

    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    pub fn bad_request(detail: impl Into<String>) -> Failure {
        Failure::new(ProblemCode::BadRequest, detail)
    }

    pub fn bad_options(detail: impl Into<String>) -> Failure {
        Failure::new(ProblemCode::BadOptions, detail)
    }

    pub fn unauthorized(detail: impl Into<String>) -> Failure {
        Failure::new(ProblemCode::Unauthorized, detail)
            .with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"sheaf\""))
    }

    pub fn forbidden(detail: impl Into<String>) -> Failure {
        Failure::new(ProblemCode::Forbidden, detail)
    }

    pub fn path_not_allowed(detail: impl Into<String>) -> Failure {
        Failure::new(ProblemCode::PathNotAllowed, detail)
    }

    pub fn not_found(detail: impl Into<String>) -> Failure {
        Failure::new(ProblemCode::NotFound, detail)
    }

    /// Several ids begin so; the first ten are named.
    pub fn ambiguous(detail: impl Into<String>, candidates: Vec<JobId>) -> Failure {
        let mut failure = Failure::new(ProblemCode::Ambiguous, detail);
        failure.problem.candidates = candidates.into_iter().take(MOST_CANDIDATES).collect();
        failure
    }

    pub fn wrong_state(detail: impl Into<String>) -> Failure {
        Failure::new(ProblemCode::WrongState, detail)
    }

    /// Contents of a new job are missing; the first hundred are named.
    pub fn contents_missing(mut missing: Vec<Hash>) -> Failure {
        let detail = match missing.len() {
            1 => "the content of 1 file was not uploaded".into(),
            count => format!("the contents of {count} files were not uploaded"),
        };
        missing.truncate(MOST_MISSING);

        let mut failure = Failure::new(ProblemCode::ContentsMissing, detail)
            .hint("ask POST /v1/contents/missing, send those, and create the job again");
        failure.problem.missing = missing;
        failure
    }

    /// The body begins elsewhere than after the `received` bytes that have come.
    pub fn wrong_offset(received: u64) -> Failure {
        let detail = format!("{received} bytes of the content have come, so it goes on there");
        let mut failure = Failure::new(ProblemCode::WrongOffset, detail);
        failure.problem.received = Some(received);
        failure
    }

    pub fn wrong_hash(expected: Hash, actual: Hash) -> Failure {
        let detail = format!("the bytes have the SHA-256 {actual}, not {expected}");
        Failure::new(ProblemCode::WrongHash, detail)
            .hint("the file changed while it was read, or on its way: send it again")
    }

    pub fn busy(detail: impl Into<String>) -> Failure {
        Failure::new(ProblemCode::Busy, detail).retry_after(1)
    }

    pub fn too_large(detail: impl Into<String>) -> Failure {
        Failure::new(ProblemCode::TooLarge, detail)
    }

    pub fn too_many(detail: impl Into<String>) -> Failure {
        Failure::new(ProblemCode::TooMany, detail).retry_after(2)
    }

    pub fn unsupported_type(detail: impl Into<String>) -> Failure {
        Failure::new(ProblemCode::UnsupportedType, detail)
    }

    /// The range is not in a file of `size` bytes.
    pub fn wrong_range(size: u64) -> Failure {
        let failure =
            Failure::new(ProblemCode::WrongRange, format!("the file has {size} bytes only"));
        match HeaderValue::try_from(format!("bytes */{size}")) {
            Ok(value) => failure.with(CONTENT_RANGE, value),
            Err(_) => failure,
        }
    }

    pub fn disk_full(detail: impl Into<String>) -> Failure {
        Failure::new(ProblemCode::DiskFull, detail)
            .hint("remove jobs that are no longer needed (`sheaf remove`), or make room there")
            .retry_after(60)
    }

    pub fn incomplete(detail: impl Into<String>) -> Failure {
        Failure::new(ProblemCode::Incomplete, detail)
    }

    pub fn unavailable(detail: impl Into<String>) -> Failure {
        Failure::new(ProblemCode::Unavailable, detail).retry_after(2)
    }

    /// An error of the service: it is logged, and the client learns only what was being done.
    pub fn internal(doing: &str, error: impl Display) -> Failure {
        tracing::error!("{doing}: {error}");
        Failure::new(ProblemCode::Internal, format!("the service failed: {doing}"))
            .hint("the log of the service says why")
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(self.problem)).into_response();

        response.headers_mut().extend(self.headers);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        response
    }
}

/// The status of a kind of error.
pub fn status(code: ProblemCode) -> StatusCode {
    match code {
        ProblemCode::BadRequest => StatusCode::BAD_REQUEST,
        ProblemCode::Unauthorized => StatusCode::UNAUTHORIZED,
        ProblemCode::Forbidden | ProblemCode::PathNotAllowed => StatusCode::FORBIDDEN,
        ProblemCode::NotFound => StatusCode::NOT_FOUND,
        ProblemCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ProblemCode::Ambiguous
        | ProblemCode::WrongState
        | ProblemCode::ContentsMissing
        | ProblemCode::WrongOffset
        | ProblemCode::Busy => StatusCode::CONFLICT,
        ProblemCode::BadOptions | ProblemCode::WrongHash => StatusCode::UNPROCESSABLE_ENTITY,
        ProblemCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ProblemCode::TooMany => StatusCode::TOO_MANY_REQUESTS,
        ProblemCode::UnsupportedType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ProblemCode::WrongRange => StatusCode::RANGE_NOT_SATISFIABLE,
        ProblemCode::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
        ProblemCode::Incomplete => StatusCode::REQUEST_TIMEOUT,
        ProblemCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ProblemCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The kind of an error that the framework answered by itself.
fn code(status: StatusCode) -> ProblemCode {
    match status {
        StatusCode::UNAUTHORIZED => ProblemCode::Unauthorized,
        StatusCode::FORBIDDEN => ProblemCode::Forbidden,
        StatusCode::NOT_FOUND => ProblemCode::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => ProblemCode::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => ProblemCode::TooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ProblemCode::UnsupportedType,
        status if status.is_server_error() => ProblemCode::Internal,
        _ => ProblemCode::BadRequest,
    }
}

/// A layer: what the framework answers as plain text (extractors, methods that a path does not
/// have) becomes a problem. Headers such as `Allow` stay.
pub async fn no_plain_text(request: Request, next: Next) -> Response {
    let asked = format!("{} {}", request.method(), request.uri().path());
    let response = next.run(request).await;

    let kind = response.headers().get(CONTENT_TYPE);
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    if !is_error || kind.is_some_and(|kind| kind == PROBLEM_JSON) {
        return response;
    }

    let (parts, body) = response.into_parts();
    let said = axum::body::to_bytes(body, MOST_DETAIL).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let detail = match parts.headers.get(ALLOW).and_then(|methods| methods.to_str().ok()) {
        Some(methods) => format!("`{asked}`: this address has the methods {methods}"),
        None if said.is_empty() => format!("`{asked}` cannot be answered"),
        None => said.into_owned(),
    };

    let mut failure = Failure::new(code(parts.status), detail);
    if let Some(methods) = parts.headers.get(ALLOW) {
        failure = failure.with(ALLOW, methods.clone());
    }
    failure.into_response()
}

/// The answer to an address that the service does not have.
pub async fn no_such_address(request: Request) -> Failure {
    Failure::not_found(format!("there is nothing at `{}`", request.uri().path()))
        .hint("/openapi.json lists all addresses")
}

/// The answer when a handler panicked. The panic itself is in the log.
pub fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    Failure::internal("answering a request", "a handler panicked").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failure_is_a_problem_with_headers() {
        let response = Failure::wrong_range(12).hint("ask for less").into_response();
        assert_eq!(response.status(), 416);
        assert_eq!(response.headers()[CONTENT_TYPE], PROBLEM_JSON);
        assert_eq!(response.headers()[CONTENT_RANGE], "bytes */12");

        let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
        let problem: Problem = serde_json::from_slice(&body).unwrap();
        assert_eq!((problem.status, problem.code), (416, ProblemCode::WrongRange));
        assert_eq!(problem.hint.as_deref(), Some("ask for less"));
    }

    #[test]
    fn long_lists_are_cut() {
        let missing = Failure::contents_missing(vec![Hash([1; 32]); 5000]);
        assert_eq!(missing.problem().missing.len(), MOST_MISSING);
        assert!(missing.problem().detail.contains("5000 files"));
    }
}
