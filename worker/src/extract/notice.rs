//! Notes on what is hardly ever meant: taken on the way through a file, shown when the run ends.
//!
//! Costs next to nothing beside parsing: the text is searched once for the record's tag, each node
//! is compared with one number while records are walked, and elements are only counted where there
//! is no record.

use std::collections::HashMap;

use ego_tree::{NodeId, NodeRef};
use encoding_rs::{Encoding, UTF_8};
use html5ever::LocalName;
use memchr::memmem;
use scraper::{Html, Node};
use sheaf_common::notes::{FileNotes, LONGEST_ELEMENT, MOST_ELEMENTS, Note, NoteKind};

use super::decode::{Decoded, FoundBy};
use super::tree;

/// Rows of this many times the bytes of the text are more than a recipe with a few columns gives.
const GREW: u64 = 10;
/// Below this many bytes of rows, growth does not matter: 64 KiB.
const SMALL: u64 = 64 << 10;

/// From this many continuation bytes on, text in a declared multi-byte encoding is not UTF-8 by
/// chance. In Chinese, Japanese or Korean text, a character is also UTF-8 with a probability of
/// less than a fifth (of GBK's first level, 22 of 40 lead bytes and 31 of 94 trail bytes): the
/// famous case is a file with a single word.
const NO_CHANCE: usize = 12;

/// The notes on a file so far.
pub(super) struct Noticed {
    notes: FileNotes,
    /// The bytes of the text.
    length: u64,
    /// How often the record's tag stands in the text; `None` if the record is no plain name.
    tags: Option<Tags>,
    records: u64,
    nested: u64,
    /// The bytes of the rows.
    rows: u64,
}

#[derive(Clone, Copy)]
struct Tags {
    count: u64,
    /// Whether HTML has an element of this name: scripts write such tags, too, which are no
    /// records.
    is_html: bool,
}

impl Noticed {
    /// Looks at a text before it is parsed. `record`: the element name that the records have, if
    /// they are selected by nothing else.
    pub(super) fn of_text(
        text: &str,
        decoded: &Decoded<'_>,
        bytes: &[u8],
        record: Option<&LocalName>,
    ) -> Self {
        let mut notes = FileNotes::default();
        let encoding = decoded.encoding;

        match decoded.by {
            FoundBy::Guess => {
                let kind = NoteKind::Guessed { encoding: encoding.name().into() };
                notes.noticed.push(Note::new(kind, 1, 1));
            }
            FoundBy::Declared
                if encoding != UTF_8 && is_utf8_after_all(bytes, encoding, decoded.replaced) =>
            {
                let kind = NoteKind::Contradicted { declared: encoding.name().into() };
                notes.noticed.push(Note::new(kind, 1, 1));
            }
            FoundBy::Bytes | FoundBy::Named | FoundBy::Declared | FoundBy::Utf8 => {}
        }

        if text.starts_with("<?xml") {
            notes.noticed.push(Note::new(NoteKind::XmlAsHtml, 1, 1));
        }

        let tags =
            record.map(|name| Tags { count: count_tags(text, name), is_html: is_html_name(name) });

        Noticed { notes, length: text.len() as u64, tags, records: 0, nested: 0, rows: 0 }
    }

    /// Takes note of a record; `nested`: inside another.
    pub(super) fn record(&mut self, nested: bool) {
        self.records += 1;
        self.nested += u64::from(nested);
    }

    /// Takes note of the cell of a column. One with nothing but white space looks empty, so it is.
    pub(super) fn cell(&mut self, column: usize, cell: Option<&str>) {
        if !self.notes.is_filled(column) && cell.is_some_and(|text| !text.trim_start().is_empty()) {
            self.notes.fill(column);
        }
    }

    /// Takes note of how many bytes all rows have.
    pub(super) fn rows(&mut self, bytes: u64) {
        self.rows = bytes;
    }

