//! From what was typed to a server that can be dialled: address, credentials, certificates.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

use super::socket::Endpoint;
use super::tls::{Certificates, Tls};

use super::troubles::Troubles;
use crate::queue::{LEASE, QueueError};

/// Where the queue is, as it was typed. The password is wherever it is, and never shown.
#[derive(Clone)]
pub struct RedisSettings {
    /// `redis://`, `rediss://` (TLS), `redis+unix:///PATH`; with `USER:PASSWORD@` before the host and `/DB` behind it.
    pub url: String,
    /// Servers for the bytes of files, rows and segments, in the order that all sides of the queue have; none: they go
    /// where the queue is. What else is said here holds for them, too.
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
    /// Without a byte in either direction while an answer is due, beyond the time that the request asks it to block. A
    /// connection that is silent for longer is given up; how long an answer takes in all is not limited.
    pub answer: Duration,
    /// How long a call tries again, from its first fault on, before it fails with [`QueueError::Unreachable`].
    pub patience: Duration,
    /// How often a coordinator looks for consumers that hold nothing; one that was idle for ten times as long goes.
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

/// What is said first on a connection. Said by Sheaf itself, as the client library keeps the server's reason for a
/// refusal to itself. Has no `Debug`.
#[derive(Clone)]
pub(super) struct Greeting {
    username: Option<String>,
    password: Option<String>,
    database: i64,
}

impl Greeting {
    pub fn commands(&self) -> Vec<Cmd> {
        let mut commands = Vec::new();
        if let Some(password) = &self.password {
            let mut auth = redis::cmd("AUTH");
            auth.arg(self.username.as_deref()).arg(password);
            commands.push(auth);
        }
        if self.database != 0 {
            let mut select = redis::cmd("SELECT");
            select.arg(self.database);
            commands.push(select);
        }
        // So that there is an answer in any case: a server that refuses to talk says so with its first.
        commands.push(redis::cmd("PING"));
        commands
    }
}

/// The sentinels that know which server is the master of that name.
#[derive(Clone)]
pub(super) struct Sentinels {
    pub endpoints: Vec<Endpoint>,
    pub master: String,
}

impl Sentinels {
    /// How they are dialled: as the server, but without password and database.
    pub fn server_for_them(&self, server: &Server) -> Server {
        let greeting = Greeting { username: None, password: None, database: 0 };
        Server { greeting, sentinels: None, ..server.clone() }
    }
}

/// A server that can be dialled; shows no password.
#[derive(Clone)]
pub(super) struct Server {
    pub endpoint: Endpoint,
    /// Who knows where it is; `None`: it is at `endpoint`.
    pub sentinels: Option<Sentinels>,
    pub tls: Option<Tls>,
    pub greeting: Greeting,
    pub timing: Timing,
    /// Where it is, without user and password: for messages.
    pub address: String,
    pub troubles: Arc<Troubles>,
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
    /// [`QueueError::Unusable`] that says what is wrong with the URL, the name of the queue or a file.
    pub fn resolve(settings: RedisSettings) -> Result<Self, QueueError> {
        check_queue(&settings.queue)?;
        let server = Server::resolve(&settings.url, &settings)?;
        let bytes = settings.bytes_urls.iter().map(|url| Server::resolve(url, &settings)).collect::<Result<_, _>>()?;
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

impl Server {
    fn resolve(url: &str, settings: &RedisSettings) -> Result<Self, QueueError> {
        let (url, sentinels) = parse_sentinels(url)?;
        let info = parse_url(&url)?;
        let typed = info.redis_settings();
        let address = match &sentinels {
            None => address(&info),
            Some(sentinels) => format!("the master `{}` of the sentinels at {}", sentinels.master, address(&info)),
        };
        let greeting = Greeting {
            username: settings.username.clone().or_else(|| typed.username().map(Into::into)),
            password: settings.password.clone().or_else(|| typed.password().map(Into::into)),
            database: typed.db(),
        };
        if greeting.username.is_some() && greeting.password.is_none() {
            let hint = "put it into the URL, `redis://USER:PASSWORD@HOST`, or into `SHEAF_REDIS_PASSWORD`";
            return Err(unusable("there is a Redis user but no password".into(), hint));
        }
        let (endpoint, is_tls) = match info.addr() {
            ConnectionAddr::Tcp(host, port) => (Endpoint::Tcp { host: host.clone(), port: *port }, false),
            ConnectionAddr::TcpTls { host, port, .. } => (Endpoint::Tcp { host: host.clone(), port: *port }, true),
            ConnectionAddr::Unix(path) => (Endpoint::Unix(path.clone()), false),
            other => return Err(unusable(format!("`{other}` is no address for a queue"), "check the URL")),
        };
        let tls = tls(is_tls, settings)?;
        Ok(Server { endpoint, sentinels, tls, greeting, timing: settings.timing, address, troubles: Arc::default() })
    }

    /// An endpoint of this server, as in messages.
    pub fn address_of(&self, endpoint: &Endpoint) -> String {
        match endpoint {
            same if *same == self.endpoint => self.address.clone(),
            Endpoint::Unix(path) => format!("redis+unix://{}", path.display()),
            Endpoint::Tcp { host, port } => {
                let scheme = if self.tls.is_some() { "rediss" } else { "redis" };
                format!("{scheme}://{}:{port}", bracketed(host))
            }
        }
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
        let url = redacted(&self.url);
        f.debug_struct("RedisSettings").field("url", &url).field("queue", &self.queue).finish_non_exhaustive()
    }
}

fn check_queue(name: &str) -> Result<(), QueueError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if (1..=64).contains(&name.len()) && name.chars().all(plain) {
        return Ok(());
    }
    let reason = format!("expected a queue name of 1 to 64 letters, digits, `.`, `_` and `-`, got `{name}`");
    Err(unusable(reason, "the default is `--queue default`"))
}

/// Takes the sentinels out of a URL: `redis+sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/MASTER[/DB]`. What is left
/// is the URL of the first of them, with credentials and database of the master.
fn parse_sentinels(url: &str) -> Result<(String, Option<Sentinels>), QueueError> {
    const PORT: u16 = 26379;
    let Some((scheme, rest)) =
        url.split_once("+sentinel://").filter(|(scheme, _)| ["redis", "rediss"].contains(scheme))
    else {
        return Ok((url.to_owned(), None));
    };
    let (credentials, rest) = match rest.rsplit_once('@') {
        Some((credentials, rest)) => (format!("{credentials}@"), rest),
        None => (String::new(), rest),
    };
    let wrong = || {
        let reason = format!(
            "expected `{scheme}+sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST…]/MASTER[/DB]`, got `{}`",
            redacted(url)
        );
        unusable(reason, "MASTER is the name that the sentinels have for it, as `sentinel monitor MASTER …` gave it")
    };
    let (hosts, path) = rest.split_once('/').ok_or_else(wrong)?;
    let (master, database) = path.split_once('/').unwrap_or((path, ""));
    let endpoints: Option<Vec<Endpoint>> = hosts
        .split(',')
        .map(|host| match host.rsplit_once(':') {
            Some((host, port)) => Some(Endpoint::Tcp { host: host.into(), port: port.parse().ok()? }),
            None => (!host.is_empty()).then(|| Endpoint::Tcp { host: host.into(), port: PORT }),
        })
        .collect();
    let endpoints = endpoints.filter(|_| !master.is_empty()).ok_or_else(wrong)?;
    let Some(Endpoint::Tcp { host, port }) = endpoints.first() else { return Err(wrong()) };
    let first = format!("{scheme}://{credentials}{host}:{port}/{database}");
    Ok((first, Some(Sentinels { master: master.into(), endpoints })))
}

fn parse_url(url: &str) -> Result<ConnectionInfo, QueueError> {
    const FORMS: &str = "`redis://[USER:PASSWORD@]HOST[:PORT][/DB]`, `rediss://…` for TLS, or `redis+unix:///PATH`";
    if url.contains("#insecure") {
        return Err(unusable(
            "`#insecure` would accept anyone's certificate, and is not supported".into(),
            "give the authority's certificate instead: `--tls-ca FILE`",
        ));
    }
    url.into_connection_info().map_err(|error| {
        let why = error.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
        let hint = match url.contains("://") {
            true => "in user and password, write `@ : / # ? %` as `%40 %3A %2F %23 %3F %25`".into(),
            false => format!("did you mean `redis://{}`?", redacted(url)),
        };
        unusable(format!("expected {FORMS}, got `{}`{why}", redacted(url)), &hint)
    })
}

/// How connections are encrypted; `None`: not at all.
fn tls(is_asked_for: bool, settings: &RedisSettings) -> Result<Option<Tls>, QueueError> {
    let client = match (&settings.cert, &settings.key) {
        (None, None) => None,
        (Some(cert), Some(key)) => Some((cert, key)),
        _ => {
            return Err(unusable(
                "a client's certificate needs its key, and the key its certificate".into(),
                "give both: `--tls-cert FILE --tls-key FILE`",
            ));
        }
    };
    let certificates = Certificates {
        authorities: settings.ca.as_deref().map(|path| read_pem(path, "CERTIFICATE")).transpose()?,
        client: match client {
            Some((cert, key)) => Some((read_pem(cert, "CERTIFICATE")?, read_pem(key, "PRIVATE KEY")?)),
            None => None,
        },
    };
    match is_asked_for {
        true => Tls::new(certificates)
            .map(Some)
            .map_err(|error| unusable(format!("could not use the certificates: {error}"), "they must be PEM files")),
        false if certificates.authorities.is_some() || certificates.client.is_some() => Err(unusable(
            "certificates are of no use without TLS, and the URL asks for none".into(),
            "write `rediss://` instead of `redis://`",
        )),
        false => Ok(None),
    }
}

fn read_pem(path: &Path, kind: &str) -> Result<Vec<u8>, QueueError> {
    let shown = path.display();
    let pem = std::fs::read(path).map_err(|error| {
        unusable(format!("could not read `{shown}`: {error}"), "check the path and its permissions")
    })?;
    let text = String::from_utf8_lossy(&pem);
    if !text.lines().any(|line| line.starts_with("-----BEGIN") && line.contains(kind)) {
        let reason = format!("expected a PEM file with a {}, got `{shown}`", kind.to_lowercase());
        return Err(unusable(reason, "`openssl x509 -in FILE` turns a certificate into PEM, `openssl pkey` a key"));
    }
    Ok(pem)
}

/// The address without what is secret.
fn address(info: &ConnectionInfo) -> String {
    let database = match info.redis_settings().db() {
        0 => String::new(),
        database => format!("/{database}"),
    };
    match info.addr() {
        ConnectionAddr::Tcp(name, port) => format!("redis://{}:{port}{database}", bracketed(name)),
        ConnectionAddr::TcpTls { host: name, port, .. } => format!("rediss://{}:{port}{database}", bracketed(name)),
        ConnectionAddr::Unix(path) => format!("redis+unix://{}", path.display()),
        _ => "a server".into(),
    }
}

/// A host as it stands in a URL.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.into() }
}

/// A URL that may be no URL, without what may be a password: all before the last `@`, and all behind a `?`.
fn redacted(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let shown = rest.rsplit_once('@').map_or(rest.to_owned(), |(_, host)| format!("…@{host}"));
    let shown = shown.split_once('?').map_or(shown.clone(), |(path, _)| format!("{path}?…"));
    if scheme.is_empty() { shown } else { format!("{scheme}://{shown}") }
}

fn unusable(reason: String, hint: &str) -> QueueError {
    QueueError::Unusable { reason, hint: Some(hint.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(url: &str) -> Result<RedisConfig, QueueError> {
        RedisConfig::resolve(RedisSettings::new(url))
    }

    #[test]
    fn an_address_shows_no_password() {
        let config = resolve("redis://user:s3cret@example.org/2").unwrap();
        assert_eq!(config.address(), "redis://example.org:6379/2");
        assert!(!format!("{config:?}").contains("s3cret"));
        let settings = RedisSettings { password: Some("s3cret".into()), ..RedisSettings::new("redis://u:s3cret@h") };
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
        assert_eq!((server.greeting.database, server.greeting.password.as_deref()), (3, Some("s3cret")));
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
        let QueueError::Unusable { hint, .. } = resolve("localhost:6379").unwrap_err() else { panic!() };
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
