//! What is wrong with a recipe's selectors or an encoding's name.

use std::fmt;

/// Why an [`Extractor`](super::Extractor) cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// A CSS selector that cannot be used.
    #[error("{place}: {reason}, at character {} of `{selector}`", at + 1)]
    Selector {
        place: Place,
        selector: String,
        /// Where in `selector`, in characters from 0; its length when something is missing at the end.
        at: usize,
        /// What is wrong there, with what was found.
        reason: String,
        hint: Option<String>,
    },
    /// An encoding that nobody knows.
    #[error("unknown encoding `{label}`")]
    Encoding { label: String, hint: String },
}

/// The part of the recipe that a selector stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Record,
    /// The column with this name.
    Column(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Record => f.write_str("record"),
            Place::Column(name) => write!(f, "column `{name}`"),
        }
    }
}

impl SetupError {
    /// Something that can be typed instead.
    pub fn hint(&self) -> Option<&str> {
        match self {
            SetupError::Selector { hint, .. } => hint.as_deref(),
            SetupError::Encoding { hint, .. } => Some(hint),
        }
    }

    /// The selector, and below it a `^` under the place of the error; `None` if the error is not about a selector.
    pub fn pointer(&self) -> Option<String> {
        match self {
            SetupError::Selector { selector, at, .. } => Some(format!("{selector}\n{:at$}^", "", at = *at)),
            SetupError::Encoding { .. } => None,
        }
    }
}
