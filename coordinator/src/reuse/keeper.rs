//! Keeps the rows of files in the folder of a run.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use sheaf_common::numbers::FileIndex;
use sheaf_common::wire;
use zstd::bulk::Compressor;

use super::earlier::read_entries;
use super::entry::{ENTRIES, Entry, Part, ROWS};
use crate::frame;

/// Of Zstandard: rows are packed as they come, beside everything else.
const LEVEL: i32 = 1;

/// Writes the files of kept rows. It is only a cache: nothing is synced, and what a crash breaks at
/// the end is cut off.
pub struct Keeper {
    entries: File,
    rows: File,
    /// Where the next rows begin.
    at: u64,
    packer: Compressor<'static>,
    /// The files that this run has kept.
    kept: HashSet<FileIndex>,
}

impl Keeper {
    /// Opens the files in the folder of a run, or makes them. Goes on behind the last whole entry.
    ///
    /// # Errors
    /// Those of the system.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let open = |name| {
            let mut options = File::options();
            options.read(true).write(true).create(true).truncate(false).open(folder.join(name))
        };
        let mut entries = open(ENTRIES)?;
        let mut rows = open(ROWS)?;

        let mut at = 0;
        let end = read_entries(&mut entries, |_, entry: Entry| {
            let ends = entry.parts.iter().map(|part| part.at + u64::from(part.packed));
            at = ends.fold(at, u64::max);
        })?;

        entries.set_len(end)?;
        entries.seek(SeekFrom::End(0))?;
        rows.seek(SeekFrom::Start(at))?;

        Ok(Keeper { entries, rows, at, packer: Compressor::new(LEVEL)?, kept: HashSet::new() })
    }

    /// Whether this run has kept a file.
    pub fn has(&self, sequence: FileIndex) -> bool {
        self.kept.contains(&sequence)
    }

    /// Keeps a file with its rows: one text for each slice. The parts of `entry` are replaced.
    ///
    /// # Errors
    /// Those of the system. Then the keeper must not be used any more.
    pub fn keep(&mut self, sequence: FileIndex, entry: Entry, rows: &[&[u8]]) -> io::Result<()> {
        let mut packed = Vec::with_capacity(rows.len());
        for rows in rows {
            packed.push(self.packer.compress(rows)?);
        }

        self.keep_packed(sequence, entry, &packed)
    }

    /// Keeps a file whose slices are packed already.
    ///
    /// # Errors
    /// As [`Keeper::keep`].
    pub fn keep_packed(
        &mut self,
        sequence: FileIndex,
        mut entry: Entry,
        packed: &[Vec<u8>],
    ) -> io::Result<()> {
        let slices = crate::ledger::slices(&entry.report);
        let mut parts = Vec::with_capacity(packed.len());

        for (slice, packed) in slices.iter().zip(packed) {
            self.rows.write_all(packed)?;
            let crc32 = crc32fast::hash(packed);
            let length = u32::try_from(packed.len()).map_err(io::Error::other)?;
            parts.push(Part { at: self.at, packed: length, crc32, length: slice.length });
            self.at += u64::from(length);
        }

        entry.parts = parts;

        // The rows come first: an entry never names rows that are not there, unless the machine
        // crashes.
        let mut framed = Vec::new();
        frame::push(&mut framed, &wire::encode(&entry));
        self.entries.write_all(&framed)?;
        self.kept.insert(sequence);

        Ok(())
    }
}