    /// All notes on the file. `html` is looked at again if no record was in it.
    pub(super) fn notes(self, html: &Html) -> FileNotes {
        let Noticed { mut notes, length, tags, records, nested, rows } = self;
        if nested > 0 {
            notes.noticed.push(Note::new(NoteKind::Nested, nested, records));
        }

        if let Some(Tags { count, is_html }) = tags {
            let lost = count.saturating_sub(records);
            // Scripts of a page hold its tags in strings; nothing writes those of a name like
            // `doc`.
            let many = if is_html { lost > records.max(10) } else { lost * 10 > count };
            if many {
                notes.noticed.push(Note::new(NoteKind::LostTags, lost, count));
            }
        }

        if rows > SMALL && rows > GREW * length {
            notes.noticed.push(Note::new(NoteKind::Grew, rows, length));
        }

        if records == 0 {
            notes.elements = most_frequent(html);
        }

        notes
    }
}

/// Whether a walk in document order is inside a record.
#[derive(Default)]
pub(super) struct Inside {
    /// Inside a record that is inside no other.
    inside: bool,
    /// The first node behind that record; `None`: nothing follows it.
    behind: Option<NodeId>,
}

impl Inside {
    /// The walk has come to `node`.
    pub(super) fn pass(&mut self, node: NodeRef<'_, Node>) {
        if self.inside && self.behind == Some(node.id()) {
            self.inside = false;
        }
    }

    /// The node that the walk has come to is a record; `true` if it is inside another.
    pub(super) fn record(&mut self, node: NodeRef<'_, Node>) -> bool {
        if self.inside {
            return true;
        }
        self.inside = true;

        // The walk itself climbs the same way once it has left the record.
        let follows = |node: NodeRef<'_, Node>| node.next_sibling().map(|sibling| sibling.id());
        self.behind = follows(node).or_else(|| node.ancestors().find_map(follows));
        false
    }
}

/// How often `text` holds the tag `<name`, in lower case.
fn count_tags(text: &str, name: &LocalName) -> u64 {
    let tag = format!("<{name}");
    let ends = |at: &usize| {
        matches!(
            text.as_bytes().get(at + tag.len()),
            Some(b'>' | b'/' | b' ' | b'\t' | b'\n' | b'\r')
        )
    };
    memmem::find_iter(text.as_bytes(), &tag).filter(ends).count() as u64
}

/// Whether bytes are UTF-8 beyond ASCII, and that by no chance, though they were read as
/// `declared`, with so many characters `replaced`.
fn is_utf8_after_all(bytes: &[u8], declared: &'static Encoding, replaced: u64) -> bool {
    if bytes.is_ascii() || std::str::from_utf8(bytes).is_err() {
        return false;
    }

    // In a single-byte encoding they would be pairs such as `Ã©`, which nobody writes.
    replaced > 0
        || declared.is_single_byte()
        || bytes.iter().filter(|byte| (0x80..0xc0).contains(*byte)).take(NO_CHANCE).count()
            == NO_CHANCE
}

/// The most frequent elements, without those that every document has.
fn most_frequent(html: &Html) -> Vec<(String, u64)> {
    let mut counts: HashMap<&str, u64> = HashMap::new();
    for element in tree::elements(html.tree.root()) {
        *counts.entry(element.value().name()).or_default() += 1;
    }

    let names = counts.into_iter().filter(|(name, _)| !["html", "head", "body"].contains(name));
    let mut names: Vec<(&str, u64)> =
        names.filter(|(name, _)| name.len() <= LONGEST_ELEMENT).collect();

    names.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    names.truncate(MOST_ELEMENTS);
    names.into_iter().map(|(name, count)| (name.into(), count)).collect()
}

/// Whether HTML has an element of this name that pages are made of.
fn is_html_name(name: &LocalName) -> bool {
    const NAMES: &str = "\
        a abbr address article aside audio b blockquote body br button caption center cite code \
        col dd del details dialog div dl dt em fieldset figcaption figure font footer form h1 h2 \
        h3 h4 h5 h6 head header hr html i iframe img input ins label legend li link main map mark \
        menu meta nav noscript object ol optgroup option output p picture pre q s samp script \
        section select small source span strong style sub summary sup svg table tbody td template \
        textarea tfoot th thead time title tr tt u ul var video";

    NAMES.split_ascii_whitespace().any(|known| known == &**name)
}

