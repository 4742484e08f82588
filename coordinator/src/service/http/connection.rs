//! One connection: handshake, requests, end.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tower::Service;

use super::body::{Steady, Watched};
use super::listen::{Server, stopped};
use super::watch::{Seen, Watch};

/// The most bytes of a head: `--select` of many jobs, and a long token.
const MOST_HEAD: usize = 64 << 10;
/// The most headers of a request.
const MOST_HEADERS: usize = 64;
/// How long and how much is read of a client that still sends when it has its answer.
const LINGER: (Duration, u64) = (Duration::from_secs(2), 16 << 20);

/// Serves a connection to its end.
pub async fn serve(server: &Server, stream: TcpStream, watch: Arc<Watch>) {
    let Some(tls) = &server.tls else { return requests(server, stream, watch).await };

    match timeout(server.limits.handshake, tls.accept(stream)).await {
        Ok(Ok(stream)) => requests(server, stream, watch).await,
        Ok(Err(error)) => tracing::debug!("a TLS handshake failed: {error}"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

/// Answers the requests of a connection.
async fn requests<T>(server: &Server, stream: T, watch: Arc<Watch>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let answer = service_fn(|request| {
        watch.asked();
        Box::pin(answer(server, request, watch.clone()))
    });

    let stream = TokioIo::new(Seen::new(stream, watch.clone()));
    let mut connection = http1::Builder::new()
        .max_buf_size(MOST_HEAD)
        .max_headers(MOST_HEADERS)
        .serve_connection(stream, answer);

    let mut stop = pin!(stopped(server.stop.clone()));
    let mut evicted = pin!(watch.evict.notified());
    let mut closes = false;
    // Whether it waited for a request when it was closed: then nobody sends.
    let mut was_idle = false;
    let mut alarm: Option<(Instant, Pin<Box<tokio::time::Sleep>>)> = None;

    let end = poll_fn(|cx| {
        if !closes && (stop.as_mut().poll(cx).is_ready() || evicted.as_mut().poll(cx).is_ready()) {
            closes = true;
            was_idle = watch.idle_since().is_some();
            Pin::new(&mut connection).graceful_shutdown();
        }
        if let Poll::Ready(end) = connection.poll_without_shutdown(cx) {
            return Poll::Ready(Some(end));
        }

        // What the connection does changes only while it is polled, so its deadline does, too.
        let Some(deadline) = watch.deadline(&server.limits) else {
            alarm = None;
            return Poll::Pending;
        };
        let (at, sleep) = alarm.get_or_insert_with(|| (deadline, Box::pin(sleep_until(deadline))));
        if *at != deadline {
            *at = deadline;
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(cx).map(|()| None)
    });

    match end.await {
        Some(Ok(())) if was_idle => {}
        Some(Ok(())) => linger(connection.into_parts().io.into_inner().into_inner()).await,
        Some(Err(error)) if error.is_parse() || error.is_parse_too_large() => {
            tracing::debug!("a client sent no HTTP: {error}");
            linger(connection.into_parts().io.into_inner().into_inner()).await;
        }
        Some(Err(error)) => tracing::debug!("a connection ended: {error}"),
        None => tracing::debug!("a connection was cut: its time is over"),
    }
}

/// Answers a request.
async fn answer(
    server: &Server,
    request: Request<Incoming>,
    watch: Arc<Watch>,
) -> Result<Response<Watched>, Infallible> {
    let stall = server.limits.stall;
    let request = request.map(|body| Body::new(Steady::new(body, stall)));
    let response = server.router.clone().call(request).await?;

    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_events = kind.is_some_and(|kind| kind.starts_with("text/event-stream"));
    let until = is_events.then(|| Box::pin(stopped(server.stop.clone())) as Pin<Box<_>>);
    Ok(response.map(|body| Watched::new(body, watch, until)))
}

/// Closes a connection so that its client gets the answer even if it still sends: a close with
/// bytes unread would take the answer back.
async fn linger(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let (time, most) = LINGER;
    let _ = timeout(time, async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(most), &mut tokio::io::sink()).await
    })
    .await;
}
