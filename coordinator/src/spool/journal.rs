//! The journal: one entry for each stored unit, each with its own checksum.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sheaf_common::numbers::FileIndex;
use sheaf_common::outcome::Stream;
use sheaf_common::wire;

use crate::frame;
use crate::ledger::Position;
use crate::reuse::Digest;

/// A stored unit.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The segments that it added to the streams, in order.
    pub segments: Vec<Part>,
    pub end: Position,
    /// The files whose own workbooks are written: their streams are removed.
    pub dropped_files: Vec<FileIndex>,
    pub notes: Vec<u8>,
    /// The digest of all that decides the segments, if it is known.
    pub unit: Option<Digest>,
}

/// A segment, without its bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub stream: Stream,
    /// The length of its bytes in the stream's file, and their CRC-32.
    pub packed: u64,
    pub packed_crc32: u32,
    /// The length before compression, and the CRC-32 of those bytes.
    pub length: u64,
    pub crc32: u32,
    /// The metadata of its format: see [`sheaf_common::outcome::Segment::meta`].
    pub meta: Vec<u8>,
}

/// The open journal. Entries are appended.
pub struct Journal {
    file: File,
}

impl Journal {
    /// Opens the journal, or makes it. It must be read or cut before an entry is appended.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        Ok(Journal { file })
    }

    /// Appends an entry. One call writes all of it, so that a crash leaves at most one broken
    /// entry, at the end.
    pub fn append(&mut self, entry: &Entry) -> io::Result<()> {
        let mut framed = Vec::new();
        frame::push(&mut framed, &wire::encode(entry));

        self.file.write_all(&framed)
    }

    /// The entries before the first broken one, each with the offset of its end.
    pub fn read(&mut self) -> io::Result<Vec<(Entry, u64)>> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        self.file.read_to_end(&mut bytes)?;

        Ok(whole(&bytes))
    }

    /// Cuts off everything past `length`.
    pub fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.file.seek(SeekFrom::End(0)).map(drop)
    }
}

/// The entries before the first broken one, each with the offset of its end.
fn whole(bytes: &[u8]) -> Vec<(Entry, u64)> {
    let mut entries = Vec::new();
    let mut rest = bytes;

    // The first broken entry ends the journal: the units after it have no beginning.
    while let Some((body, after)) = frame::split_first(rest)
        && let Ok(entry) = wire::decode(body)
    {
        rest = after;
        entries.push((entry, (bytes.len() - rest.len()) as u64));
    }

    entries
}

/// The entries of the journal in a folder, which is only read.
///
/// # Errors
/// Those of the system.
pub fn read_journal(folder: &Path) -> io::Result<Vec<Entry>> {
    let entries = whole(&std::fs::read(folder.join(super::JOURNAL))?);
    Ok(entries.into_iter().map(|(entry, _)| entry).collect())
}
