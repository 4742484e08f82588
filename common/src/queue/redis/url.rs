//! Reads the URLs of servers, and shows them.

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

use super::fault::unusable;
use super::redact::redacted;
use super::socket::Endpoint;
use crate::queue::QueueError;

/// The sentinels that know which server is the master of that name.
#[derive(Clone)]
pub struct Sentinels {
    pub endpoints: Vec<Endpoint>,
    pub master: String,
}

/// Takes the sentinels out of a URL:
/// `redis+sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/MASTER[/DB]`. Returns the URL of
/// the first sentinel, with the credentials and database of the master, and the sentinels; `None`
/// for a URL without any.
pub fn without_sentinels(url: &str) -> Result<(String, Option<Sentinels>), QueueError> {
    const PORT: u16 = 26379;
    let Some((scheme, rest)) =
        url.split_once("+sentinel://").filter(|(scheme, _)| ["redis", "rediss"].contains(scheme))
    else {
        return Ok((url.to_owned(), None));
    };

    // The last `@`, as a password may have one.
    let (credentials, rest) = match rest.rsplit_once('@') {
        Some((credentials, rest)) => (format!("{credentials}@"), rest),
        None => (String::new(), rest),
    };

    let wrong = || {
        let reason = format!(
            "expected `{scheme}+sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST…]/MASTER[/DB]`, got `{}`",
            redacted(url)
        );
        unusable(
            reason,
            "MASTER is the name that the sentinels have for it, as `sentinel monitor MASTER …` gave it",
        )
    };

    let (hosts, path) = rest.split_once('/').ok_or_else(wrong)?;
    let (master, database) = path.split_once('/').unwrap_or((path, ""));

    let endpoints: Option<Vec<Endpoint>> = hosts
        .split(',')
        .map(|host| match host.rsplit_once(':') {
            Some((host, port)) => {
                Some(Endpoint::Tcp { host: host.into(), port: port.parse().ok()? })
            }
            None => (!host.is_empty()).then(|| Endpoint::Tcp { host: host.into(), port: PORT }),
        })
        .collect();

    let endpoints = endpoints.filter(|_| !master.is_empty()).ok_or_else(wrong)?;
    let Some(Endpoint::Tcp { host, port }) = endpoints.first() else { return Err(wrong()) };

    let first = format!("{scheme}://{credentials}{host}:{port}/{database}");
    Ok((first, Some(Sentinels { master: master.into(), endpoints })))
}

/// Parses a URL without sentinels.
pub fn parse(url: &str) -> Result<ConnectionInfo, QueueError> {
    const FORMS: &str =
        "`redis://[USER:PASSWORD@]HOST[:PORT][/DB]`, `rediss://…` for TLS, or `redis+unix:///PATH`";

    // With it, the client library would not check certificates.
    if url.contains("#insecure") {
        return Err(unusable(
            "`#insecure` would accept anyone's certificate, and is not supported".into(),
            "give the authority's certificate instead: `--tls-ca FILE`",
        ));
    }

    url.into_connection_info().map_err(|error| {
        let why = error.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
        let hint = if url.contains("://") {
            "in user and password, write `@ : / # ? %` as `%40 %3A %2F %23 %3F %25`".into()
        } else {
            format!("did you mean `redis://{}`?", redacted(url))
        };
        unusable(format!("expected {FORMS}, got `{}`{why}", redacted(url)), &hint)
    })
}

/// The address without user and password.
pub fn address(info: &ConnectionInfo) -> String {
    let database = match info.redis_settings().db() {
        0 => String::new(),
        database => format!("/{database}"),
    };

    match info.addr() {
        ConnectionAddr::Tcp(name, port) => format!("redis://{}:{port}{database}", bracketed(name)),
        ConnectionAddr::TcpTls { host: name, port, .. } => {
            format!("rediss://{}:{port}{database}", bracketed(name))
        }
        ConnectionAddr::Unix(path) => format!("redis+unix://{}", path.display()),
        _ => "a server".into(),
    }
}

/// A host as in a URL: an IPv6 address gets brackets.
pub fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.into() }
}
