//! The rows that an earlier run kept.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

use sheaf_common::task::SourcePath;
use sheaf_common::wire;

use super::digest::Digest;
use super::entry::{ENTRIES, Entry, Part, ROWS};
use crate::frame;

/// The rows that an earlier run kept. Files stay open, so that the folder may be removed.
pub struct Earlier {
    entries: File,
    rows: File,
    /// Whether they are those of the same run, before it was interrupted.
    pub is_own: bool,
    /// Where each entry begins, and its length.
    places: Vec<(u64, usize)>,
    /// The last entry for each path, by a hash: paths themselves would take much memory.
    by_path: HashMap<u64, u32>,
    state: RandomState,
    /// The last entry for all that decides rows: see [`Digest::of_rows`].
    by_rows: HashMap<Digest, u32>,
    sizes: HashSet<u64>,
}

impl Earlier {
    /// Opens what a run kept in its folder. `shows_path`: as in [`Digest::of_rows`].
    ///
    /// # Errors
    /// Those of the system, for example when it kept nothing.
    pub fn open(folder: &Path, is_own: bool, shows_path: bool) -> io::Result<Self> {
        let mut entries = File::open(folder.join(ENTRIES))?;
        let rows = File::open(folder.join(ROWS))?;

        let state = RandomState::new();
        let mut places = Vec::new();
        let mut by_path = HashMap::new();
        let mut by_rows = HashMap::new();
        let mut sizes = HashSet::new();

        read_entries(&mut entries, |place, entry: Entry| {
            let Ok(number) = u32::try_from(places.len()) else { return };
            places.push(place);
            by_path.insert(state.hash_one(&entry.path), number);
            if let Some(content) = entry.content {
                let decides = Digest::of_rows(content, entry.path.as_path(), shows_path);

                // Rows are worth more than a failure, whichever came last.
                match entry.report.status.problem() {
                    None => drop(by_rows.insert(decides, number)),
                    Some(_) => drop(by_rows.entry(decides).or_insert(number)),
                }
                sizes.insert(entry.size);
            }
        })?;

        Ok(Earlier { entries, rows, is_own, places, by_path, state, by_rows, sizes })
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The number of the last entry for a path.
    pub fn with_path(&self, path: &SourcePath) -> Option<u32> {
        self.by_path.get(&self.state.hash_one(path)).copied()
    }

    /// The number of the last entry whose rows are decided by the same.
    pub fn with_rows(&self, decides: &Digest) -> Option<u32> {
        self.by_rows.get(decides).copied()
    }

    /// Whether a file of this size was read.
    pub fn has_size(&self, size: u64) -> bool {
        self.sizes.contains(&size)
    }

    /// An entry; `None` if it cannot be read any more.
    pub fn entry(&self, number: u32) -> Option<Entry> {
        let (at, length) = *self.places.get(number as usize)?;
        let mut framed = vec![0; length];
        self.entries.read_exact_at(&mut framed, at).ok()?;

        let (body, _) = frame::split_first(&framed)?;
        wire::decode(body).ok()
    }

    /// A packed slice; `None` if its bytes are not those that were kept.
    pub fn packed(&self, part: &Part) -> Option<Vec<u8>> {
        let mut packed = vec![0; part.packed as usize];
        self.rows.read_exact_at(&mut packed, part.at).ok()?;

        part.is(&packed).then_some(packed)
    }
}

/// Calls `take` with each whole entry and its place, up to the first that is broken. Returns where
/// the last whole one ends.
pub fn read_entries(file: &mut File, mut take: impl FnMut((u64, usize), Entry)) -> io::Result<u64> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;

    let mut rest = bytes.as_slice();
    let mut at = 0;
    while let Some((body, after)) = frame::split_first(rest)
        && let Ok(entry) = wire::decode(body)
    {
        let length = rest.len() - after.len();
        take((at, length), entry);
        at += length as u64;
        rest = after;
    }

    Ok(at)
}
