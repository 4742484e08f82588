//! A file's bytes → documents, to which a recipe is applied.
//!
//! A reader takes the unpacked bytes of a file and returns its documents one by one: a page is one
//! document, an archive of pages several. A recipe sees the tree of a document only through
//! [`Document`] and [`Element`]. So do its selectors, which are compiled once for all readers and
//! match elements wrapped in [`Matched`].
//!
//! To add a reader, add a module here, and choose it in `extractor.rs`.
//!
//! * [`html`]: HTML by html5ever, the reader of every file so far.
//! * [`attribute`]: names of attributes in a recipe; [`matched`]: elements as the `selectors` crate
//!   wants them.

mod attribute;
pub(super) mod html;
mod matched;

use std::fmt;

use html5ever::{LocalName, Namespace, ns};
use selectors::OpaqueElement;
use selectors::attr::CaseSensitivity;
use sheaf_common::problem::FileProblem;

pub(super) use attribute::AttributeName;
pub(super) use matched::Matched;

use super::facts::Facts;

/// Returns the documents of one file, in order.
pub(super) trait Reader {
    type Document: Document;

    /// The next document; `None` after the last. Records in `facts` what it learns on the way:
    /// encoding, replaced characters, progress.
    ///
    /// # Errors
    /// A problem of the file. It then has no rows at all: those of earlier documents are dropped.
    fn next(&mut self, facts: &mut Facts<'_>) -> Result<Option<Self::Document>, FileProblem>;
}

/// A tree of elements and texts.
pub(super) trait Document {
    type Element<'a>: Element<'a>
    where
        Self: 'a;

    /// All elements that a recipe may match, in document order, each with its depth. The
    /// descendants of an element are the deeper ones that follow it, up to the next that is not
    /// deeper.
    fn elements(&self) -> impl Iterator<Item = (usize, Self::Element<'_>)>;
}

/// An element of a document, as a recipe and its selectors see it. Siblings and children here are
/// elements only, not texts.
pub(super) trait Element<'a>: Copy + fmt::Debug {
    /// An identifier, unique among the elements of a document.
    fn identity(self) -> OpaqueElement;

    /// The name without a prefix, in the case in which selectors compare it.
    fn name(self) -> &'a str;

    /// Whether this is its [`Element::name`].
    fn is_named(self, name: &LocalName) -> bool {
        self.name() == &**name
    }

    fn namespace(self) -> &'a Namespace;

    /// Whether another element has the same name and namespace.
    fn is_type_of(self, other: Self) -> bool {
        self.name() == other.name() && self.namespace() == other.namespace()
    }

    fn parent(self) -> Option<Self>;

    fn first_child(self) -> Option<Self>;

    fn previous(self) -> Option<Self>;

    fn next(self) -> Option<Self>;

    /// Whether it is the outermost element of its document.
    fn is_root(self) -> bool {
        self.parent().is_none()
    }

    /// Whether it contains neither elements nor texts.
    fn is_empty(self) -> bool;

    /// The elements inside it, in document order.
    fn elements(self) -> impl Iterator<Item = Self>;

    /// All text inside it. A single text is borrowed from the document; several are joined in
    /// `gathered`.
    fn text<'t>(self, gathered: &'t mut String) -> &'t str
    where
        'a: 't;

    /// The value of the attribute that a recipe names.
    fn attribute(self, name: &AttributeName) -> Option<&'a str>;

    /// The value of the attribute with this local name in a namespace.
    fn attribute_in(self, namespace: &Namespace, local: &str) -> Option<&'a str>;

    /// Whether an attribute with this local name, in a namespace or in any, has a value that
    /// `passes`.
    fn has_attribute(
        self,
        namespace: Option<&Namespace>,
        local: &LocalName,
        passes: impl Fn(&str) -> bool,
    ) -> bool;

    fn has_id(self, id: &LocalName, case: CaseSensitivity) -> bool {
        let own = self.attribute_in(&ns!(), "id");
        own.is_some_and(|own| case.eq(id.as_bytes(), own.as_bytes()))
    }

    fn has_class(self, class: &LocalName, case: CaseSensitivity) -> bool {
        let own = self.attribute_in(&ns!(), "class").unwrap_or_default();
        own.split_ascii_whitespace().any(|own| case.eq(class.as_bytes(), own.as_bytes()))
    }
}
