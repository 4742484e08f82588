//! Bodies that end: those of requests when nothing comes, those of events when the service stops.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::watch::Watch;

/// The least number of bytes that must come within the time limit of a body. A client that sends
/// less only holds a place.
const LEAST_BYTES: usize = 1024;

/// A body of a request that came too slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stalled(Duration);

impl fmt::Display for Stalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the body stalled for {} s", self.0.as_secs())
    }
}

impl std::error::Error for Stalled {}

/// The body of a request, which fails with [`Stalled`] when less than a KiB comes in `limit`. Only
/// time in which somebody waits for the body counts.
pub struct Steady {
    body: Incoming,
    limit: Duration,
    /// How long was waited for the bytes since the last KiB.
    waited: Duration,
    bytes: usize,
    /// Since when it waits, and the alarm.
    waits: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Steady {
    pub fn new(body: Incoming, limit: Duration) -> Self {
        Steady { body, limit, waited: Duration::ZERO, bytes: 0, waits: None }
    }

    fn came(&mut self, bytes: usize) {
        if let Some((since, _)) = self.waits.take() {
            self.waited += since.elapsed();
        }

        self.bytes += bytes;
        if self.bytes >= LEAST_BYTES {
            self.bytes = 0;
            self.waited = Duration::ZERO;
        }
    }
}

impl HttpBody for Steady {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            let bytes = match &frame {
                Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
                _ => 0,
            };
            self.came(bytes);
            return Poll::Ready(frame.map(|frame| frame.map_err(axum::Error::new)));
        }

        let left = self.limit.saturating_sub(self.waited);
        let (_, alarm) = self.waits.get_or_insert_with(|| {
            let now = Instant::now();
            (now, Box::pin(sleep_until(now + left)))
        });
        ready!(alarm.as_mut().poll(cx));

        Poll::Ready(Some(Err(axum::Error::new(Stalled(self.limit)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of a response. It tells the connection's watch when it is through, and if it is one of
/// events, it ends when the service stops.
pub struct Watched {
    body: Body,
    watch: Arc<Watch>,
    until: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Watched {
    /// With `until`: the body ends then.
    pub fn new(
        body: Body,
        watch: Arc<Watch>,
        until: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    ) -> Self {
        Watched { body, watch, until }
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Some(until) = &mut self.until
            && until.as_mut().poll(cx).is_ready()
        {
            self.until = None;
            self.body = Body::empty();
            return Poll::Ready(None);
        }

        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watch.answered();
    }
}
