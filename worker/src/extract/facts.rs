//! Facts about a file beside its rows, gathered on the way for its report.

use html5ever::LocalName;
use sheaf_common::notes::FileNotes;
use sheaf_common::problem::FileProblem;

use super::decode::Decoded;
use super::notice::Noticed;

/// The result of reading a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// [`Done`] if all rows were emitted, or why the file has none.
    pub result: Result<Done, FileProblem>,
    /// The size of the file in bytes, before unpacking.
    pub bytes: u64,
    /// The size after unpacking; 0 if it failed before.
    pub unpacked: u64,
    /// The name of the encoding, from the Encoding Standard; empty if the file failed before
    /// decoding.
    pub encoding: String,
    /// The number of characters that were replaced in decoding.
    pub replaced: u64,
    /// The notes on the file; empty if it has a problem.
    pub notes: FileNotes,
}

/// The result of a file whose rows were all emitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// The number of cells that a sheet will cut, under
    /// [`sheaf_common::job::LongCells::Truncate`]; otherwise 0. The rows themselves have the whole
    /// text.
    pub truncated_cells: u64,
}

/// The facts about a file so far.
pub(super) struct Facts<'p> {
    pub bytes: u64,
    pub unpacked: u64,
    /// The encoding of the first text; empty before that text.
    encoding: &'static str,
    replaced: u64,
    pub noticed: Noticed,
    /// Called with the number of bytes of a text that are parsed, and the number of all.
    parsed: &'p mut dyn FnMut(usize, usize),
}

impl<'p> Facts<'p> {
    /// The facts about a file before it is opened. `record` as in [`Noticed::new`].
    pub(super) fn new(record: Option<&LocalName>, parsed: &'p mut dyn FnMut(usize, usize)) -> Self {
        let noticed = Noticed::new(record);
        Facts { bytes: 0, unpacked: 0, encoding: "", replaced: 0, noticed, parsed }
    }

    /// Records that a text was decoded from `bytes`. `text` is the part that will be parsed.
    pub(super) fn read_text(&mut self, text: &str, decoded: &Decoded<'_>, bytes: &[u8]) {
        if self.encoding.is_empty() {
            self.encoding = decoded.encoding.name();
        }

        self.replaced += decoded.replaced;
        self.noticed.text(text, decoded, bytes);
    }

    /// Reports that `done` of all bytes of a text are parsed.
    pub(super) fn parsed(&mut self, done: usize, all: usize) {
        (self.parsed)(done, all);
    }

    /// The facts and the result of the file together.
    pub(super) fn extracted(self, result: Result<Done, FileProblem>) -> Extracted {
        // A file with a problem loses its rows, and with them the notes on these.
        let notes = match result {
            Ok(_) => self.noticed.notes(),
            Err(_) => FileNotes::default(),
        };

        let Facts { bytes, unpacked, encoding, replaced, .. } = self;
        Extracted { result, bytes, unpacked, encoding: encoding.into(), replaced, notes }
    }
}
