//! A file's bytes → documents, which a recipe is matched against.
//!
//! A reader is a module here. It is given what a file holds once it is unpacked, and gives its
//! documents one after the other: a page is one, an archive of pages several. Whatever its tree is
//! made of, a recipe sees it through [`Document`] and [`Element`] alone. The selectors are compiled
//! once for all readers: an element says through [`selectors::Element`] what they ask.
//!
//! To add one: a module here, and the place in `extractor.rs` where the reader of a file is chosen.
//!
//! * [`html`]: HTML by html5ever, the reader of every file so far.
//! * [`attribute`]: the names of attributes, as a recipe has them.

mod attribute;
pub(super) mod html;

use html5ever::Namespace;

pub(super) use attribute::AttributeName;

use super::facts::Facts;
use super::pseudo::Dialect;
use sheaf_common::problem::FileProblem;

/// Gives the documents of one file, in their order.
pub(super) trait Reader {
    type Document: Document;

    /// The next document; `None`: there is none any more. Notes in `facts` what it learns on the
    /// way: encoding, replaced characters, how far it is.
    ///
    /// # Errors
    /// Why the file cannot be read as it is. It then has no rows at all: those of its documents
    /// before are taken back.
    fn next(&mut self, facts: &mut Facts<'_>) -> Result<Option<Self::Document>, FileProblem>;
}

/// A tree of elements and texts.
pub(super) trait Document {
    type Element<'a>: Element<'a>
    where
        Self: 'a;

    /// All elements that a recipe may match, in document order, each with its depth: what follows
    /// an element and is deeper, up to the next that is not, is inside of it.
    fn elements(&self) -> impl Iterator<Item = (usize, Self::Element<'_>)>;
}

/// An element of a document, as a recipe sees it. Parents, siblings, and what selectors compare are
/// those of [`selectors::Element`].
pub(super) trait Element<'a>: selectors::Element<Impl = Dialect> + Copy {
    /// The name without a prefix, in the case in which selectors compare it.
    fn name(self) -> &'a str;

    /// The elements inside of it, in document order.
    fn elements(self) -> impl Iterator<Item = Self>;

    /// All text inside of it. A text in one piece is borrowed from the document; several are
    /// gathered in `gathered`.
    fn text<'t>(self, gathered: &'t mut String) -> &'t str
    where
        'a: 't;

    /// The value of the attribute that a recipe names.
    fn attribute(self, name: &AttributeName) -> Option<&'a str>;

    /// The value of the attribute with this local name in a namespace, for pseudo-classes.
    fn attribute_in(self, namespace: &Namespace, local: &str) -> Option<&'a str>;
}
