//! Serves a router on a listener until it is told to stop.
//!
//! A slow or rude client costs only itself: connections are limited in number, and each in the time
//! that a handshake, a head, a stalled body, a stalled answer and idling may take. When all places
//! are taken, the connection that idles longest makes room; if there is none, the newcomer is told
//! to come again (503).

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::connection;
use super::tls::Tls;
use super::watch::Watch;

/// How long a connection waits for a place.
const PATIENCE: Duration = Duration::from_secs(1);
/// The most connections that wait for a place.
const MOST_WAITING: usize = 64;
/// How long a connection that cannot be served has to take the answer.
const FAREWELL: Duration = Duration::from_secs(1);
/// The pause after the system refused a connection.
const BREATHER: Duration = Duration::from_millis(100);

/// The answer when there is no place.
const NO_PLACE: &str = concat!(
    "HTTP/1.1 503 Service Unavailable\r\n",
    "content-type: application/problem+json\r\n",
    "retry-after: 2\r\n",
    "connection: close\r\n",
    "content-length: 158\r\n\r\n",
    r#"{"type":"about:blank","title":"Service Unavailable","status":503,"code":"unavailable","#,
    r#""detail":"too many connections are open","hint":"try again in a moment"}"#,
);

/// What clients may use up.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The most connections at once.
    pub connections: usize,
    /// The longest that a TLS handshake may take.
    pub handshake: Duration,
    /// The longest that the head of a request may take.
    pub head: Duration,
    /// The longest that a body may pause, and that an answer may not be taken.
    pub stall: Duration,
    /// The longest that a connection may wait for its next request.
    pub idle: Duration,
    /// The longest that requests may go on when the service stops.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 512,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            grace: Duration::from_secs(5),
        }
    }
}

/// All that connections share.
pub struct Server {
    pub router: Router,
    pub tls: Option<Tls>,
    pub limits: Limits,
    /// True when the service stops.
    pub stop: watch::Receiver<bool>,
    open: Mutex<HashMap<u64, Arc<Watch>>>,
}

impl Server {
    /// A server of `router`, over TLS if `tls` is given, until `stop` holds true or its sender is
    /// gone.
    pub fn new(
        router: Router,
        tls: Option<Tls>,
        limits: Limits,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Server { router, tls, limits, stop, open: Mutex::default() }
    }

    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Watch>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the connection that idles longest close.
    fn make_room(&self) {
        let open = self.open();
        let idle = open.values().filter_map(|watch| Some((watch.idle_since()?, watch)));
        if let Some((_, watch)) = idle.min_by_key(|(since, _)| *since) {
            watch.evict.notify_one();
        }
    }

    /// Serves until it is told to stop, and returns when all connections are closed: requests that
    /// are under way have the time of [`Limits::grace`], streams of events end at once.
    pub async fn run(self, listener: TcpListener) {
        let server = Arc::new(self);
        let places = Arc::new(Semaphore::new(server.limits.connections));
        let waiting = Arc::new(Semaphore::new(MOST_WAITING));
        let mut connections = JoinSet::new();
        let mut number = 0;

        let stopped = stopped(server.stop.clone());
        tokio::pin!(stopped);
        loop {
            let stream = tokio::select! {
                () = &mut stopped => break,
                // Takes the ended ones out.
                Some(_) = connections.join_next() => continue,
                stream = accept(&listener) => stream,
            };

            number += 1;
            if let Ok(place) = places.clone().try_acquire_owned() {
                connections.spawn(serve(server.clone(), stream, number, place));
                continue;
            }

            server.make_room();
            // If not even a place to wait is left, the connection is dropped.
            if let Ok(turn) = waiting.clone().try_acquire_owned() {
                let (server, places) = (server.clone(), places.clone());
                connections.spawn(async move {
                    let place = timeout(PATIENCE, places.acquire_owned()).await;
                    drop(turn);
                    match place {
                        Ok(Ok(place)) => serve(server, stream, number, place).await,
                        _ => refuse(stream, server.tls.is_some()).await,
                    }
                });
            }
        }

        drop(listener);
        let all = async { while connections.join_next().await.is_some() {} };
        if timeout(server.limits.grace, all).await.is_err() {
            tracing::info!("{} connections are cut", connections.len());
            connections.shutdown().await;
        }
    }
}

/// Waits until the service stops.
pub async fn stopped(mut stop: watch::Receiver<bool>) {
    // If the sender is gone, nobody is left who could say it.
    let _ = stop.wait_for(|is_stopping| *is_stopping).await;
}

/// The next connection.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                // Some errors belong to one connection; when files run out, time helps.
                if !belongs_to_client(&error) {
                    tracing::warn!("could not take a connection: {error}");
                    sleep(BREATHER).await;
                }
            }
        }
    }
}

fn belongs_to_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

async fn serve(server: Arc<Server>, stream: TcpStream, number: u64, place: OwnedSemaphorePermit) {
    let watch = Arc::new(Watch::new());
    server.open().insert(number, watch.clone());
    // Also when the task is aborted, or panics.
    let _registered = Registered { server: &server, number };

    // Small answers and events must not wait for others.
    let _ = stream.set_nodelay(true);
    connection::serve(&server, stream, watch).await;
    drop(place);
}

struct Registered<'a> {
    server: &'a Server,
    number: u64,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.server.open().remove(&self.number);
    }
}

/// Tells a client that there is no place.
async fn refuse(mut stream: TcpStream, is_tls: bool) {
    // Nobody could read it before the handshake.
    if is_tls {
        return;
    }

    let answer = async {
        stream.write_all(NO_PLACE.as_bytes()).await?;
        stream.shutdown().await?;
        // A close with bytes unread would take the answer back.
        let mut rest = [0; 4096];
        while stream.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    let _ = timeout(FAREWELL, answer).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_without_place_is_whole() {
        let (head, body) = NO_PLACE.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
        let problem: crate::api::Problem = serde_json::from_str(body).unwrap();
        assert_eq!(problem.status, 503);
    }
}
