//! Answers `/metrics` and `/healthz`.
//!
//! A slow client costs only itself: a connection has one request and a few seconds; when there are
//! too many, the oldest makes room.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use prometheus_client::encoding::prometheus_text;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tracing::{debug, warn};

use super::Figures;

/// The most connections at once.
const MOST: usize = 32;
/// The longest that a connection may last.
const LONGEST: Duration = Duration::from_secs(10);
/// The most bytes of the head of a request: hyper takes no less.
const MOST_HEAD: usize = 8 << 10;
/// The pause after the system refused a connection, as when it is out of files.
const BREATHER: Duration = Duration::from_millis(100);

/// Answers requests; never returns.
pub async fn serve(listener: TcpListener, figures: Arc<Figures>) -> Infallible {
    let mut connections = JoinSet::new();
    let mut order: VecDeque<AbortHandle> = VecDeque::new();

    loop {
        let stream = tokio::select! {
            // Takes the ended ones out.
            Some(_) = connections.join_next() => {
                order.retain(|connection| !connection.is_finished());
                continue;
            }
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    warn!("could not take a connection for `--metrics`: {error}");
                    tokio::time::sleep(BREATHER).await;
                    continue;
                }
            },
        };

        if order.len() >= MOST
            && let Some(oldest) = order.pop_front()
        {
            oldest.abort();
        }
        let figures = Arc::clone(&figures);
        order.push_back(connections.spawn(connection(stream, figures)));
    }
}

/// Answers the request of a connection.
async fn connection(stream: TcpStream, figures: Arc<Figures>) {
    let answers = service_fn(|request: Request<Incoming>| {
        let answer = answer(&request, &figures);
        async { Ok::<_, Infallible>(answer) }
    });

    let served = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(MOST_HEAD)
        .serve_connection(TokioIo::new(stream), answers);
    match tokio::time::timeout(LONGEST, served).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!("a connection for `--metrics` ended: {error}"),
        Err(_) => debug!("a connection for `--metrics` was cut: its time is over"),
    }
}

fn answer(request: &Request<Incoming>, figures: &Figures) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n".into());
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }

    match request.uri().path() {
        "/metrics" => match figures.text() {
            Ok(figures) => {
                let mut response = text(StatusCode::OK, figures);
                let kind = HeaderValue::from_static(prometheus_text::CONTENT_TYPE);
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
            Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        },
        "/healthz" => match figures.health() {
            Ok(()) => text(StatusCode::OK, "ok\n".into()),
            Err(why) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
        },
        _ => text(StatusCode::NOT_FOUND, "there are /metrics and /healthz\n".into()),
    }
}

/// An answer in plain text.
fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}