#[cfg(test)]
mod tests {
    use super::super::decode::decode;
    use super::super::parse::parse;
    use super::*;
    use encoding_rs::{EUC_KR, WINDOWS_1252};

    /// The names of the elements that `Inside` says are nested.
    fn nested(markup: &str) -> Vec<bool> {
        let html = parse(markup.into());
        let mut inside = Inside::default();
        let mut found = Vec::new();

        for node in tree::Descendants::of(html.tree.root()) {
            inside.pass(node);
            if node.value().as_element().is_some_and(|element| element.name() == "doc") {
                found.push(inside.record(node));
            }
        }
        found
    }

    #[test]
    fn records_inside_others_are_told_from_those_behind() {
        assert_eq!(nested("<doc>a</doc><doc>b</doc>"), [false, false]);
        assert_eq!(
            nested("<doc>a<doc>b</doc><p><doc>c</doc></p></doc><p><doc>d"),
            [false, true, true, false]
        );
        assert_eq!(nested("<div><doc>a</div>x<div><doc>b<doc>c"), [false, false, true]);
        assert_eq!(nested("<doc>a<doc>b</doc></doc>text<doc>c"), [false, true, false]);
    }

    /// What is noticed about a text whose records are `doc`, of which `records` were found.
    fn noticed(text: &str, name: &str, records: u64) -> Vec<Note> {
        let decoded = decode(text.as_bytes(), None);
        let mut noticed = Noticed::of_text(text, &decoded, text.as_bytes(), Some(&name.into()));
        (0..records).for_each(|_| noticed.record(false));
        noticed.notes(&parse(text.into())).noticed
    }

    #[test]
    fn tags_that_became_no_record_are_noticed() {
        assert_eq!(noticed("<doc id=1>a</doc><doc>b</doc><docs><doc-x>", "doc", 2), []);
        assert_eq!(
            noticed("<doc title=\"\"a\"><doc\n>", "doc", 1),
            [Note::new(NoteKind::LostTags, 1, 2)]
        );

        // Twenty of them in scripts are usual for `li`, not for `doc`.
        let script = format!("{}<script>{}</script>", "<li>x".repeat(30), "'<li>'".repeat(20));
        assert_eq!(noticed(&script, "li", 30), []);
        assert_eq!(noticed(&script, "li", 0), [Note::new(NoteKind::LostTags, 50, 50)]);
    }

    #[test]
    fn short_text_is_not_doubted_because_its_bytes_happen_to_be_utf_8() {
        let by_chance = b"\xc2\xb1\xc8\xa3 \xc5\xb0";
        let (korean, _, damaged) = EUC_KR.decode(by_chance);
        assert_eq!((&*korean, damaged), ("짹호 키", false));
        assert!(std::str::from_utf8(by_chance).is_ok());

        assert!(!is_utf8_after_all(by_chance, EUC_KR, 0));
        assert!(is_utf8_after_all(&by_chance.repeat(4), EUC_KR, 0), "there is no such chance");
        assert!(is_utf8_after_all("위".as_bytes(), EUC_KR, 1), "it cannot be what is declared");
        assert!(is_utf8_after_all("é".as_bytes(), WINDOWS_1252, 0));
        assert!(
            !is_utf8_after_all(b"caf\xe9", WINDOWS_1252, 0)
                && !is_utf8_after_all(b"plain", EUC_KR, 0)
        );
    }

    #[test]
    fn elements_are_counted_where_there_is_no_record() {
        let html = parse("<ul><li>1<li>2<li>3</ul><ul></ul><p>".into());
        assert_eq!(most_frequent(&html), [("li".into(), 3), ("ul".into(), 2), ("p".into(), 1)]);

        assert_eq!(most_frequent(&parse("plain text".into())), []);
    }
}
