//! Errors in a recipe's selectors or in an encoding's name.

use std::fmt;

/// Why an [`Extractor`](super::Extractor) cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// A CSS selector that is invalid or unsupported.
    #[error("{place}: {reason}, at character {} of `{selector}`", at + 1)]
    Selector {
        place: Place,
        selector: String,
        /// The position in `selector`, in characters from 0; its length if something is missing at
        /// the end.
        at: usize,
        /// The error at that position, with the text found there.
        reason: String,
        hint: Option<String>,
    },
    /// XPath where CSS is expected.
    #[error("{place}: `{selector}` is XPath, expected a CSS selector")]
    XPath {
        place: Place,
        selector: String,
        /// The same in CSS; `None` if CSS cannot express it.
        css: Option<String>,
    },
    /// An unknown encoding.
    #[error("unknown encoding `{label}`")]
    Encoding { label: String, hint: String },
}

/// The part of the recipe that a selector belongs to.
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
    /// What the user may type instead; `None` if nothing is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            SetupError::Selector { hint, .. } => hint.clone(),
            SetupError::XPath { css: Some(css), .. } if !css.is_empty() => {
                Some(format!("in CSS: `{css}`"))
            }
            SetupError::XPath { .. } => Some(
                "CSS can say what an element is and where it stands, not what its text is".into(),
            ),
            SetupError::Encoding { hint, .. } => Some(hint.clone()),
        }
    }

    /// The selector, and on the next line a `^` under the error; `None` if the error is not at a
    /// position of a selector.
    pub fn pointer(&self) -> Option<String> {
        match self {
            SetupError::Selector { selector, at, .. } => {
                Some(format!("{selector}\n{:at$}^", "", at = *at))
            }
            SetupError::XPath { .. } | SetupError::Encoding { .. } => None,
        }
    }
}
