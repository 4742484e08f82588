//! Keeps pages of other origins out, and says to browsers what answers may do.
//!
//! The service has no cookies, but without tokens whoever reaches it may do everything, and a
//! browser on this machine does reach it. So a page from elsewhere must not send requests through
//! it (`Origin`, `Sec-Fetch-Site`), nor make its own name stand for this machine (`Host`).

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::auth::is_public;
use super::problem::{Answer, Failure};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      img-src 'self' data:; connect-src 'self'; form-action 'none'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// The headers of every answer.
const HEADERS: [(HeaderName, &str); 5] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// How browsers reach the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
    /// Through something in front that does TLS, or, from this machine, without it.
    Either,
}

/// Where the service is, as browsers see it.
#[derive(Debug, Clone, Copy)]
pub struct Guard {
    pub scheme: Scheme,
    /// Whether only names and addresses of this machine are right: without tokens.
    pub loopback_only: bool,
}

impl Guard {
    /// # Errors
    /// 400 without a `Host`; 403 when the request comes from a page of another origin, or by a
    /// name that is not this machine's.
    fn check(&self, uri: &Uri, headers: &HeaderMap) -> Answer<()> {
        let host = host(uri, headers)?;
        if self.loopback_only && !is_loopback(&host) {
            return Err(Failure::forbidden(format!(
                "without tokens the service answers only to names of this machine, not `{host}`"
            ))
            .hint("use http://127.0.0.1 or http://localhost, or give the service a --token-file"));
        }

        if let Some(origin) = headers.get(ORIGIN)
            && !self.is_own(origin, &host)
        {
            let origin = String::from_utf8_lossy(origin.as_bytes());
            return Err(Failure::forbidden(format!(
                "the request comes from a page of another origin, `{origin}`"
            ))
            .hint("what stands in front of the service must pass the header `Host` on"));
        }

        // The page itself may be opened by a link from anywhere.
        let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        if matches!(site, Some(b"cross-site" | b"same-site")) && !is_public(uri.path()) {
            return Err(Failure::forbidden("the request comes from a page of another origin"));
        }

        Ok(())
    }

    /// Whether an origin is the service's own.
    fn is_own(&self, origin: &HeaderValue, host: &str) -> bool {
        let Some((scheme, origin)) = origin.to_str().ok().and_then(|o| o.split_once("://")) else {
            return false;
        };
        let port = match (scheme, self.scheme) {
            ("http", Scheme::Http | Scheme::Either) => ":80",
            ("https", Scheme::Https | Scheme::Either) => ":443",
            _ => return false,
        };

        // Browsers leave the usual port out.
        let bare = |host: &str| host.strip_suffix(port).unwrap_or(host).to_ascii_lowercase();
        bare(origin) == bare(host)
    }
}

/// The host that a request names: in its address, or its one header.
fn host(uri: &Uri, headers: &HeaderMap) -> Answer<String> {
    if let Some(authority) = uri.authority() {
        return Ok(authority.as_str().into());
    }

    let mut named = headers.get_all(HOST).iter();
    match (named.next().map(HeaderValue::to_str), named.next()) {
        (Some(Ok(host)), None) => Ok(host.into()),
        _ => Err(Failure::bad_request("the request needs one header `Host`")),
    }
}

/// Whether a host, with or without a port, is this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) if port.is_empty() || port.starts_with(':') => address,
            _ => return false,
        },
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };

    let is_local = name.eq_ignore_ascii_case("localhost");
    is_local || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// A layer: refuses requests of other origins.
pub async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    match guard.check(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(failure) => failure.into_response(),
    }
}

/// A layer: adds the headers of every answer. What a handler set stays.
pub async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();

    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));

    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(guard: Guard, path: &str, typed: &[(&'static str, &str)]) -> Result<(), u16> {
        let mut headers = HeaderMap::new();
        for (name, value) in typed {
            headers.append(*name, value.parse().unwrap());
        }
        let checked = guard.check(&path.parse().unwrap(), &headers);
        checked.map_err(|failure| failure.problem().status)
    }

    const LOCAL: Guard = Guard { scheme: Scheme::Http, loopback_only: true };
    const WIDE: Guard = Guard { scheme: Scheme::Https, loopback_only: false };

    #[test]
    fn without_tokens_only_this_machine_is_meant() {
        let right = ["localhost", "LOCALHOST:7878", "127.0.0.1:7878", "127.9.9.9", "[::1]:80"];
        for host in right {
            assert_eq!(check(LOCAL, "/v1/jobs", &[("host", host)]), Ok(()), "{host}");
        }

        let wrong = ["evil.example", "localhost.evil.example:7878", "10.0.0.1", "[::1", "[::2]:80"];
        for host in wrong {
            assert_eq!(check(LOCAL, "/v1/jobs", &[("host", host)]), Err(403), "{host}");
            assert_eq!(check(WIDE, "/v1/jobs", &[("host", host)]), Ok(()), "{host}");
        }

        assert_eq!(check(LOCAL, "http://evil.example/v1/jobs", &[("host", "localhost")]), Err(403));
        assert_eq!(check(LOCAL, "/v1/jobs", &[]), Err(400));
        assert_eq!(check(WIDE, "/", &[("host", "a"), ("host", "b")]), Err(400));
    }

    #[test]
    fn pages_of_other_origins_are_refused() {
        let host = ("host", "127.0.0.1:7878");
        let origin = |origin| check(LOCAL, "/v1/jobs", &[host, ("origin", origin)]);
        assert_eq!(origin("http://127.0.0.1:7878"), Ok(()));
        for wrong in ["null", "", "https://127.0.0.1:7878", "http://localhost:7878", "http://evil"]
        {
            assert_eq!(origin(wrong), Err(403), "{wrong}");
        }

        let host = ("host", "Sheaf.example");
        let wide = |origin| check(WIDE, "/v1/jobs", &[host, ("origin", origin)]);
        assert_eq!(wide("https://sheaf.example"), Ok(()));
        assert_eq!(wide("https://sheaf.example:443"), Ok(()));
        assert_eq!(wide("http://sheaf.example"), Err(403));

        let front = Guard { scheme: Scheme::Either, loopback_only: false };
        for origin in ["https://sheaf.example", "http://sheaf.example"] {
            assert_eq!(check(front, "/v1/jobs", &[host, ("origin", origin)]), Ok(()));
        }
        assert_eq!(check(front, "/v1/jobs", &[host, ("origin", "ftp://sheaf.example")]), Err(403));
    }

    #[test]
    fn a_link_may_lead_to_the_page_only() {
        let host = ("host", "127.0.0.1:7878");
        for (site, data) in [("cross-site", Err(403)), ("same-site", Err(403)), ("none", Ok(()))] {
            let site = ("sec-fetch-site", site);
            assert_eq!(check(LOCAL, "/v1/jobs", &[host, site]), data);
            assert_eq!(check(LOCAL, "/", &[host, site]), Ok(()));
        }
        assert_eq!(check(LOCAL, "/v1/jobs", &[host, ("sec-fetch-site", "same-origin")]), Ok(()));
    }
}
