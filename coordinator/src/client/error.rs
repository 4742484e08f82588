//! What can go wrong between client and service, as errors of a command.

use std::io;

use sheaf_common::problem::words;

use crate::api::{JobId, Problem, ProblemCode};
use crate::errors::{Exit, Failure};

/// Why a request to the service had no success.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There is no service, or the connection to it broke.
    #[error("could not reach the service at {server}: {reason}")]
    Unreachable {
        server: String,
        /// In words.
        reason: String,
        /// Whether nothing can have come to the service: no connection was made.
        unsent: bool,
    },
    /// The service refused.
    #[error("{}", .0.detail)]
    Refused(Box<Problem>),
    /// What answers there is no service of Sheaf, or one of another version.
    #[error("{server} does not answer as a service of Sheaf does: {reason}")]
    Strange { server: String, reason: String },
    /// The job was removed while it was waited for.
    #[error("job {0} was removed")]
    Removed(JobId),
    /// The bytes that came are not those that the service promised, twice.
    #[error("the bytes of `{0}` arrived damaged, twice")]
    Damaged(String),
    /// The time of `--timeout` is over.
    #[error("job {job} is still {state}")]
    TimeIsOver { job: JobId, state: &'static str },
    /// A file of this machine could not be written.
    #[error("could not write `{place}`")]
    Write { place: String, source: io::Error },
    /// A file of this machine could not be read.
    #[error("could not read `{place}`")]
    Read { place: String, source: io::Error },
    /// Something is not as a command needs it, with a hint.
    #[error("{words}")]
    NotPossible { words: String, hint: Option<String> },
}

impl ClientError {
    /// The kind of problem with which the service refused.
    pub fn code(&self) -> Option<ProblemCode> {
        match self {
            ClientError::Refused(problem) => Some(problem.code),
            _ => None,
        }
    }

    /// Whether the same request may have success later, without anybody doing anything.
    pub fn is_temporary(&self) -> bool {
        match self {
            ClientError::Unreachable { .. } => true,
            ClientError::Refused(problem) => matches!(
                problem.code,
                ProblemCode::Busy | ProblemCode::Unavailable | ProblemCode::Incomplete
            ),
            _ => false,
        }
    }

    /// Whether the service never saw the request, or did nothing about it.
    pub fn is_without_effect(&self) -> bool {
        match self {
            ClientError::Unreachable { unsent, .. } => *unsent,
            ClientError::Refused(_) => true,
            _ => false,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            // As rustls words it.
            ClientError::Unreachable { reason, .. } if reason.contains("certificate") => Some(
                "`--ca FILE` names the authority that signed the service's certificate, or a \
                 certificate that signed itself (made with CA:FALSE and the service's name)"
                    .into(),
            ),
            ClientError::Unreachable { unsent: true, .. } => Some(
                "start one: `sheaf serve`; or say where it is: `--server URL`, or the variable \
                 SHEAF_SERVER"
                    .into(),
            ),
            ClientError::Refused(problem) => refused_hint(problem),
            ClientError::Strange { .. } => {
                Some("is it the right address? `--server URL`, or the variable SHEAF_SERVER".into())
            }
            ClientError::TimeIsOver { job, .. } => {
                Some(format!("it goes on; `sheaf wait {job}` waits again"))
            }
            ClientError::NotPossible { hint, .. } => hint.clone(),
            ClientError::Unreachable { .. }
            | ClientError::Removed(_)
            | ClientError::Damaged(_)
            | ClientError::Write { .. }
            | ClientError::Read { .. } => None,
        }
    }

    fn exit(&self) -> Exit {
        match self {
            ClientError::TimeIsOver { .. } => Exit::Interrupted,
            ClientError::Refused(problem) => match problem.code {
                ProblemCode::BadRequest | ProblemCode::BadOptions | ProblemCode::Ambiguous => {
                    Exit::Usage
                }
                _ => Exit::CouldNotRun,
            },
            _ => Exit::CouldNotRun,
        }
    }
}

fn refused_hint(problem: &Problem) -> Option<String> {
    // The candidates say more than any general words.
    if !problem.candidates.is_empty() {
        let ids = problem.candidates.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>();
        return Some(format!("it may mean {}", ids.join(", ")));
    }

    // The service does not know how its callers are given a token.
    match problem.code {
        ProblemCode::Unauthorized => Some(
            "the token belongs in the variable SHEAF_TOKEN, or in a file that SHEAF_TOKEN_FILE \
             names"
                .into(),
        ),
        ProblemCode::NotFound if problem.hint.is_none() => {
            Some("`sheaf jobs --all` lists the jobs that are there".into())
        }
        _ => problem.hint.clone(),
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Failure {
        let hint = error.hint();
        Failure { hint, ..Failure::new(error.exit(), error) }
    }
}

/// The reason of a failed exchange as a clause.
pub(super) fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => io_reason(error),
        ureq::Error::ConnectionFailed => "no connection could be made".into(),
        ureq::Error::HostNotFound => "there is no host of this name".into(),
        ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
            "it does not answer".into()
        }
        ureq::Error::Timeout(_) => "it has been silent for too long".into(),
        ureq::Error::Rustls(error) => format!("TLS: {error}"),
        error => error.to_string(),
    }
}

fn io_reason(error: &io::Error) -> String {
    // TLS and the client wrap their errors into those of the system.
    if let Some(inner) = error.get_ref() {
        return match inner.downcast_ref::<ureq::Error>() {
            Some(inner) => reason(inner),
            None => inner.to_string(),
        };
    }

    words(error)
}

/// Whether an error says that no connection was made, so nothing was sent.
pub(super) fn is_unsent(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Io(error) => matches!(
            error.kind(),
            io::ErrorKind::ConnectionRefused
                | io::ErrorKind::HostUnreachable
                | io::ErrorKind::NetworkUnreachable
                | io::ErrorKind::AddrNotAvailable
        ),
        ureq::Error::ConnectionFailed
        | ureq::Error::HostNotFound
        | ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => true,
        _ => false,
    }
}
