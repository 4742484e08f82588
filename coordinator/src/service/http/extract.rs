//! What handlers take from a request, with errors of the interface's kinds.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::body::Stalled;
use super::problem::{Answer, Failure};

/// The most bytes of a JSON body. A job of a million files takes about 150 MB, so most of them are
/// taken; a body of this size takes twice as much memory.
pub const MOST_JSON: usize = 256 << 20;

/// A body of JSON, of the type `T`. The request must say that it is `application/json`.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Answer<Self> {
        if !is_json(request.headers()) {
            return Err(Failure::unsupported_type("the body must be application/json"));
        }

        parse(&whole(request, MOST_JSON).await?).map(Json)
    }
}

/// A body of JSON that may be left out, or `null`: then `T` is its default.
#[derive(Debug, Clone)]
pub struct MaybeJson<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for MaybeJson<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Answer<Self> {
        let is_json = is_json(request.headers());
        let is_typed = request.headers().contains_key(CONTENT_TYPE);
        if is_json || is_typed {
            let Json(value) = Json::<Option<T>>::from_request(request, state).await?;
            return Ok(MaybeJson(value.unwrap_or_default()));
        }

        if whole(request, MOST_JSON).await?.is_empty() {
            Ok(MaybeJson(T::default()))
        } else {
            Err(Failure::unsupported_type("the body must be application/json"))
        }
    }
}

/// The value of a body.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Answer<T> {
    // A list would be taken for the fields of a struct in their order.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Failure::bad_request("the body must be a JSON object, not a list"));
    }

    serde_json::from_slice(bytes)
        .map_err(|error| Failure::bad_request(format!("the body cannot be used: {error}")))
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()) else {
        return false;
    };
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// A whole body of at most `limit` bytes.
async fn whole(request: Request, limit: usize) -> Answer<Bytes> {
    let body = Limited::new(request.into_body(), limit);
    match body.collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Failure::too_large(format!("the body may have {limit} bytes")))
        }
        Err(error) => Err(broken(error.as_ref())),
    }
}

/// The failure of a body that did not come to its end.
pub fn broken(error: &(dyn std::error::Error + 'static)) -> Failure {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(stalled) = error.downcast_ref::<Stalled>() {
            return Failure::incomplete(stalled.to_string());
        }
        next = error.source();
    }

    Failure::incomplete("the body ended early")
}
