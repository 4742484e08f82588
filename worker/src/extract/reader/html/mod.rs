//! HTML, by the HTML standard: a file is one page.
//!
//! * [`mod@parse`]: text → tree, by html5ever.
//! * [`tree`]: the nodes of a page in document order, and their text, by the DOM standard.
//! * [`element`]: an element of a page, for recipes and selectors.

mod element;
mod parse;
mod tree;

use std::borrow::Cow;

use encoding_rs::Encoding;
use html5ever::tendril::StrTendril;
use scraper::Html;
use sheaf_common::problem::{FileProblem, TooLarge};

pub use parse::{STEP, parse};

use self::element::PageElement;
use super::{Document, Reader};
use crate::extract::facts::Facts;
use crate::extract::text;

/// Reads a file as one page.
pub(in crate::extract) struct HtmlReader<'a> {
    /// `None` once the page was returned.
    bytes: Option<Cow<'a, [u8]>>,
    /// The encoding that the user named.
    encoding: Option<&'static Encoding>,
}

impl<'a> HtmlReader<'a> {
    /// A reader of `bytes`. `encoding` is the one that the user named; `None`: to be detected.
    pub(in crate::extract) fn new(
        bytes: Cow<'a, [u8]>,
        encoding: Option<&'static Encoding>,
    ) -> Self {
        HtmlReader { bytes: Some(bytes), encoding }
    }
}

impl Reader for HtmlReader<'_> {
    type Document = Page;

    fn next(&mut self, facts: &mut Facts<'_>) -> Result<Option<Page>, FileProblem> {
        let Some(bytes) = self.bytes.take() else { return Ok(None) };

        let decoded = text::decode_text(&bytes, self.encoding)?;
        let text = text::strip(&decoded.text);
        if text.len() > parse::LONGEST {
            let length = text.len() as u64;
            let most = parse::LONGEST as u64;
            return Err(FileProblem::TooLarge(TooLarge::Text { length, most }));
        }

        facts.read_text(text, &decoded, &bytes);
        facts.noticed.read_as_html(text);

        // The parser has its own copy of the text: free the rest before the tree grows.
        let text = StrTendril::from_slice(text);
        drop(decoded);
        drop(bytes);

        let all = text.len();
        let mut parsed = |done| facts.parsed(done, all);
        Ok(Some(Page(parse::parse_in_steps(text, parse::STEP, &mut parsed))))
    }
}

/// The tree of a page.
pub(in crate::extract) struct Page(Html);

impl Page {
    /// The page of some markup.
    #[cfg(test)]
    pub(in crate::extract) fn of(markup: &str) -> Page {
        Page(parse(markup.into()))
    }
}

impl Document for Page {
    type Element<'a> = PageElement<'a>;

    fn elements(&self) -> impl Iterator<Item = (usize, PageElement<'_>)> {
        tree::elements(self.0.tree.root()).map(|(depth, element)| (depth, PageElement::of(element)))
    }
}
