//! Server-sent events. Most carry a [`super::Job`] or a [`super::Service`]; these are the others.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::JobId;

/// `notice`: an incident of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticeEvent {
    #[schema(format = DateTime)]
    pub at: String,
    /// For people.
    pub text: String,
    /// Whether it may need someone's attention.
    pub warning: bool,
}

/// `removed`: a job is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RemovedEvent {
    pub id: JobId,
}

/// One event of a stream (`text/event-stream`), as a description of the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServerSentEvent {
    /// Its kind.
    pub event: String,
    /// Its value, as JSON.
    pub data: String,
}
