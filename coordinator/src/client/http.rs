//! A request to the service, and its answer.

use std::io::{BufReader, Read};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::{HeaderMap, Method, Request, Response};
use ureq::{Agent, AsSendBody, Body, SendBody};

use super::ClientError;
use super::error::{is_unsent, reason};
use crate::api::{PROBLEM_JSON, Problem};

/// The most bytes of an error that are read.
const LARGEST_PROBLEM: u64 = 1 << 20;
/// The most bytes of any other JSON that are read.
const LARGEST_JSON: u64 = 1 << 30;

/// A service, which may be away. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Server {
    agent: Agent,
    /// Its root, without a `/` at the end.
    base: String,
    /// The header that says who we are.
    bearer: Option<String>,
}

/// A request without its body.
#[derive(Debug)]
pub(super) struct Ask {
    pub method: Method,
    /// From the root of the service, escaped.
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    /// How long the service may say nothing; `None`: as usual.
    pub silence: Option<Duration>,
}

impl Ask {
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Ask { method, path: path.into(), headers: Vec::new(), silence: None }
    }

    pub fn get(path: impl Into<String>) -> Self {
        Ask::new(Method::GET, path)
    }

    pub fn with(mut self, header: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((header, value.into()));
        self
    }
}

impl Server {
    pub(super) fn new(agent: Agent, base: String, bearer: Option<String>) -> Self {
        Server { agent, base, bearer }
    }

    /// Its root, for messages.
    pub fn address(&self) -> &str {
        &self.base
    }

    /// Sends a request without a body.
    pub(super) fn ask(&self, ask: &Ask) -> Result<Response<Body>, ClientError> {
        self.checked(self.exchange(ask, ())?)
    }

    /// Sends a request with a body, whose length a header says.
    pub(super) fn send(
        &self,
        ask: &Ask,
        body: SendBody<'_>,
    ) -> Result<Response<Body>, ClientError> {
        self.checked(self.exchange(ask, body)?)
    }

    /// Sends a request that the service answers with JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, ask: &Ask) -> Result<T, ClientError> {
        let response = self.ask(ask)?;
        self.read_json(response)
    }

    /// Sends JSON that the service answers with JSON.
    pub(super) fn send_json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: String,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).expect("the types of the interface are JSON");
        let ask = Ask::new(method, path).with("content-type", "application/json");
        let response = self.checked(self.exchange(&ask, &body[..])?)?;

        self.read_json(response)
    }

    /// Sends a request; returns any answer, refusals included.
    pub(super) fn exchange(
        &self,
        ask: &Ask,
        body: impl AsSendBody,
    ) -> Result<Response<Body>, ClientError> {
        let mut request =
            Request::builder().method(ask.method.clone()).uri(format!("{}{}", self.base, ask.path));
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        if let Some(bearer) = &self.bearer {
            request = request.header("authorization", bearer);
        }

        let request = request.body(body).map_err(|error| self.strange(error.to_string()))?;
        let mut request = self.agent.configure_request(request);
        if let Some(silence) = ask.silence {
            request = request.timeout_per_read(Some(silence));
        }

        self.agent.run(request.build()).map_err(|error| self.failed(&error))
    }

    /// The answer, unless it is a refusal.
    pub(super) fn checked(&self, response: Response<Body>) -> Result<Response<Body>, ClientError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }

        // What a proxy says while the service behind it is away.
        let is_problem = header(response.headers(), "content-type")
            .is_some_and(|kind| kind.starts_with(PROBLEM_JSON));
        if !is_problem && matches!(status.as_u16(), 502..=504) {
            return Err(self.away(format!("a proxy answers `{status}`")));
        }

        let mut body = Vec::new();
        let read = response
            .into_body()
            .into_with_config()
            .limit(LARGEST_PROBLEM)
            .reader()
            .read_to_end(&mut body);

        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) if is_problem => Err(ClientError::Refused(Box::new(problem))),
            _ => Err(self.unknown_problem(status, &body, read.is_err())),
        }
    }

    /// A problem of a kind that this version does not know, or none at all.
    fn unknown_problem(
        &self,
        status: ureq::http::StatusCode,
        body: &[u8],
        is_cut: bool,
    ) -> ClientError {
        if is_cut {
            return self.away("the connection broke".into());
        }

        let text = |name: &str| {
            let value = serde_json::from_slice::<serde_json::Value>(body).ok()?;
            Some(value.get(name)?.as_str()?.to_string())
        };
        match text("detail") {
            Some(words) => ClientError::NotPossible { words, hint: text("hint") },
            None => self.strange(format!("`{status}`")),
        }
    }

    pub(super) fn read_json<T: DeserializeOwned>(
        &self,
        response: Response<Body>,
    ) -> Result<T, ClientError> {
        let body = response.into_body().into_with_config().limit(LARGEST_JSON).reader();

        serde_json::from_reader(BufReader::new(body)).map_err(|error| match error.is_io() {
            true => self.broken(&std::io::Error::from(error)),
            false => self.strange(error.to_string()),
        })
    }

    /// An answer that broke off.
    pub(super) fn broken(&self, error: &std::io::Error) -> ClientError {
        let error = std::io::Error::new(error.kind(), error.to_string());
        self.away(reason(&ureq::Error::Io(error)))
    }

    pub(super) fn away(&self, reason: String) -> ClientError {
        ClientError::Unreachable { server: self.base.clone(), reason, unsent: false }
    }

    pub(super) fn strange(&self, reason: String) -> ClientError {
        ClientError::Strange { server: self.base.clone(), reason }
    }

    fn failed(&self, error: &ureq::Error) -> ClientError {
        match error {
            ureq::Error::Protocol(_) | ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
                self.strange(reason(error))
            }
            // A certificate does not become right by trying again.
            ureq::Error::Rustls(_) | ureq::Error::Tls(_) | ureq::Error::Pem(_) => {
                self.strange(reason(error))
            }
            error => ClientError::Unreachable {
                server: self.base.clone(),
                reason: reason(error),
                unsent: is_unsent(error),
            },
        }
    }
}

/// The text of a header.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
