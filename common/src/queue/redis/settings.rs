//! The settings of a queue as they were typed.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::redact::redacted;
use crate::queue::LEASE;

/// The settings of a queue as they were typed. May hold a password, which is never shown.
#[derive(Clone)]
pub struct RedisSettings {
    /// `redis://`, `rediss://` (TLS) or `redis+unix:///PATH`; may have `USER:PASSWORD@` before the
    /// host and `/DB` after it.
    pub url: String,
    /// Servers for blobs, in the same order for all sides of the queue; empty: blobs go to the
    /// server of the queue. All other settings apply to these servers too.
    pub bytes_urls: Vec<String>,
    /// Overrides the user in the URL.
    pub username: Option<String>,
    /// Overrides the password in the URL.
    pub password: Option<String>,
    /// The name of the queue: 1 to 64 of `A–Z a–z 0–9 . _ -`.
    pub queue: String,
    pub lease: Duration,
    /// The certificates (PEM) of trusted authorities; `None`: those of the system.
    pub ca: Option<PathBuf>,
    /// The client's certificate and key (PEM); both or none.
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
    pub timing: Timing,
}

impl RedisSettings {
    /// The default queue of the server at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        RedisSettings {
            url: url.into(),
            bytes_urls: Vec::new(),
            username: None,
            password: None,
            queue: "default".into(),
            lease: LEASE,
            ca: None,
            cert: None,
            key: None,
            timing: Timing::default(),
        }
    }
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = redacted(&self.url);
        f.debug_struct("RedisSettings")
            .field("url", &url)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

/// How long the server may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// To accept a connection, with TLS and login.
    pub connect: Duration,
    /// To stay silent, without a byte in either direction, while an answer is due; the time that
    /// the request asks it to block comes on top. A connection that is silent for longer is closed.
    /// The whole time of an answer has no limit.
    pub answer: Duration,
    /// How long a call is retried, from its first fault on, before it fails with
    /// [`QueueError::Unreachable`](crate::queue::QueueError::Unreachable).
    pub patience: Duration,
    /// How often a coordinator looks for consumers that hold nothing; those idle for ten times as
    /// long are removed.
    pub sweep: Duration,
    /// How long after its coordinator's last sign of life a job is parked: none of its tasks is
    /// leased any more.
    pub abandoned: Duration,
    /// How long after that sign the job is removed.
    pub removed: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(15),
            patience: Duration::from_secs(10),
            sweep: Duration::from_secs(60),
            abandoned: Duration::from_secs(60),
            removed: Duration::from_secs(180),
        }
    }
}
