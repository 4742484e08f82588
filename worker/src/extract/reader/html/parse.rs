//! Text → tree.

use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::tokenizer::TokenizerOpts;
use html5ever::tree_builder::TreeBuilderOpts;
use html5ever::{ParseOpts, driver};
use scraper::{Html, HtmlTreeSink};

/// The longest text that is parsed, in bytes: 1 GiB. html5ever counts in 32 bits, and a NUL grows
/// to three bytes.
pub(super) const LONGEST: usize = 1 << 30;

/// The number of bytes to parse between two reports of progress: 4 MiB, which take some 20 ms.
pub const STEP: usize = 4 << 20;

/// Parses a document by the HTML standard with scripting off, so the content of `<noscript>` is
/// markup.
///
/// Does not copy `text`: the texts in the tree point into it. A byte order mark counts as a
/// character.
pub fn parse(text: StrTendril) -> Html {
    parse_in_steps(text, STEP, &mut |_| {})
}

/// The same, in steps of about `step` bytes. Calls `parsed` after each full step, with the number
/// of bytes parsed so far.
///
/// The tree does not depend on the size of the steps: the parser accepts a text in any pieces.
pub(super) fn parse_in_steps(text: StrTendril, step: usize, parsed: &mut dyn FnMut(usize)) -> Html {
    let options = ParseOpts {
        tokenizer: TokenizerOpts { discard_bom: false, ..TokenizerOpts::default() },
        tree_builder: TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() },
    };

    let mut parser = driver::parse_document(HtmlTreeSink::new(Html::new_document()), options);

    let mut rest = text;
    let mut done = 0;
    while rest.len() > step {
        // Do not split a character.
        let mut length = step;
        while !rest.is_char_boundary(length) {
            length += 1;
        }

        let cut = u32::try_from(length).expect("a tendril is below 4 GiB");
        parser.process(rest.subtendril(0, cut));
        rest.pop_front(cut);
        done += length;
        parsed(done);
    }

    parser.process(rest);
    parser.finish()
}

#[cfg(test)]
mod tests {
    use super::super::Page;
    use super::*;
    use crate::extract::reader::{Document, Element};

    fn text(markup: &str) -> String {
        let page = Page::of(markup);
        let record = page.elements().map(|(_, element)| element).find(|one| one.name() == "doc");
        record.map(|record| record.text(&mut String::new()).to_owned()).unwrap_or_default()
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
    fn text_parsed_in_steps_gives_the_same_tree() {
        let markup = "<!DOCTYPE html>\r\n<!-- a -- b --><doc id=1 title='&am&amp;&ampx &notit; &#x1F600;&#13;é'>한국어\r\r\n\
            &lt;&notin;&CounterClockwiseContourIntegral;&nosuch;\0<b><p>a</b>b<table>x<tr><td>&#128;</table>\
            <script>if (a<!--b<script>c</script>--></script><textarea>\n&quot;</textarea><![CDATA[x]]><svg><![CDATA[y]]>\
            </svg><?xml?></br><a href=\"1\"id=2>😀<a/></doc >\r";
        let whole = parse(markup.into());
        for step in 1..markup.len() {
            let mut reports = Vec::new();
            let in_steps = parse_in_steps(markup.into(), step, &mut |done| reports.push(done));
            assert_eq!(in_steps.tree, whole.tree, "steps of {step}");
            assert!(
                reports.is_sorted() && reports.last().is_some_and(|last| *last <= markup.len()),
                "{step}: {reports:?}"
            );

            let cut = (step..).find(|cut| markup.is_char_boundary(*cut)).expect("the end is one");
            assert_eq!(reports.first(), Some(&cut), "{step}");
        }
    }

    #[test]
    fn noscript_is_markup() {
        assert_eq!(text("<noscript><doc>a<b>c</b></doc></noscript>"), "ac");
    }
}
