//! Why a call to a queue failed.

/// A failure of a call. A retry may succeed, except after [`QueueError::Unusable`].
///
/// Texts and hints come from the engine: code above it does not know what may be wrong there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// The server cannot be reached, or the connection broke; a retry may help.
    #[error("could not reach the queue: {0}")]
    Unreachable(Reason),
    /// The server refuses the call for now; a retry may help. The text says what to do about it.
    #[error("{0}")]
    Refused(Reason),
    /// The server has no room; a retry after a while may help.
    #[error("the queue is full: {0}")]
    Full(Reason),
    /// This process cannot open a connection, through a fault of its own; a retry after a while may
    /// help.
    #[error("no connection to the queue can be opened: {0}")]
    Here(Reason),
    /// The server answers, but cannot be used as it is; a retry is of no use.
    #[error("{0}")]
    Unusable(Reason),
}

/// What went wrong, and what the user may try, if anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub text: String,
    pub hint: Option<String>,
}

impl Reason {
    pub fn new(text: impl Into<String>) -> Self {
        Reason { text: text.into(), hint: None }
    }

    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Reason { hint: Some(hint.into()), ..self }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl QueueError {
    /// What the user may try; `None`: nothing is known.
    pub fn hint(&self) -> Option<&str> {
        let (QueueError::Unreachable(reason)
        | QueueError::Refused(reason)
        | QueueError::Full(reason)
        | QueueError::Here(reason)
        | QueueError::Unusable(reason)) = self;

        reason.hint.as_deref()
    }
}
