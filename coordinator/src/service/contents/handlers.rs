//! `/v1/contents`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRef, Path, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_RANGE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::sync::OwnedSemaphorePermit;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::receive::{self, Part, Received};
use super::{Contents, blocking, bundle};
use crate::api::{
    AskContents, Bytes, Hash, MOST_ASKED, MissingContents, Problem, StoredContents, UPLOAD_OFFSET,
};
use crate::service::http::extract::Json;
use crate::service::http::metrics::{Metrics, OpenUpload};
use crate::service::http::problem::{Answer, Failure};

const TAG: &str = "contents";

/// The addresses below `/v1/contents`.
pub fn router<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<Contents>: FromRef<S>,
    Arc<Metrics>: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(ask))
        .routes(routes!(store_many))
        .routes(routes!(look, store))
}

/// Which contents the service lacks, and how much of them has come.
#[utoipa::path(
    post,
    path = "/v1/contents/missing",
    operation_id = "missingContents",
    tag = TAG,
    request_body = AskContents,
    responses(
        (status = 200, description = "Those that it lacks", body = MissingContents),
    ),
)]
async fn ask(
    State(contents): State<Arc<Contents>>,
    Json(asked): Json<AskContents>,
) -> Answer<axum::Json<MissingContents>> {
    if asked.sha256.len() > MOST_ASKED {
        return Err(Failure::bad_request(format!("at most {MOST_ASKED} hashes may be asked for")));
    }

    let missing = blocking(move || contents.missing(&asked.sha256)).await?;
    let missing = missing.map_err(|error| Failure::internal("looking for contents", error))?;
    Ok(axum::Json(MissingContents { missing }))
}

/// Whether the service has a content; if not, how much of it has come.
#[utoipa::path(
    head,
    path = "/v1/contents/{sha256}",
    operation_id = "lookContent",
    tag = TAG,
    params(("sha256" = Hash, Path)),
    responses(
        (status = 200, description = "It is there"),
        (status = 404, description = "It is not", headers(
            ("upload-offset" = u64, description = "How many of its bytes have come"),
        )),
    ),
)]
async fn look(State(contents): State<Arc<Contents>>, Path(hash): Path<Hash>) -> Answer<Response> {
    let found = move || match contents.size(hash)? {
        Some(_) => Ok(None),
        None => contents.received(hash).map(Some),
    };
    let missing = blocking(found).await?;
    let missing = missing.map_err(|error| Failure::internal("looking for a content", error))?;

    let Some(received) = missing else { return Ok(StatusCode::OK.into_response()) };
    let offset = [(HeaderName::from_static(UPLOAD_OFFSET), HeaderValue::from(received))];
    let failure = Failure::not_found(format!("there is no content {hash}"));
    Ok((offset, failure).into_response())
}

