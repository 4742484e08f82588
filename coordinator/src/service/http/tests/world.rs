//! A service on a port of its own, and a client that sends whatever a test wants.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use futures_util::stream::{self, StreamExt};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::api::Hash;
use crate::service::contents::{self, Contents};
use crate::service::http::auth::{Auth, Tokens};
use crate::service::http::guard::{Guard, Scheme};
use crate::service::http::health::{self, Health, Heartbeat};
use crate::service::http::listen::{Limits, Server};
use crate::service::http::metrics::{self, Metrics};
use crate::service::http::{openapi, shell, tls::Tls};

/// The longest that an answer may take in a test.
const PATIENCE: Duration = Duration::from_secs(20);

pub const FULL: &str = "full-full-full-full";
pub const READ: &str = "read-read-read-read";

#[derive(Clone)]
struct State {
    contents: Arc<Contents>,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
}

macro_rules! part {
    ($kind:ty, $field:ident) => {
        impl FromRef<State> for Arc<$kind> {
            fn from_ref(state: &State) -> Self {
                state.$field.clone()
            }
        }
    };
}
part!(Contents, contents);
part!(Metrics, metrics);
part!(Health, health);

/// What a test wants of its service.
pub struct Wanted {
    pub tokens: bool,
    pub tls: Option<Tls>,
    pub limits: Limits,
    pub reserve: u64,
}

impl Default for Wanted {
    fn default() -> Self {
        let short = Duration::from_millis(300);
        let limits = Limits {
            head: short,
            handshake: short,
            stall: short,
            idle: 4 * short,
            grace: short,
            ..Limits::default()
        };
        Wanted { tokens: false, tls: None, limits, reserve: 0 }
    }
}

pub struct World {
    pub folder: tempfile::TempDir,
    pub contents: Arc<Contents>,
    pub port: u16,
    pub stop: watch::Sender<bool>,
    pub served: JoinHandle<()>,
}

pub async fn world(wanted: Wanted) -> World {
    let folder = tempfile::tempdir().unwrap();
    serve(folder, wanted).await
}

async fn serve(folder: tempfile::TempDir, wanted: Wanted) -> World {
    let limits = contents::Limits { largest: 64 << 20, reserve: wanted.reserve };
    let contents = Arc::new(Contents::open(&folder.path().join("contents"), limits).unwrap());
    let metrics = Arc::new(Metrics::new());
    let health = Health::new(Arc::new(Heartbeat::new()), Box::new(|| Ok(())));
    let state = State { contents: contents.clone(), metrics, health: Arc::new(health) };

    let api = openapi::base()
        .merge(contents::router())
        .merge(health::router())
        .merge(metrics::router())
        .route("/panic", axum::routing::get(async || -> &'static str { panic!("on purpose") }))
        .route("/events", axum::routing::get(self::events));
    let tokens = format!("full {FULL}\nread {READ}\n");
    let tokens = wanted.tokens.then(|| Tokens::parse(&tokens).unwrap());
    let scheme = if wanted.tls.is_some() { Scheme::Https } else { Scheme::Http };
    let guard = Guard { scheme, loopback_only: tokens.is_none() };
    let router =
        shell(api, state.clone(), Arc::new(Auth::new(tokens)), guard, state.metrics.clone());

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (stop, stopped) = watch::channel(false);
    let server = Server::new(router, wanted.tls, wanted.limits, stopped);
    let served = tokio::spawn(server.run(listener));
    World { folder, contents, port, stop, served }
}

/// Events that never end: one, and then silence.
async fn events() -> impl IntoResponse {
    let first = Event::default().event("hello").data("1");
    Sse::new(stream::once(async { Ok::<_, Infallible>(first) }).chain(stream::pending()))
}

impl World {
    /// The same data folder with another service.
    pub async fn restarted(self, wanted: Wanted) -> World {
        let _ = self.stop.send(true);
        self.served.await.unwrap();
        serve(self.folder, wanted).await
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).await.unwrap()
    }

    /// Sends bytes, and reads until the service closes.
    pub async fn send(&self, bytes: &[u8]) -> Reply {
        let mut stream = self.connect().await;
        // The service may answer and close before it has all.
        let _ = stream.write_all(bytes).await;
        rest(&mut stream).await
    }

    /// Sends a request with some headers and a body.
    pub async fn ask(&self, line: &str, headers: &[&str], body: &[u8]) -> Reply {
        let mut head = format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        for header in headers {
            head.push_str(&format!("{header}\r\n"));
        }
        if !body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        self.send(&[head.as_bytes(), body].concat()).await
    }
}

/// What came.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    /// The code of the problem that it is.
    pub fn code(&self) -> String {
        assert!(self.head.contains("content-type: application/problem+json\r\n"), "{}", self.head);
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["status"], self.status);
        problem["code"].as_str().unwrap().into()
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Reads until the service closes. A connection that ends without an answer has the status 0.
pub async fn rest(stream: &mut (impl AsyncReadExt + Unpin)) -> Reply {
    let mut bytes = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    let _ = read.expect("the service closes");

    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(end) = end else { return Reply { status: 0, head: String::new(), body: bytes } };
    let head = String::from_utf8(bytes[..end + 2].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head, body: bytes[end + 4..].to_vec() }
}

/// Reads some of what comes.
pub async fn some(stream: &mut TcpStream) {
    assert!(stream.read(&mut [0; 2048]).await.unwrap() > 0);
}

pub fn hash(bytes: &[u8]) -> Hash {
    Hash(Sha256::digest(bytes).into())
}

/// The files of a folder and those below.
pub fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}
