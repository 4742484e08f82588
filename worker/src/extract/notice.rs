//! Notes on what is probably not intended: taken on the way through a file, shown at the end of the
//! run.
//!
//! The cost is small beside parsing: one search of the text for the record's tag, one comparison
//! for each node of the walk. Elements are counted only in files without records.

use std::collections::HashMap;

use encoding_rs::{Encoding, UTF_8};
use html5ever::LocalName;
use memchr::memmem;
use sheaf_common::notes::{FileNotes, LONGEST_ELEMENT, MOST_ELEMENTS, Note, NoteKind};

use super::decode::{Decoded, FoundBy};

/// If the rows have more than this many times the bytes of the text, that is worth a note: a recipe
/// with a few columns gives less.
const GREW: u64 = 10;
/// Growth up to this many bytes of rows does not matter: 64 KiB.
const SMALL: u64 = 64 << 10;

/// Text that is declared as a multi-byte encoding, but is also valid UTF-8, is not so by chance if
/// it has this many continuation bytes. In Chinese, Japanese or Korean text, a character is valid
/// UTF-8 with a probability of less than a fifth (of GBK's first level, 22 of 40 lead bytes and 31
/// of 94 trail bytes). The well-known chance case is a file with a single word.
const NO_CHANCE: usize = 12;

/// The notes on a file so far.
pub(super) struct Noticed {
    notes: FileNotes,
    /// The bytes of all texts.
    length: u64,
    /// The record's tags in all texts; `None` if the record is not selected by a plain name.
    tags: Option<Tags>,
    records: u64,
    nested: u64,
    /// The bytes of all rows.
    rows: u64,
    /// The number of elements by name, in documents before the first record.
    elements: HashMap<String, u64>,
}

struct Tags {
    name: LocalName,
    count: u64,
}

impl Noticed {
    /// `record` is the element name of the records, if they are selected by a name alone.
    pub(super) fn new(record: Option<&LocalName>) -> Self {
        Noticed {
            notes: FileNotes::default(),
            length: 0,
            tags: record.map(|name| Tags { name: name.clone(), count: 0 }),
            records: 0,
            nested: 0,
            rows: 0,
            elements: HashMap::new(),
        }
    }

    /// Notes a text before it is parsed, and the bytes that it was decoded from.
    pub(super) fn text(&mut self, text: &str, decoded: &Decoded<'_>, bytes: &[u8]) {
        let encoding = decoded.encoding;
        match decoded.by {
            FoundBy::Guess => self.once(NoteKind::Guessed { encoding: encoding.name().into() }),
            FoundBy::Declared
                if encoding != UTF_8 && is_utf8_after_all(bytes, encoding, decoded.replaced) =>
            {
                self.once(NoteKind::Contradicted { declared: encoding.name().into() });
            }
            FoundBy::Bytes | FoundBy::Named | FoundBy::Declared | FoundBy::Utf8 => {}
        }

        self.length += text.len() as u64;
        if let Some(tags) = &mut self.tags {
            tags.count += count_tags(text, &tags.name);
        }
    }

    /// Notes a text that is parsed as HTML.
    pub(super) fn read_as_html(&mut self, text: &str) {
        if text.starts_with("<?xml") {
            self.once(NoteKind::XmlAsHtml);
        }
    }

    /// Adds a note without counts, once for a file however many documents it has.
    fn once(&mut self, kind: NoteKind) {
        if self.notes.noticed.iter().all(|note| note.kind != kind) {
            self.notes.noticed.push(Note::new(kind, 1, 1));
        }
    }

    /// The number of records so far.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Counts a record. `nested`: it is inside another.
    pub(super) fn record(&mut self, nested: bool) {
        self.records += 1;
        self.nested += u64::from(nested);
    }

    /// Notes whether a column has text. White space alone counts as empty, as it looks so.
    pub(super) fn cell(&mut self, column: usize, cell: Option<&str>) {
        if !self.notes.is_filled(column) && cell.is_some_and(|text| !text.trim_start().is_empty()) {
            self.notes.fill(column);
        }
    }

    /// Counts the elements of a document in a file that has no record so far.
    pub(super) fn elements<'n>(&mut self, names: impl Iterator<Item = &'n str>) {
        for name in names {
            match self.elements.get_mut(name) {
                Some(count) => *count += 1,
                None => drop(self.elements.insert(name.into(), 1)),
            }
        }
    }

    /// Notes the number of bytes of all rows.
    pub(super) fn rows(&mut self, bytes: u64) {
        self.rows = bytes;
    }

    /// All notes on the file.
    pub(super) fn notes(self) -> FileNotes {
        let Noticed { mut notes, length, tags, records, nested, rows, elements } = self;
        if nested > 0 {
            notes.noticed.push(Note::new(NoteKind::Nested, nested, records));
        }

        if let Some(Tags { name, count }) = tags {
            let lost = count.saturating_sub(records);
            // Scripts contain HTML tags in strings, which are not records. They have no reason to
            // contain a tag like `doc`, so a tenth of these is enough for a note.
            let many = if is_html_name(&name) { lost > records.max(10) } else { lost * 10 > count };
            if many {
                notes.noticed.push(Note::new(NoteKind::LostTags, lost, count));
            }
        }

        if rows > SMALL && rows > GREW * length {
            notes.noticed.push(Note::new(NoteKind::Grew, rows, length));
        }

        if records == 0 {
            notes.elements = most_frequent(elements);
        }

        notes
    }
}

