//! The extractor's notes, summed up over all files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sheaf_common::cell::SHEET_COLUMNS;
use sheaf_common::notes::{FileNotes, LONGEST_ELEMENT, MOST_ELEMENTS, NoteKind};

use crate::human::shown;

/// The most kinds of notes. About 40 encodings can be guessed, and as many declared.
const MOST_KINDS: usize = 100;
/// The most element names that are counted. Few are needed, as each file reports only its most
/// frequent ones.
const MOST_NAMES: usize = 64;

/// The sums of all notes. Its size is bounded, whatever files report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noticed {
    kinds: BTreeMap<NoteKind, Seen>,
    /// The columns that have a text in some file.
    filled: FileNotes,
    /// The elements of files without a record.
    elements: BTreeMap<String, u64>,
}

/// Where a kind of note occurs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub files: u64,
    /// The sums of the notes' two numbers: see [`NoteKind`].
    pub count: u64,
    pub of: u64,
    /// The path of the first file, safe to show.
    pub first: String,
}

impl Noticed {
    /// Adds the notes of a file.
    pub fn add(&mut self, path: &[u8], notes: &FileNotes) {
        for note in &notes.noticed {
            // A worker may report anything: the sums must stay bounded.
            if self.kinds.len() >= MOST_KINDS && !self.kinds.contains_key(&note.kind) {
                continue;
            }

            let seen = self.kinds.entry(note.kind.clone()).or_default();
            if seen.files == 0 {
                seen.first = shown(path);
            }

            seen.files += 1;
            seen.count = seen.count.saturating_add(note.count);
            seen.of = seen.of.saturating_add(note.of);
        }

        for column in (0..notes.filled.len() * 8)
            .take(SHEET_COLUMNS)
            .filter(|column| notes.is_filled(*column))
        {
            self.filled.fill(column);
        }

        for (name, count) in notes
            .elements
            .iter()
            .take(MOST_ELEMENTS)
            .filter(|(name, _)| name.len() <= LONGEST_ELEMENT)
        {
            if self.elements.len() < MOST_NAMES || self.elements.contains_key(name) {
                let sum = self.elements.entry(name.clone()).or_default();
                *sum = sum.saturating_add(*count);
            }
        }
    }

    /// The sums by kind.
    pub fn kinds(&self) -> impl Iterator<Item = (&NoteKind, &Seen)> {
        self.kinds.iter()
    }

    /// Whether a column has a text in some row.
    pub fn is_filled(&self, column: usize) -> bool {
        self.filled.is_filled(column)
    }

    /// The elements of files without a record, the most frequent first; safe to show.
    pub fn elements(&self) -> Vec<(String, u64)> {
        let mut elements: Vec<(&String, &u64)> = self.elements.iter().collect();
        elements.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        elements.into_iter().map(|(name, count)| (shown(name.as_bytes()), *count)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sheaf_common::notes::Note;

    fn notes(noticed: Vec<Note>, columns: &[usize], elements: &[(&str, u64)]) -> FileNotes {
        let elements = elements.iter().map(|(name, count)| (name.to_string(), *count)).collect();
        let mut notes = FileNotes { noticed, elements, ..FileNotes::default() };
        columns.iter().for_each(|column| notes.fill(*column));
        notes
    }

    #[test]
    fn files_are_summed_up() {
        let mut noticed = Noticed::default();
        noticed.add(
            b"a",
            &notes(vec![Note::new(NoteKind::Nested, 3, 4)], &[0], &[("li", 2), ("ul", 1)]),
        );
        noticed.add(
            b"b",
            &notes(vec![Note::new(NoteKind::Nested, 1, 9)], &[9], &[("li", 1), ("b", 1)]),
        );
        let seen = Seen { files: 2, count: 4, of: 13, first: "a".into() };
        assert_eq!(noticed.kinds().collect::<Vec<_>>(), [(&NoteKind::Nested, &seen)]);
        assert_eq!((0..20).filter(|column| noticed.is_filled(*column)).collect::<Vec<_>>(), [0, 9]);
        assert_eq!(noticed.elements(), [("li".into(), 3), ("b".into(), 1), ("ul".into(), 1)]);
    }

    #[test]
    fn whatever_is_reported_it_stays_small() {
        let mut noticed = Noticed::default();
        for number in 0..1000 {
            let kind = NoteKind::Guessed { encoding: format!("e{number}") };
            let elements = [(format!("x{number}"), 1), ("y".repeat(100), 1)];
            let elements: Vec<(&str, u64)> =
                elements.iter().map(|(name, count)| (name.as_str(), *count)).collect();
            let mut notes = notes(vec![Note::new(kind, 1, 1)], &[], &elements);
            notes.filled = vec![0xff; 1 << 16];
            noticed.add(b"a", &notes);
        }

        assert_eq!((noticed.kinds.len(), noticed.elements.len()), (MOST_KINDS, MOST_NAMES));
        assert_eq!(noticed.filled.filled.len(), SHEET_COLUMNS / 8);
    }
}
