//! What leads to a queue, as it was typed.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::redact::redacted;
use crate::queue::LEASE;

/// Where the queue is, as it was typed. May hold a password, which is never shown.
#[derive(Clone)]
pub struct RedisSettings {
    /// `redis://`, `rediss://` (TLS), `redis+unix:///PATH`; with `USER:PASSWORD@` before the host
    /// and `/DB` behind it.
    pub url: String,
    /// Servers for the bytes of files, rows and segments, in the order that all sides of the queue
    /// have; none: they go where the queue is. What else is said here holds for them, too.
    pub bytes_urls: Vec<String>,
    /// Goes before the one in the URL.
    pub username: Option<String>,
    /// Goes before the one in the URL.
    pub password: Option<String>,
    /// The name of the queue: 1 to 64 of `A–Z a–z 0–9 . _ -`.
    pub queue: String,
    pub lease: Duration,
    /// Certificates (PEM) of the authorities that are trusted; `None`: those of the system.
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
    /// To be connected to, with TLS and password.
    pub connect: Duration,
    /// Without a byte in either direction while an answer is due, beyond the time that the request
    /// asks it to block. A connection that is silent for longer is given up; how long an answer
    /// takes in all is not limited.
    pub answer: Duration,
    /// How long a call tries again, from its first fault on, before it fails with
    /// [`QueueError::Unreachable`](crate::queue::QueueError::Unreachable).
    pub patience: Duration,
    /// How often a coordinator looks for consumers that hold nothing; one that was idle for ten
    /// times as long goes.
    pub sweep: Duration,
    /// How long a job is leased from after its coordinator's last sign of life.
    pub abandoned: Duration,
    /// How long after it the job is removed.
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
