//! What is kept of a file.

use serde::{Deserialize, Serialize};
use sheaf_common::outcome::FileReport;
use sheaf_common::task::SourcePath;

use super::digest::Digest;

/// The file of entries, in the folder of a run: one frame for each file.
pub const ENTRIES: &str = "kept";
/// The file of rows: slices, packed by Zstandard, one after another.
pub const ROWS: &str = "rows";

/// A file that is done or failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub path: SourcePath,
    /// Size and modification time when it was listed.
    pub size: u64,
    pub modified: i64,
    /// The digest of its content; `None`: it could not be read.
    pub content: Option<Digest>,
    /// Whether size and time tell its content: it was not written just before it was read.
    pub is_settled: bool,
    /// Its sequence number is of no use.
    pub report: FileReport,
    /// One for each slice of the report.
    pub parts: Vec<Part>,
}

/// The place of a packed slice in the file of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub at: u64,
    /// Its packed length, and the CRC-32 of these bytes.
    pub packed: u32,
    pub crc32: u32,
    /// The length of the rows.
    pub length: u32,
}

impl Part {
    /// Whether these are its bytes.
    pub fn is(&self, packed: &[u8]) -> bool {
        packed.len() == self.packed as usize && crc32fast::hash(packed) == self.crc32
    }
}
