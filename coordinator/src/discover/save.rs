//! The list of files as bytes, from which a later run learns what has changed.
//!
//! Each frame is a message: first the [`Head`], then [`Chunk`]s of files.

use serde::{Deserialize, Serialize};
use sheaf_common::problem::FileProblem;
use sheaf_common::wire;

use super::sources::{Entry, Sources};
use crate::frame;

/// The most files of a chunk. It keeps messages of long lists far below the limits of [`wire`] and
/// of a frame.
const CHUNK: usize = 1 << 16;

#[derive(Serialize, Deserialize)]
struct Head {
    folders: Vec<Vec<u8>>,
    problems: Vec<FileProblem>,
    files: u64,
}

/// Consecutive files.
#[derive(Serialize, Deserialize)]
struct Chunk {
    files: Vec<File>,
    /// Their names, one after another.
    names: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct File {
    /// The length of its name.
    name: u16,
    folder: u32,
    problem: u32,
    size: u64,
    /// Its time minus that of the file before it in the chunk: neighbours often have similar times,
    /// and small numbers take few bytes.
    step_ns: i64,
}

/// The bytes are not a whole list of this version.
#[derive(Debug, thiserror::Error)]
#[error("the list of files is damaged")]
pub struct Damaged;

impl Sources {
    /// Encodes the list.
    pub fn save(&self) -> Vec<u8> {
        let head = Head {
            folders: self.folders.clone(),
            problems: self.problems.clone(),
            files: self.entries.len() as u64,
        };

        let mut saved = Vec::new();
        frame::push(&mut saved, &wire::encode(&head));
        for entries in self.entries.chunks(CHUNK) {
            frame::push(&mut saved, &wire::encode(&self.chunk(entries)));
        }

        saved
    }

    fn chunk(&self, entries: &[Entry]) -> Chunk {
        let mut names = Vec::new();
        let mut before = 0;
        let file = |entry: &Entry| {
            let name = self.names.get(entry.name);
            names.extend_from_slice(name);

            // Wrapping, as times may be anything: reading wraps back.
            let step_ns = entry.modified_ns.wrapping_sub(before);
            before = entry.modified_ns;

            let Entry { folder, problem, size, .. } = *entry;
            let name = u16::try_from(name.len()).expect("as the arena stores it");
            File { name, folder, problem, size, step_ns }
        };

        Chunk { files: entries.iter().map(file).collect(), names }
    }

    /// Reads a list that [`Sources::save`] wrote.
    ///
    /// # Errors
    /// [`Damaged`] for anything else.
    pub fn load(saved: &[u8]) -> Result<Self, Damaged> {
        let (head, mut rest) = frame::split_first(saved).ok_or(Damaged)?;
        let Head { folders, problems, files } = wire::decode(head).map_err(|_| Damaged)?;
        let mut sources = Sources { folders, problems, ..Sources::default() };

        while !rest.is_empty() {
            let (chunk, after) = frame::split_first(rest).ok_or(Damaged)?;
            sources.add(&wire::decode(chunk).map_err(|_| Damaged)?)?;
            rest = after;
        }

        // A list that was cut between two frames has whole frames, but too few.
        if sources.entries.len() as u64 == files { Ok(sources) } else { Err(Damaged) }
    }

    fn add(&mut self, chunk: &Chunk) -> Result<(), Damaged> {
        let mut names = chunk.names.as_slice();
        let mut modified_ns = 0i64;

        for File { name, folder, problem, size, step_ns } in &chunk.files {
            let (name, after) = names.split_at_checked((*name).into()).ok_or(Damaged)?;
            names = after;
            modified_ns = modified_ns.wrapping_add(*step_ns);

            // Indexes from a file must not panic later.
            let is_known =
                (*folder as usize) < self.folders.len() && *problem as usize <= self.problems.len();
            if !is_known {
                return Err(Damaged);
            }

            let name = self.names.push(name);
            let (folder, problem, size) = (*folder, *problem, *size);
            self.entries.push(Entry { name, folder, problem, size, modified_ns });
        }

        // Names that belong to no file are as wrong as missing ones.
        if names.is_empty() { Ok(()) } else { Err(Damaged) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sources::tests::list;
    use super::*;

    fn example() -> Sources {
        let mut sources = list(
            "dir",
            &[("a", 0, 0), ("한글", u64::MAX, i64::MAX), ("c", 300, i64::MIN), ("d", 1, -1)],
        );
        sources.problems.push(FileProblem::Gone);
        sources.entries[3].problem = 1;
        sources
    }

    #[test]
    fn a_list_comes_back_as_it_was() {
        let loaded = Sources::load(&example().save()).unwrap();
        assert!(loaded.iter().eq(example().iter()));
    }

    #[test]
    fn a_list_of_several_chunks_loads_unchanged() {
        let mut sources = list("d", &[]);
        for index in 0..=2 * CHUNK as u64 {
            let name = sources.names.push(index.to_string().as_bytes());
            let (size, modified_ns) = (index, -i64::try_from(index).unwrap());
            sources.entries.push(Entry { name, folder: 0, problem: 0, size, modified_ns });
        }

        let loaded = Sources::load(&sources.save()).unwrap();
        assert!(loaded.iter().eq(sources.iter()));
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_found() {
        let saved = example().save();
        for end in 0..saved.len() {
            assert!(Sources::load(&saved[..end]).is_err(), "cut at {end}");
        }
        for bit in 0..saved.len() * 8 {
            let mut damaged = saved.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Sources::load(&damaged).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn entries_with_unknown_folders_or_problems_are_refused() {
        for (folder, problem) in [(1, 0), (0, 2)] {
            let mut sources = example();
            sources.entries[0].folder = folder;
            sources.entries[0].problem = problem;
            assert!(Sources::load(&sources.save()).is_err(), "{folder} {problem}");
        }
    }
}
