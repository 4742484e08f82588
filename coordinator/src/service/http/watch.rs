//! What a connection does, and how long it may do so; and the stream that sees it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::listen::Limits;

/// What a connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It waits for a request.
    Idle,
    /// The head of a request comes.
    Head,
    /// A request is answered.
    Busy,
}

#[derive(Debug)]
struct Inner {
    phase: Phase,
    since: Instant,
    /// Since when the client takes none of the bytes that wait for it.
    blocked: Option<Instant>,
}

/// What one connection does.
#[derive(Debug)]
pub struct Watch {
    inner: Mutex<Inner>,
    /// Told when the connection must make room for others.
    pub evict: Notify,
}

impl Watch {
    /// The watch of a new connection, whose first head must come now.
    pub fn new() -> Self {
        let inner = Inner { phase: Phase::Head, since: Instant::now(), blocked: None };
        Watch { inner: Mutex::new(inner), evict: Notify::new() }
    }

    fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        // What is in there is whole at any time.
        look(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn enter(&self, phase: Phase) {
        self.with(|inner| {
            inner.phase = phase;
            inner.since = Instant::now();
        });
    }

    /// A head has come.
    pub fn asked(&self) {
        self.enter(Phase::Busy);
    }

    /// The answer is through.
    pub fn answered(&self) {
        self.enter(Phase::Idle);
    }

    /// Since when the connection waits for a request; `None`: it does not.
    pub fn idle_since(&self) -> Option<Instant> {
        self.with(|inner| (inner.phase == Phase::Idle).then_some(inner.since))
    }

    /// When the connection is to be cut.
    pub fn deadline(&self, limits: &Limits) -> Option<Instant> {
        self.with(|inner| {
            let phase = match inner.phase {
                Phase::Idle => Some(inner.since + limits.idle),
                Phase::Head => Some(inner.since + limits.head),
                Phase::Busy => None,
            };
            let blocked = inner.blocked.map(|since| since + limits.stall);
            phase.into_iter().chain(blocked).min()
        })
    }

    fn read(&self, bytes: usize) {
        self.with(|inner| {
            if bytes > 0 && inner.phase == Phase::Idle {
                inner.phase = Phase::Head;
                inner.since = Instant::now();
            }
        });
    }

    fn wrote(&self, is_blocked: bool) {
        self.with(|inner| match (is_blocked, inner.blocked) {
            (true, None) => inner.blocked = Some(Instant::now()),
            (false, Some(_)) => inner.blocked = None,
            _ => {}
        });
    }
}

/// A stream that tells its watch what comes and goes.
pub struct Seen<T> {
    stream: T,
    watch: Arc<Watch>,
}

impl<T> Seen<T> {
    pub fn new(stream: T, watch: Arc<Watch>) -> Self {
        Seen { stream, watch }
    }

    pub fn into_inner(self) -> T {
        self.stream
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Seen<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.watch.read(buffer.filled().len() - before);
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Seen<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch.wrote(written.is_pending());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch.wrote(flushed.is_pending());
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.watch.wrote(written.is_pending());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
