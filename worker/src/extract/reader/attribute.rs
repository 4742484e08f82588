//! Names of attributes in a recipe.

use html5ever::LocalName;

/// The name of an attribute, prepared for lookups.
pub(in crate::extract) struct AttributeName {
    /// As it was typed.
    pub typed: LocalName,
    /// In lower case, as the attributes of HTML elements are written.
    pub lower: LocalName,
    /// The prefix and the local name of `typed`, if it has a colon: an SVG element stores
    /// `xlink:href` in this form.
    pub parts: Option<(String, LocalName)>,
}

impl AttributeName {
    pub(in crate::extract) fn new(typed: &str) -> Self {
        let parts = typed
            .split_once(':')
            .map(|(prefix, local)| (prefix.to_owned(), LocalName::from(local)));
        AttributeName { typed: typed.into(), lower: typed.to_ascii_lowercase().into(), parts }
    }
}