/// Stores a content: all of it, or with `Content-Range` the rest of it. What comes before a
/// connection breaks is kept.
#[utoipa::path(
    put,
    path = "/v1/contents/{sha256}",
    operation_id = "storeContent",
    tag = TAG,
    params(
        ("sha256" = Hash, Path),
        ("content-range" = Option<String>, Header,
            description = "`bytes A-B/TOTAL`: the body has the bytes from A to the end, B, of TOTAL"),
    ),
    request_body(content = Bytes, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "It was there"),
        (status = 201, description = "It is there now"),
        (status = 408, description = "The body stalled or ended early: what came is kept",
            body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It goes on elsewhere, or somebody else sends it",
            body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "It is too large",
            body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The bytes have another hash: they are removed",
            body = Problem, content_type = "application/problem+json"),
        (status = 507, description = "The disk is full: what came is kept",
            body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn store(
    State(contents): State<Arc<Contents>>,
    State(metrics): State<Arc<Metrics>>,
    Path(hash): Path<Hash>,
    headers: HeaderMap,
    body: Body,
) -> Answer<StatusCode> {
    let part = part(&headers)?;
    let (_place, upload) = begin(&contents, &metrics)?;

    let received = receive::receive(contents, &metrics, hash, part, body).await;
    upload.ended(received.is_ok());
    match received? {
        Received::Known => Ok(StatusCode::OK),
        Received::New => Ok(StatusCode::CREATED),
    }
}

/// Stores many small contents. The body has for each `SHA256 LENGTH`, a line feed, and its bytes;
/// at most 10,000, each of at most 4 MiB. If one fails, those before it are stored.
#[utoipa::path(
    post,
    path = "/v1/contents",
    operation_id = "storeContents",
    tag = TAG,
    request_body(content = Bytes, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "All are there", body = StoredContents),
        (status = 408, description = "The body stalled or ended early", body = Problem,
            content_type = "application/problem+json"),
        (status = 413, description = "One is too large", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "One has another hash", body = Problem,
            content_type = "application/problem+json"),
        (status = 507, description = "The disk is full", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
async fn store_many(
    State(contents): State<Arc<Contents>>,
    State(metrics): State<Arc<Metrics>>,
    body: Body,
) -> Answer<axum::Json<StoredContents>> {
    let (_place, upload) = begin(&contents, &metrics)?;

    let stored = bundle::receive(contents, &metrics, body).await;
    upload.ended(stored.is_ok());
    Ok(axum::Json(StoredContents { stored: stored? }))
}

/// Takes a place for an upload.
fn begin(
    contents: &Contents,
    metrics: &Arc<Metrics>,
) -> Answer<(OwnedSemaphorePermit, OpenUpload)> {
    match contents.places.clone().try_acquire_owned() {
        Ok(place) => Ok((place, metrics.upload_began())),
        Err(_) => {
            Err(Failure::too_many("too many files are uploaded at once")
                .hint("try again in a moment"))
        }
    }
}

/// Which bytes the body has.
fn part(headers: &HeaderMap) -> Answer<Part> {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let Some(range) = headers.get(CONTENT_RANGE) else {
        return Ok(Part { offset: 0, total: length });
    };

    let wrong = || Failure::bad_request("`Content-Range` must be `bytes A-B/TOTAL`, to the end");
    let numbers = range.to_str().ok().and_then(numbers).ok_or_else(wrong)?;
    let (from, last, total) = numbers;
    if from > last || last.checked_add(1) != Some(total) {
        return Err(wrong());
    }
    if length.is_some_and(|length| length != total - from) {
        return Err(Failure::bad_request("`Content-Range` and `Content-Length` do not fit"));
    }

    Ok(Part { offset: from, total: Some(total) })
}

/// The numbers of `bytes A-B/TOTAL`.
fn numbers(range: &str) -> Option<(u64, u64, u64)> {
    let (from, rest) = range.strip_prefix("bytes ")?.split_once('-')?;
    let (last, total) = rest.split_once('/')?;
    let number = |text: &str| {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| is_number)
    };
    Some((number(from)?, number(last)?, number(total)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(range: Option<&str>, length: Option<&str>) -> Result<Part, u16> {
        let mut headers = HeaderMap::new();
        if let Some(range) = range {
            headers.insert(CONTENT_RANGE, range.parse().unwrap());
        }
        if let Some(length) = length {
            headers.insert(CONTENT_LENGTH, length.parse().unwrap());
        }
        part(&headers).map_err(|failure| failure.problem().status)
    }

    #[test]
    fn a_body_has_all_or_the_rest() {
        assert_eq!(check(None, None), Ok(Part { offset: 0, total: None }));
        assert_eq!(check(None, Some("7")), Ok(Part { offset: 0, total: Some(7) }));
        let rest = Ok(Part { offset: 3, total: Some(10) });
        assert_eq!(check(Some("bytes 3-9/10"), Some("7")), rest);
        assert_eq!(check(Some("bytes 3-9/10"), None), rest);
    }

    #[test]
    fn other_ranges_are_refused() {
        let wrong =
            ["bytes 3-8/10", "bytes 9-3/4", "bytes 3-9/*", "bytes */10", "3-9/10", "bytes +3-9/10"];
        for range in wrong {
            assert_eq!(check(Some(range), None), Err(400), "{range}");
        }
        assert_eq!(check(Some("bytes 3-9/10"), Some("8")), Err(400));
        assert_eq!(check(Some("bytes 0-18446744073709551615/0"), None), Err(400));
    }
}
