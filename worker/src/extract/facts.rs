//! What becomes known of a file on its way, beside its rows: for its report.

use html5ever::LocalName;
use sheaf_common::notes::FileNotes;
use sheaf_common::problem::FileProblem;

use super::decode::Decoded;
use super::notice::Noticed;

/// The result of reading a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// [`Done`] if its rows were handed on; or why it has none.
    pub result: Result<Done, FileProblem>,
    /// Read from the file, before unpacking.
    pub bytes: u64,
    /// After unpacking; 0 if it did not come so far.
    pub unpacked: u64,
    /// The encoding that was used, as the Encoding Standard names it; empty if it did not come so
    /// far.
    pub encoding: String,
    /// How many characters had to be replaced in decoding.
    pub replaced: u64,
    /// What was noticed about a file that gave its rows, or has none.
    pub notes: FileNotes,
}

/// The result of a file whose rows were all handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// The cells that a sheet will cut, under [`sheaf_common::job::LongCells::Truncate`]; otherwise
    /// 0. Their rows hold them whole.
    pub truncated_cells: u64,
}

/// What is known of a file so far.
pub(super) struct Facts<'p> {
    pub bytes: u64,
    pub unpacked: u64,
    /// The encoding of its first text; empty: there was none so far.
    encoding: &'static str,
    replaced: u64,
    pub noticed: Noticed,
    /// Is called with the bytes of a text that are parsed, and all of them.
    parsed: &'p mut dyn FnMut(usize, usize),
}

impl<'p> Facts<'p> {
    /// Nothing is known yet. `record` as in [`Noticed::new`].
    pub(super) fn new(record: Option<&LocalName>, parsed: &'p mut dyn FnMut(usize, usize)) -> Self {
        let noticed = Noticed::new(record);
        Facts { bytes: 0, unpacked: 0, encoding: "", replaced: 0, noticed, parsed }
    }

    /// A text was decoded from `bytes`; `text` is what of it is read.
    pub(super) fn read_text(&mut self, text: &str, decoded: &Decoded<'_>, bytes: &[u8]) {
        if self.encoding.is_empty() {
            self.encoding = decoded.encoding.name();
        }

        self.replaced += decoded.replaced;
        self.noticed.text(text, decoded, bytes);
    }

    /// So many bytes of a text are parsed, of all that it has.
    pub(super) fn parsed(&mut self, done: usize, all: usize) {
        (self.parsed)(done, all);
    }

    /// All that is known, with what came of the file.
    pub(super) fn extracted(self, result: Result<Done, FileProblem>) -> Extracted {
        // About rows that are taken back, nothing is said.
        let notes = match result {
            Ok(_) => self.noticed.notes(),
            Err(_) => FileNotes::default(),
        };

        let Facts { bytes, unpacked, encoding, replaced, .. } = self;
        Extracted { result, bytes, unpacked, encoding: encoding.into(), replaced, notes }
    }
}
