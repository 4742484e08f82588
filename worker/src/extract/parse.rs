//! Text → tree.

use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::tokenizer::TokenizerOpts;
use html5ever::tree_builder::TreeBuilderOpts;
use html5ever::{ParseOpts, driver};
use scraper::{Html, HtmlTreeSink};

/// The longest text that is parsed, in bytes: 1 GiB. html5ever counts in 32 bits, and a NUL grows to three bytes.
pub(super) const LONGEST: usize = 1 << 30;

/// Parses a document, per the HTML standard with scripting off: what is inside `<noscript>` is markup.
///
/// `text` is not copied: the tree's texts point into it. A byte order mark is a character here.
pub fn parse(text: StrTendril) -> Html {
    let options = ParseOpts {
        tokenizer: TokenizerOpts { discard_bom: false, ..TokenizerOpts::default() },
        tree_builder: TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() },
    };
    driver::parse_document(HtmlTreeSink::new(Html::new_document()), options).one(text)
}

/// `text` without the white space at its ends, as Python's `str.strip` sees it: Unicode White_Space, and the
/// information separators U+001C to U+001F.
pub fn strip(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character))
}

#[cfg(test)]
mod tests {
    use super::super::tree;
    use super::*;

    fn text(markup: &str) -> String {
        let html = parse(markup.into());
        let record = tree::elements(html.tree.root()).find(|element| element.value().name() == "doc");
        record.map(|record| tree::text(record, &mut String::new()).to_owned()).unwrap_or_default()
    }

    #[test]
    fn white_space_is_pythons() {
        assert_eq!(strip("\u{1c}\u{1f}\u{3000}\u{85}\u{a0}\n x \t\u{b}\u{2029}\u{1d}"), "x");
        assert_eq!(strip("\u{feff}\u{200b}"), "\u{feff}\u{200b}");
    }

    #[test]
    fn line_ends_become_line_feeds() {
        assert_eq!(text("<doc>a\r\nb\rc\n\rd&#13;e\r</doc>"), "a\nb\nc\n\nd\re\n");
        assert_eq!(text("<doc><pre>\r\na</pre><script>\r\rb</script></doc>"), "a\n\nb");
    }

    #[test]
    fn templates_keep_their_contents() {
        assert_eq!(text("<doc>a<template>b<p>c</template>d</doc>"), "ad");
    }

    #[test]
    fn noscript_is_markup() {
        assert_eq!(text("<noscript><doc>a<b>c</b></doc></noscript>"), "ac");
    }
}
