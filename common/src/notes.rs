//! Notes about a file beside its rows: things that are hardly ever meant. The extractor makes them;
//! they travel in the file's report, are summed up by the coordinator, and are said once, at the end
//! of a run.

use serde::{Deserialize, Serialize};

/// The most element names that a file reports.
pub const MOST_ELEMENTS: usize = 8;
/// The longest element name that a file reports, in bytes.
pub const LONGEST_ELEMENT: usize = 64;

/// The notes of one file. Small however large the file is: each kind of note stands there once at
/// most.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileNotes {
    pub noticed: Vec<Note>,
    /// Which columns held a text in some row: bit `n % 8` of byte `n / 8` for column `n`. Bytes at
    /// the end may be missing.
    #[serde(with = "serde_bytes")]
    pub filled: Vec<u8>,
    /// Of a file without a record: its most frequent elements and how many there are, the most
    /// frequent first. At most [`MOST_ELEMENTS`].
    pub elements: Vec<(String, u64)>,
}

/// Something that was noticed. The kind says what the two numbers count.
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
    /// `<?xml` stands in front, and the file was read as HTML.
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
    /// Takes note that a column held a text.
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
