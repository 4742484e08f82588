//! The compact list of all input files: a million take 32 MB and their names.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use sheaf_common::problem::FileProblem;
#[cfg(test)]
use sheaf_common::problem::{Step, SystemError};

use super::arena::{Arena, Span};
use super::unwanted::LeftOut;

/// All input files, in order. The index of a file in this list is its sequence number.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    pub(super) names: Arena,
    /// The folders, as they are written in front of names: empty, or without a `/` at the end
    /// unless it is the root.
    pub(super) folders: Vec<Vec<u8>>,
    pub(super) problems: Vec<FileProblem>,
    pub(super) entries: Vec<Entry>,
    /// How many files and folders were found but are not in the list. Not saved with it.
    pub left_out: LeftOut,
}

/// One file in 32 bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub name: Span,
    pub folder: u32,
    /// Index in the problems, from 1; 0: no problem.
    pub problem: u32,
    pub size: u64,
    pub modified_ns: i64,
}

const _: () = assert!(size_of::<Entry>() == 32);

/// An index into the lists of [`Sources`], or how long one is.
///
/// # Panics
/// Past 2^32, which is past any memory.
pub(super) fn index_of(index: usize) -> u32 {
    u32::try_from(index).expect("fewer than 2^32 files, folders and problems")
}

/// An input file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source<'a> {
    /// The folder as it was given, and the name.
    pub path: PathBuf,
    /// In bytes; 0 if there is a problem.
    pub size: u64,
    /// Modification time in nanoseconds since 1970; 0 if unknown.
    pub modified_ns: i64,
    /// Why it cannot be read. It fails without being tried.
    pub problem: Option<&'a FileProblem>,
}

impl Sources {
    /// How many files there are, those that cannot be read included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The file with a sequence number.
    ///
    /// # Panics
    /// Past the end of the list.
    pub fn get(&self, sequence: usize) -> Source<'_> {
        let entry = &self.entries[sequence];
        let path = PathBuf::from(OsString::from_vec(self.path_bytes(entry).collect()));
        Source {
            path,
            size: entry.size,
            modified_ns: entry.modified_ns,
            problem: self.problem(entry),
        }
    }

    /// All files, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Source<'_>> {
        (0..self.len()).map(|sequence| self.get(sequence))
    }

    /// Keeps the first `most` files.
    pub fn truncate(&mut self, most: usize) {
        self.entries.truncate(most);
    }

    /// The sum of all sizes.
    pub fn total_bytes(&self) -> u64 {
        self.entries.iter().map(|entry| entry.size).sum()
    }

    /// How many entries cannot be read.
    pub fn problem_count(&self) -> usize {
        self.entries.iter().filter(|entry| entry.problem != 0).count()
    }

    /// A list of files `d/0`, `d/1`, … with these sizes; `None` is one that is missing.
    #[cfg(test)]
    pub(crate) fn example(sizes: &[Option<u64>]) -> Self {
        let mut sources = Sources { folders: vec![b"d".into()], ..Sources::default() };
        sources
            .problems
            .push(FileProblem::System { step: Step::Find, error: SystemError::NoSuchFile });
        for (index, size) in sizes.iter().enumerate() {
            let name = sources.names.push(index.to_string().as_bytes());
            let problem = u32::from(size.is_none());
            sources.entries.push(Entry {
                name,
                folder: 0,
                problem,
                size: size.unwrap_or(0),
                modified_ns: 1,
            });
        }

        sources
    }

    pub(super) fn problem(&self, entry: &Entry) -> Option<&FileProblem> {
        Some(&self.problems[entry.problem.checked_sub(1)? as usize])
    }

    pub(super) fn path_bytes(&self, entry: &Entry) -> impl Iterator<Item = u8> {
        let folder = self.folders[entry.folder as usize].as_slice();
        let slash = if folder.is_empty() || folder.ends_with(b"/") { &b""[..] } else { b"/" };
        folder.iter().chain(slash).chain(self.names.get(entry.name)).copied()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A list of files in one folder, each a name, a size and a time.
    pub fn list(folder: &str, files: &[(&str, u64, i64)]) -> Sources {
        let mut sources = Sources { folders: vec![folder.into()], ..Sources::default() };
        for (name, size, modified_ns) in files {
            let name = sources.names.push(name.as_bytes());
            sources.entries.push(Entry {
                name,
                folder: 0,
                problem: 0,
                size: *size,
                modified_ns: *modified_ns,
            });
        }

        sources
    }

    #[test]
    fn paths_are_put_together_as_they_were_given() {
        for (folder, path) in [("", "a"), ("data", "data/a"), ("/", "/a"), ("./x", "./x/a")] {
            assert_eq!(list(folder, &[("a", 1, 2)]).get(0).path.to_str(), Some(path));
        }
    }
}
