//! The interface of `sheaf serve`: the JSON that service and clients exchange.
//!
//! * [`NewJob`], [`JobOptions`], [`Inputs`]: what a client asks for. [`Job`]: what became of it.
//! * [`Service`], [`Worker`]: the service itself. [`FileLine`], [`Sample`], [`Explanation`]: details
//!   of a job.
//! * [`MissingContents`] and others: the upload of files. [`Problem`]: an error.
//! * [`JobId`], [`Selector`]: how jobs are named.
//!
//! Times are RFC 3339 in UTC (`2026-11-29T14:05:09.123Z`), sizes are bytes, hashes are SHA-256 in
//! lower-case hex. Fields may be added, so readers ignore what they do not know.

mod contents;
mod events;
mod explain;
mod files;
mod hash;
mod id;
mod inputs;
mod job;
mod new_job;
mod options;
mod problem;
mod service;
mod state;

pub use contents::{AskContents, Bytes, MissingContent, MissingContents, StoredContents};
pub use events::{NoticeEvent, RemovedEvent, ServerSentEvent};
pub use explain::{Explanation, Reason, ReasonCode};
pub use files::{FileLine, FilePage, FileStatusName, History, Sample};
pub use hash::{BadHash, Hash};
pub use id::{BadId, JobId, Selector};
pub use inputs::{InputFile, InputPaths, Inputs, InputsSeen};
pub use job::{Job, JobPage, JobTimes, OutputFile, Progress};
pub use new_job::{BadBudget, Cancel, ChangeJob, FailureBudget, NewJob, Retry};
pub use options::{ColumnOption, CsvOptions, JobOptions};
pub use problem::{Problem, ProblemCode};
pub use service::{Service, Ticket, Worker, WorkerPage};
pub use state::{Priority, State};

/// The version of the interface, the first part of its paths. New fields do not change it.
pub const VERSION: &str = "v1";
/// The media type of errors (RFC 9457).
pub const PROBLEM_JSON: &str = "application/problem+json";
/// The header that says how much of a content has come.
pub const UPLOAD_OFFSET: &str = "upload-offset";
/// The most hashes of one [`AskContents`].
pub const MOST_ASKED: usize = 10_000;
