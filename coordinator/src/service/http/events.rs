//! Streams of server-sent events.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use hyper::body::{Body as HttpBody, Frame};
use serde::Serialize;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, Sleep, sleep};

/// The longest silence. A client that is gone is noticed when something is sent.
const SILENCE: Duration = Duration::from_secs(15);

/// An event: its name, and its data as JSON in one line.
///
/// # Errors
/// When the data cannot be written as JSON.
pub fn event(name: &str, data: &impl Serialize) -> serde_json::Result<Bytes> {
    Ok(format!("event: {name}\ndata: {}\n\n", serde_json::to_string(data)?).into())
}

/// An answer that sends what comes from `events`, until its sender is gone, the client is, or the
/// service stops. In silence it sends a comment now and then.
pub fn events(events: Receiver<Bytes>) -> Response {
    let body = Events { events, silence: Box::pin(sleep(SILENCE)) };
    ([(CONTENT_TYPE, "text/event-stream")], Body::new(body)).into_response()
}

struct Events {
    events: Receiver<Bytes>,
    silence: Pin<Box<Sleep>>,
}

impl HttpBody for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = match self.events.poll_recv(cx) {
            Poll::Ready(event) => event,
            Poll::Pending if self.silence.as_mut().poll(cx).is_ready() => {
                Some(Bytes::from_static(b":\n\n"))
            }
            Poll::Pending => return Poll::Pending,
        };

        self.silence.as_mut().reset(Instant::now() + SILENCE);
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use tokio::sync::mpsc;

    #[tokio::test(start_paused = true)]
    async fn silence_is_broken_by_comments() {
        let (sender, receiver) = mpsc::channel(1);
        let mut body = events(receiver).into_body();
        sender.send(event("removed", &[1]).unwrap()).await.unwrap();

        let mut next = async || body.frame().await.map(|frame| frame.unwrap().into_data().unwrap());
        assert_eq!(next().await.unwrap(), "event: removed\ndata: [1]\n\n");
        assert_eq!(next().await.unwrap(), ":\n\n");
        drop(sender);
        assert_eq!(next().await, None);
    }
}
