//! The socket below a connection: dialled here, and watched for the bytes that pass.
//!
//! A limit on the time of a whole answer would cut off large transfers over a slow link. So the
//! limit is on silence, which only the passing bytes show.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use redis::io::tcp::socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::Instant;

use super::tls::Tls;
use crate::fit;

/// Keepalive finds a connection that the peer or a middlebox forgot within 17 s, and keeps most
/// middleboxes from forgetting idle ones.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(8);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(3);
const KEEPALIVE_TRIES: u32 = 3;

/// The most unsent bytes that the kernel buffers: while it sends them, the connection looks silent.
const UNSENT: u32 = 256 << 10;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

/// When bytes passed last.
#[derive(Debug)]
pub struct Traffic {
    began: Instant,
    /// When bytes last passed in either direction, in microseconds since `began`.
    last_us: AtomicU64,
    /// When bytes last arrived, likewise.
    came_us: AtomicU64,
    /// Whether arriving bytes are counted.
    counts: AtomicBool,
    /// The bytes counted so far on all connections of the pool.
    received: Arc<AtomicU64>,
}

impl Traffic {
    fn new(received: Arc<AtomicU64>) -> Arc<Self> {
        Arc::new(Traffic {
            began: Instant::now(),
            last_us: AtomicU64::new(0),
            came_us: AtomicU64::new(0),
            counts: AtomicBool::new(false),
            received,
        })
    }

    /// When bytes passed last, in either direction.
    pub fn last(&self) -> Instant {
        self.began + Duration::from_micros(self.last_us.load(Ordering::Relaxed))
    }

    /// Whether bytes have arrived since then.
    pub fn came_since(&self, moment: Instant) -> bool {
        self.began + Duration::from_micros(self.came_us.load(Ordering::Relaxed)) > moment
    }

    /// Sets whether bytes that arrive from now on are counted.
    pub fn count(&self, counts: bool) {
        self.counts.store(counts, Ordering::Relaxed);
    }

    fn came(&self, bytes: usize) {
        if self.counts.load(Ordering::Relaxed) {
            self.received.fetch_add(bytes as u64, Ordering::Relaxed);
        }
        self.came_us.store(self.now_us(), Ordering::Relaxed);
        self.passed();
    }

    #[cfg(test)]
    pub fn for_tests() -> Arc<Self> {
        Self::new(Arc::default())
    }

    #[cfg(test)]
    pub fn pass_for_tests(&self) {
        self.passed();
    }

    fn passed(&self) {
        self.last_us.store(self.now_us(), Ordering::Relaxed);
    }

    fn now_us(&self) -> u64 {
        fit::micros(self.began.elapsed())
    }
}

/// The stream that a connection reads from and writes to.
pub trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

/// Opens a socket, with `tls` if given. The kernel may wait for at most `silence` until sent bytes
/// are acknowledged. Arriving bytes are added to `received` while they are counted.
///
/// # Errors
/// Those of the system, and of TLS as text.
pub async fn open(
    endpoint: &Endpoint,
    tls: Option<&Tls>,
    silence: Duration,
    received: Arc<AtomicU64>,
) -> io::Result<(Box<dyn Socket>, Arc<Traffic>)> {
    let traffic = Traffic::new(received);

    let (host, port) = match endpoint {
        Endpoint::Unix(path) => {
            let socket = UnixStream::connect(path).await?;
            return Ok((Box::new(Watched { socket, traffic: Arc::clone(&traffic) }), traffic));
        }
        Endpoint::Tcp { host, port } => (host.as_str(), *port),
    };

    let socket = TcpStream::connect((host, port)).await?;
    // Nagle's algorithm would let small requests wait for the acknowledgement of others.
    socket.set_nodelay(true)?;

    let settings = SockRef::from(&socket);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE);
    settings.set_tcp_keepalive(
        &keepalive.with_interval(KEEPALIVE_EVERY).with_retries(KEEPALIVE_TRIES),
    )?;

    settings.set_tcp_user_timeout(Some(silence))?;
    settings.set_tcp_notsent_lowat(UNSENT)?;

    let socket = Watched { socket, traffic: Arc::clone(&traffic) };
    match tls {
        None => Ok((Box::new(socket), traffic)),
        Some(tls) => Ok((Box::new(tls.connect(host, socket).await?), traffic)),
    }
}

/// A socket that notes when bytes pass.
pub struct Watched<S> {
    socket: S,
    traffic: Arc<Traffic>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let polled = Pin::new(&mut self.socket).poll_read(context, into);

        let came = into.filled().len() - before;
        if came > 0 {
            self.traffic.came(came);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write(context, bytes);
        // Bytes that the kernel accepts count as a sign of life: see `UNSENT`.
        if let Poll::Ready(Ok(1..)) = polled {
            self.traffic.passed();
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
