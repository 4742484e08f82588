//! Why a queue did not answer as it should.

/// A failure of a call. All but [`QueueError::Unusable`] may be over when it is tried again.
///
/// The words and the hints are the engine's: nothing above it knows what may be wrong there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// The server cannot be reached or broke off; trying again may help.
    #[error("could not reach the queue: {0}")]
    Unreachable(Reason),
    /// The server is there, and refuses what it is asked for just now; trying again may help. Says
    /// what to do about it.
    #[error("{0}")]
    Refused(Reason),
    /// The server has no room; trying again after a while may help.
    #[error("the queue is full: {0}")]
    Full(Reason),
    /// This process can open no connection: the fault is here. Trying again after a while may help.
    #[error("no connection to the queue can be opened: {0}")]
    Here(Reason),
    /// The server answers, but cannot be used as it is; trying again is of no use.
    #[error("{0}")]
    Unusable(Reason),
}

/// What went wrong, and something that the user may try, if there is any.
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
    /// Something that the user may try, if there is any.
    pub fn hint(&self) -> Option<&str> {
        let (QueueError::Unreachable(reason)
        | QueueError::Refused(reason)
        | QueueError::Full(reason)
        | QueueError::Here(reason)
        | QueueError::Unusable(reason)) = self;

        reason.hint.as_deref()
    }
}
