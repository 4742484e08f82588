//! Notes: what the extractor noticed about a file, beside its rows, that is hardly ever intended.
//! They travel in the file's report; the coordinator sums them up, and says them once, at the end
//! of a run.

use serde::{Deserialize, Serialize};

/// The most element names that a file reports.
pub const MOST_ELEMENTS: usize = 8;
/// The longest element name that a file reports, in bytes.
pub const LONGEST_ELEMENT: usize = 64;

/// The notes of one file. Their size does not depend on that of the file: each kind of note occurs
/// at most once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileNotes {
    pub noticed: Vec<Note>,
    /// Which columns held a text in some row: bit `n % 8` of byte `n / 8` for column `n`. Bytes at
    /// the end may be missing.
    #[serde(with = "serde_bytes")]
    pub filled: Vec<u8>,
    /// For a file without a record: its most frequent elements with their counts, the most frequent
    /// first. At most [`MOST_ELEMENTS`].
    pub elements: Vec<(String, u64)>,
}

/// One note. The kind says what the two numbers count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub kind: NoteKind,
    pub count: u64,
    pub of: u64,
}

/// The kinds of notes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NoteKind {
    /// Records inside other records: `count` of `of` records.
    Nested,
    /// The record's tag stands in the text `count` times more often than there are records; `of`
    /// times in all.
    LostTags,
    /// The rows hold `count` bytes, the file's text `of`.
    Grew,
    /// The file begins with `<?xml`, and was read as HTML.
    XmlAsHtml,
    /// No encoding is declared, and this one was guessed (its name in the Encoding Standard).
    Guessed { encoding: String },
    /// Another encoding is declared, and was used, but the bytes are valid UTF-8 beyond ASCII.
    Contradicted { declared: String },
}

impl Note {
    pub fn new(kind: NoteKind, count: u64, of: u64) -> Self {
        Note { kind, count, of }
    }
}

impl FileNotes {
    /// Notes that a column held a text.
    pub fn fill(&mut self, column: usize) {
        let byte = column / 8;
        if self.filled.len() <= byte {
            self.filled.resize(byte + 1, 0);
        }

        self.filled[byte] |= 1 << (column % 8);
    }

    /// Whether a column held a text in some row.
    pub fn is_filled(&self, column: usize) -> bool {
        self.filled.get(column / 8).is_some_and(|byte| byte & 1 << (column % 8) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_told_apart() {
        let mut notes = FileNotes::default();
        notes.fill(3);
        notes.fill(17);

        let filled: Vec<usize> = (0..40).filter(|column| notes.is_filled(*column)).collect();
        assert_eq!(filled, [3, 17]);
    }
}
