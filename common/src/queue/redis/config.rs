//! A queue as it was typed, and as it can be used.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::server::Server;
use super::url;
use crate::queue::{LEASE, QueueError, Reason};

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
    /// [`QueueError::Unreachable`].
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

/// A queue on a server that can be dialled; shows no password.
#[derive(Clone)]
pub struct RedisConfig {
    pub(super) server: Server,
    /// For the bytes; none: the same.
    pub(super) bytes: Vec<Server>,
    pub(super) queue: String,
    pub(super) lease: Duration,
    pub(super) timing: Timing,
}

impl RedisConfig {
    /// Checks what was typed, and reads the certificates.
    ///
    /// # Errors
    /// [`QueueError::Unusable`] that says what is wrong with the URL, the name of the queue or a
    /// file.
    pub fn resolve(settings: RedisSettings) -> Result<Self, QueueError> {
        check_queue(&settings.queue)?;
        let server = Server::resolve(&settings.url, &settings)?;

        let bytes = settings
            .bytes_urls
            .iter()
            .map(|url| Server::resolve(url, &settings))
            .collect::<Result<_, _>>()?;

        let RedisSettings { queue, lease, timing, .. } = settings;
        Ok(RedisConfig { server, bytes, queue, lease, timing })
    }

    /// Where the server is, without user and password: for messages.
    pub fn address(&self) -> &str {
        &self.server.address
    }

    /// All servers: that of the queue, and those for the bytes alone.
    pub(super) fn servers(&self) -> impl Iterator<Item = &Server> {
        std::iter::once(&self.server).chain(&self.bytes)
    }

    /// How many servers are there for the bytes alone.
    pub fn bytes_servers(&self) -> usize {
        self.bytes.len()
    }

    pub fn queue(&self) -> &str {
        &self.queue
    }
}

impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig")
            .field("address", &self.server.address)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = url::redacted(&self.url);
        f.debug_struct("RedisSettings")
            .field("url", &url)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

fn check_queue(name: &str) -> Result<(), QueueError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if (1..=64).contains(&name.len()) && name.chars().all(plain) {
        return Ok(());
    }

    let reason =
        format!("expected a queue name of 1 to 64 letters, digits, `.`, `_` and `-`, got `{name}`");
    Err(unusable(reason, "the default is `--queue default`"))
}

/// The error that says what cannot be used as it was typed, and what to type.
pub(super) fn unusable(reason: String, hint: &str) -> QueueError {
    QueueError::Unusable(Reason::new(reason).with_hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::redis::socket::Endpoint;

    fn resolve(url: &str) -> Result<RedisConfig, QueueError> {
        RedisConfig::resolve(RedisSettings::new(url))
    }

    #[test]
    fn an_address_shows_no_password() {
        let config = resolve("redis://user:s3cret@example.org/2").unwrap();
        assert_eq!(config.address(), "redis://example.org:6379/2");
        assert!(!format!("{config:?}").contains("s3cret"));

        let settings = RedisSettings {
            password: Some("s3cret".into()),
            ..RedisSettings::new("redis://u:s3cret@h")
        };
        assert!(!format!("{settings:?}").contains("s3cret"));

        assert_eq!(resolve("redis://[::1]:7000").unwrap().address(), "redis://[::1]:7000");
        assert_eq!(
            resolve("redis+unix:///run/redis.sock?pass=s3cret").unwrap().address(),
            "redis+unix:///run/redis.sock"
        );
    }

    #[test]
    fn sentinels_are_named_with_their_master() {
        let server = resolve("redis+sentinel://u:s3cret@a,b:7000/jobs/3").unwrap().server;
        let sentinels = server.sentinels.as_ref().unwrap();
        let at = |host: &str, port| Endpoint::Tcp { host: host.into(), port };
        assert_eq!(
            (sentinels.master.as_str(), &sentinels.endpoints[..]),
            ("jobs", &[at("a", 26379), at("b", 7000)][..])
        );
        assert_eq!(
            (server.greeting.database, server.greeting.password.as_deref()),
            (3, Some("s3cret"))
        );
        assert!(!server.address.contains("s3cret"), "{}", server.address);

        let error = resolve("redis+sentinel://u:s3cret@a").unwrap_err().to_string();
        assert!(error.contains("/MASTER") && !error.contains("s3cret"), "{error}");
    }

    #[test]
    fn a_wrong_url_is_explained_without_its_password() {
        for url in [
            "http://u:s3cret@h",
            "redis://u:s3cret#x@h",
            "u:s3cret@h",
            "redis://u:s3cret@h:port",
            "redis://u:s3cret@h/x",
        ] {
            let error = format!("{:?}", resolve(url).unwrap_err());
            assert!(!error.contains("s3cret"), "{error}");
            assert!(error.contains("expected `redis://"), "{error}");
        }

        let QueueError::Unusable(Reason { hint, .. }) = resolve("localhost:6379").unwrap_err()
        else {
            panic!()
        };
        assert_eq!(hint.unwrap(), "did you mean `redis://localhost:6379`?");
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let refused = |change: fn(&mut RedisSettings)| {
            let mut settings = RedisSettings::new("redis://h");
            change(&mut settings);
            RedisConfig::resolve(settings).unwrap_err().to_string()
        };

        assert!(refused(|s| s.queue = "a{b}".into()).contains("got `a{b}`"));
        assert!(refused(|s| s.queue = String::new()).contains("queue name"));
        assert!(refused(|s| s.cert = Some("c.pem".into())).contains("needs its key"));
        assert!(refused(|s| s.ca = Some("/nowhere/ca.pem".into())).contains("/nowhere/ca.pem"));
        assert!(refused(|s| s.username = Some("u".into())).contains("no password"));
        assert!(refused(|s| s.url = "rediss://h/#insecure".into()).contains("anyone"));
    }
}
