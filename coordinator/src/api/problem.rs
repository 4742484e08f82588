//! Errors, as RFC 9457 has them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Hash, JobId};

/// An error (`application/problem+json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: `code` tells the kinds apart.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name of the status.
    pub title: String,
    pub status: u16,
    pub code: ProblemCode,
    /// What is wrong, for people.
    pub detail: String,
    /// What to do, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// With `wrong-offset`: how many bytes have come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<u64>,
    /// With `contents-missing`: up to 100 of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Hash>,
    /// With `ambiguous`: the ids that begin so, up to 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<JobId>,
}

/// The kinds of errors. Codes never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemCode {
    /// The request is not what the interface describes.
    BadRequest,
    /// The options or the recipe of a job cannot be used.
    BadOptions,
    /// A token is missing or wrong.
    Unauthorized,
    /// The token may only read; or the request came from a page of another origin.
    Forbidden,
    /// Paths are not taken, or these are outside of the service's folders.
    PathNotAllowed,
    /// There is no such job, content, output or address.
    NotFound,
    /// Several ids begin so.
    Ambiguous,
    MethodNotAllowed,
    /// The job is not in a state for that.
    WrongState,
    /// Contents of the job's files were not uploaded.
    ContentsMissing,
    /// The body does not begin where the content ends so far.
    WrongOffset,
    /// The bytes have another hash.
    WrongHash,
    /// Somebody else is sending this content.
    Busy,
    TooLarge,
    TooMany,
    /// The body is not of the type that the interface describes.
    UnsupportedType,
    /// The range is not in the file.
    WrongRange,
    /// The disk of the service is full.
    DiskFull,
    /// The body came too slowly, or ended early.
    Incomplete,
    /// The service is stopping, or not ready.
    Unavailable,
    Internal,
}