/// Whether a walk in document order is inside a record.
#[derive(Default)]
pub(super) struct Inside {
    /// The depth of the outermost record around the current element.
    record: Option<usize>,
}

impl Inside {
    /// Moves to an element at this depth, and so out of every element that is not above it.
    pub(super) fn pass(&mut self, depth: usize) {
        self.record = self.record.filter(|record| depth > *record);
    }

    /// Enters a record at this depth; returns whether it is inside another.
    pub(super) fn record(&mut self, depth: usize) -> bool {
        let is_inside = self.record.is_some();
        self.record.get_or_insert(depth);
        is_inside
    }
}

/// The number of times that `text` contains the tag `<name`, in lower case.
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

/// Whether bytes that were decoded as `declared`, with `replaced` characters replaced, are in truth
/// UTF-8 and not ASCII.
fn is_utf8_after_all(bytes: &[u8], declared: &'static Encoding, replaced: u64) -> bool {
    if bytes.is_ascii() || std::str::from_utf8(bytes).is_err() {
        return false;
    }

    // In a single-byte encoding these bytes would be pairs such as `Ã©`, which occur in no text.
    replaced > 0
        || declared.is_single_byte()
        || bytes.iter().filter(|byte| (0x80..0xc0).contains(*byte)).take(NO_CHANCE).count()
            == NO_CHANCE
}

/// The most frequent elements, without those that every document has.
fn most_frequent(counts: HashMap<String, u64>) -> Vec<(String, u64)> {
    let is_telling =
        |name: &str| !["html", "head", "body"].contains(&name) && name.len() <= LONGEST_ELEMENT;
    let mut names: Vec<(String, u64)> =
        counts.into_iter().filter(|(name, _)| is_telling(name)).collect();

    names.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    names.truncate(MOST_ELEMENTS);
    names
}

/// Whether this is the name of a common HTML element.
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
    use super::super::reader::html::Page;
    use super::*;
    use crate::extract::reader::{Document, Element};
    use encoding_rs::{EUC_KR, WINDOWS_1252};

    /// For each `doc`, whether [`Inside`] takes it as nested.
    fn nested(markup: &str) -> Vec<bool> {
        let mut inside = Inside::default();
        let mut found = Vec::new();

        for (depth, element) in Page::of(markup).elements() {
            inside.pass(depth);
            if element.name() == "doc" {
                found.push(inside.record(depth));
            }
        }
        found
    }

    #[test]
    fn nested_records_differ_from_following_ones() {
        assert_eq!(nested("<doc>a</doc><doc>b</doc>"), [false, false]);
        assert_eq!(
            nested("<doc>a<doc>b</doc><p><doc>c</doc></p></doc><p><doc>d"),
            [false, true, true, false]
        );
        assert_eq!(nested("<div><doc>a</div>x<div><doc>b<doc>c"), [false, false, true]);
        assert_eq!(nested("<doc>a<doc>b</doc></doc>text<doc>c"), [false, true, false]);
    }

    /// The notes on a text whose record is `name`, of which `records` were found.
    fn noticed(text: &str, name: &str, records: u64) -> Vec<Note> {
        let decoded = decode(text.as_bytes(), None);
        let mut noticed = Noticed::new(Some(&name.into()));
        noticed.text(text, &decoded, text.as_bytes());
        (0..records).for_each(|_| noticed.record(false));
        noticed.notes().noticed
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
    fn short_text_may_be_utf8_by_chance() {
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
    fn elements_are_counted_in_files_without_records() {
        let elements = |documents: &[&str]| {
            let mut noticed = Noticed::new(None);
            for markup in documents {
                let page = Page::of(markup);
                noticed.elements(page.elements().map(|(_, element)| element.name()));
            }
            noticed.notes().elements
        };

        let counted = [("li".into(), 3), ("ul".into(), 2), ("p".into(), 1)];
        assert_eq!(elements(&["<ul><li>1<li>2<li>3</ul><ul></ul><p>"]), counted);
        assert_eq!(elements(&["<ul><li>1<li>2</ul>", "<li>3<ul></ul><p>"]), counted);
        assert_eq!(elements(&["plain text"]), []);
    }
}
