//! Who may do what: tokens, and tickets for downloads.
//!
//! Without a token file everybody who reaches the service may do everything; it then listens on
//! loopback only. With one, all but the page itself and the checks of health needs a token.

mod tickets;
mod tokens;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

pub use tickets::Tickets;
pub use tokens::{TokenError, Tokens};

use super::page;
use super::problem::{Answer, Failure};

/// What a request may do. Handlers find it in the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Look at everything.
    Read,
    /// And change it.
    Full,
}

/// Who may do what.
#[derive(Debug, Default)]
pub struct Auth {
    /// `None`: everybody may do everything.
    tokens: Option<Tokens>,
    tickets: Tickets,
}

impl Auth {
    pub fn new(tokens: Option<Tokens>) -> Self {
        Auth { tokens, tickets: Tickets::default() }
    }

    /// Whether requests need tokens.
    pub fn has_tokens(&self) -> bool {
        self.tokens.is_some()
    }

    /// The tickets for downloads.
    pub fn tickets(&self) -> &Tickets {
        &self.tickets
    }

    /// What a request may do.
    ///
    /// # Errors
    /// 401 when it has no token, a wrong one, or a ticket that is no longer good; 403 when its
    /// token is for reading only.
    fn check(&self, request: &Request) -> Answer<Access> {
        let Some(tokens) = &self.tokens else { return Ok(Access::Full) };

        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        if is_public(request.uri().path()) {
            // Nothing can be changed there, whatever the method.
            return Ok(Access::Read);
        }
        if is_read && let Some(ticket) = ticket(request.uri().query()) {
            let path = request.uri().path();
            // Asking for the head alone does not use it up.
            let is_good = match *request.method() {
                Method::GET => self.tickets.take(ticket, path),
                _ => self.tickets.is_good(ticket, path),
            };
            return if is_good {
                Ok(Access::Read)
            } else {
                Err(Failure::unauthorized("the link is no longer good, or was used already")
                    .hint("go back to the page, and download from there again"))
            };
        }

        let Some(token) = token(request.headers()) else {
            return Err(Failure::unauthorized("the service asks for a token").hint(
                "set SHEAF_TOKEN to a token of the service's --token-file; in HTTP it is \
                 `Authorization: Bearer TOKEN`",
            ));
        };
        match tokens.access(token) {
            None => Err(Failure::unauthorized("the token is not one of the service's")
                .hint("its --token-file has the tokens, one a line")),
            // Making a ticket changes nothing that others see.
            Some(Access::Read) if !is_read && !asks_for_ticket(request) => {
                Err(Failure::forbidden("the token is for reading only")
                    .hint("use one that stands behind `full` in the service's --token-file"))
            }
            Some(access) => Ok(access),
        }
    }
}

/// Whether an address holds no data, so that no token is needed.
pub fn is_public(path: &str) -> bool {
    matches!(path, "/openapi.json" | "/healthz" | "/readyz") || page::has(path)
}

/// The token of `Authorization: Bearer TOKEN`.
fn token(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

/// Whether a request asks for a link to an output.
fn asks_for_ticket(request: &Request) -> bool {
    let path = request.uri().path();
    request.method() == Method::POST && path.contains("/outputs/") && path.ends_with("/ticket")
}

/// The ticket of a query.
fn ticket(query: Option<&str>) -> Option<&str> {
    query?.split('&').find_map(|pair| pair.strip_prefix("ticket="))
}

/// A layer: refuses requests that may not do what they ask for, and notes the [`Access`] of others.
pub async fn check(State(auth): State<Arc<Auth>>, mut request: Request, next: Next) -> Response {
    match auth.check(&request) {
        Ok(access) => {
            request.extensions_mut().insert(access);
            next.run(request).await
        }
        Err(failure) => failure.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    const FULL: &str = "full-full-full-full";
    const READ: &str = "read-read-read-read";

    fn auth() -> Auth {
        Auth::new(Some(Tokens::parse(&format!("full {FULL}\nread {READ}\n")).unwrap()))
    }

    fn check(auth: &Auth, method: &str, uri: &str, header: Option<&str>) -> Result<Access, u16> {
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(header) = header {
            request = request.header(AUTHORIZATION, header);
        }
        let request = request.body(Body::empty()).unwrap();
        auth.check(&request).map_err(|failure| failure.problem().status)
    }

    #[test]
    fn tokens_decide_what_may_be_done() {
        let auth = auth();
        let bearer = |token: &str| Some(format!("Bearer {token}"));
        let cases = [
            ("GET", "/v1/jobs", None, Err(401)),
            ("GET", "/v1/jobs", bearer("wrong-wrong-wrong"), Err(401)),
            ("GET", "/v1/jobs", Some(format!("Basic {FULL}")), Err(401)),
            ("GET", "/v1/jobs", Some(format!("bearer {READ}")), Ok(Access::Read)),
            ("HEAD", "/v1/jobs", bearer(READ), Ok(Access::Read)),
            ("POST", "/v1/jobs", bearer(READ), Err(403)),
            ("DELETE", "/v1/jobs/1", bearer(READ), Err(403)),
            ("POST", "/v1/jobs/1/outputs/0/ticket", bearer(READ), Ok(Access::Read)),
            ("GET", "/v1/jobs/1/outputs/0/ticket", None, Err(401)),
            ("POST", "/v1/jobs", bearer(FULL), Ok(Access::Full)),
            ("GET", "/v1/jobs", bearer(FULL), Ok(Access::Full)),
            ("GET", "/metrics", None, Err(401)),
            ("GET", "/healthz", None, Ok(Access::Read)),
            ("POST", "/healthz", None, Ok(Access::Read)),
            ("GET", "/", None, Ok(Access::Read)),
            ("GET", "//", None, Err(401)),
            ("GET", "/v1/jobs/..", None, Err(401)),
        ];
        for (method, uri, header, expected) in cases {
            assert_eq!(check(&auth, method, uri, header.as_deref()), expected, "{method} {uri}");
        }
    }

    #[test]
    fn without_tokens_everything_is_allowed() {
        assert_eq!(check(&Auth::new(None), "DELETE", "/v1/jobs/1", None), Ok(Access::Full));
    }

    #[test]
    fn a_ticket_is_good_for_one_download() {
        let auth = auth();
        let url = auth.tickets().issue("/v1/jobs/1/outputs/0").unwrap();
        let other = url.replace("outputs/0", "outputs/1");

        assert_eq!(check(&auth, "GET", &other, None), Err(401));
        assert_eq!(check(&auth, "POST", &url, None), Err(401));
        assert_eq!(check(&auth, "HEAD", &url, None), Ok(Access::Read));
        assert_eq!(check(&auth, "GET", &url, None), Ok(Access::Read));
        assert_eq!(check(&auth, "GET", &url, None), Err(401));
    }
}
