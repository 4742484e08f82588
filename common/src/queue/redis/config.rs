//! A checked queue, made from the settings as typed.

use std::fmt;
use std::time::Duration;

use super::fault::unusable;
use super::server::Server;
use super::settings::{RedisSettings, Timing};
use crate::queue::QueueError;

/// A queue on a server that can be dialled; shows no password.
#[derive(Clone)]
pub struct RedisConfig {
    pub(super) server: Server,
    /// The servers for bytes alone; empty: blobs are on `server`.
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

    /// The address of the server, without user and password: for messages.
    pub fn address(&self) -> &str {
        &self.server.address
    }

    /// All servers: that of the queue, and those for bytes alone.
    pub(super) fn servers(&self) -> impl Iterator<Item = &Server> {
        std::iter::once(&self.server).chain(&self.bytes)
    }

    /// The number of servers for bytes alone.
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

fn check_queue(name: &str) -> Result<(), QueueError> {
    // The name is part of keys and patterns, so it must not have characters with a meaning there.
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if (1..=64).contains(&name.len()) && name.chars().all(plain) {
        return Ok(());
    }

    let reason =
        format!("expected a queue name of 1 to 64 letters, digits, `.`, `_` and `-`, got `{name}`");
    Err(unusable(reason, "the default is `--queue default`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::Reason;
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
