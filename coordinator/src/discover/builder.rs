//! Gathers the files that are found, and recognises those that are found twice.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sheaf_common::problem::FileProblem;
use sheaf_common::task::modified_ns;
use sheaf_format::per_file;

use super::problem;
use super::sources::{Entry, Sources, index_of};
use super::unwanted::LeftOut;

/// The identity of a folder, whatever path leads to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Inode {
        device: u64,
        inode: u64,
    },
    /// It does not exist: its path, as it was given.
    Absent(Vec<u8>),
}

impl Place {
    /// The identity of a folder that exists.
    pub fn of(metadata: &Metadata) -> Self {
        Place::Inode { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// Gathers entries, and recognises those that are the same file.
pub(super) struct Builder {
    sources: Sources,
    /// The index of each folder, by its path as it was written.
    written: HashMap<Vec<u8>, u32>,
    /// For each folder of the list, the index of its place: two paths may lead to one place.
    place_of: Vec<u32>,
    places: HashMap<Place, u32>,
    /// How often each place was entered. Files can repeat only in places that were entered twice.
    entered: Vec<u32>,
    problems: HashMap<FileProblem, u32>,
    /// The names that the run itself writes, by their folder.
    own: HashMap<Place, Vec<Vec<u8>>>,
    /// The folder with one workbook per file, if it exists.
    per_file: Option<Place>,
}

impl Builder {
    /// `own`: the paths that the run itself writes. `per_file`: the folder of `--per-file`.
    pub fn new(own: &[PathBuf], per_file: Option<&Path>) -> Self {
        let mut own_names: HashMap<Place, Vec<Vec<u8>>> = HashMap::new();
        for path in own {
            let bytes = path.as_os_str().as_bytes();

            // A folder may be given with a `/` at its end.
            let (folder, name) = split(bytes.strip_suffix(b"/").unwrap_or(bytes));

            // Discovery finds nothing in a folder that does not exist, so there is nothing to leave
            // out.
            if let Ok(metadata) = fs::metadata(path_of(folder)) {
                own_names.entry(Place::of(&metadata)).or_default().push(name.into());
            }
        }

        Builder {
            sources: Sources::default(),
            written: HashMap::new(),
            place_of: Vec::new(),
            places: HashMap::new(),
            entered: Vec::new(),
            problems: HashMap::new(),
            own: own_names,
            per_file: per_file.and_then(|folder| Some(Place::of(&fs::metadata(folder).ok()?))),
        }
    }

    /// The index of the folder with this path. `metadata` is that of the folder, if it is known
    /// already.
    pub fn folder(&mut self, written: &[u8], metadata: Option<&Metadata>) -> u32 {
        if let Some(&folder) = self.written.get(written) {
            self.entered[self.place_of[folder as usize] as usize] += 1;
            return folder;
        }

        // Two paths may lead to one place.
        let place = match metadata {
            Some(metadata) => Place::of(metadata),
            None => fs::metadata(path_of(written))
                .map_or_else(|_| Place::Absent(written.into()), |found| Place::of(&found)),
        };

        let next = index_of(self.entered.len());
        let place = *self.places.entry(place).or_insert(next);
        if place == next {
            self.entered.push(0);
        }

        self.entered[place as usize] += 1;
        let folder = index_of(self.sources.folders.len());
        self.sources.folders.push(written.into());
        self.place_of.push(place);
        self.written.insert(written.into(), folder);

        folder
    }

    /// The names that the run itself writes in this folder.
    pub fn own_names(&self, place: &Place) -> Vec<Vec<u8>> {
        self.own.get(place).cloned().unwrap_or_default()
    }

    /// Whether this is a workbook in the folder of `--per-file`, which an earlier run wrote.
    pub fn is_own_workbook(&self, folder: &Place, name: &[u8]) -> bool {
        let own = per_file().extension();
        let extension = name.len().checked_sub(own.len()).map(|at| &name[at..]);
        self.per_file.as_ref() == Some(folder)
            && extension.is_some_and(|end| end.eq_ignore_ascii_case(own.as_bytes()))
    }

    /// Whether the run itself writes this file. If so, it is counted as left out.
    pub fn leaves_out_own(&mut self, folder: &[u8], name: &[u8]) -> bool {
        let Ok(metadata) = fs::metadata(path_of(folder)) else { return false };
        let place = Place::of(&metadata);
        let own = self.own.get(&place).is_some_and(|names| names.iter().any(|own| own == name));
        let is_own = own || self.is_own_workbook(&place, name);
        self.sources.left_out.own += u64::from(is_own);

        is_own
    }

    /// Counts files and folders that are not read.
    pub fn leave_out(&mut self, more: LeftOut) {
        self.sources.left_out.unwanted += more.unwanted;
        self.sources.left_out.own += more.own;
    }

    /// Adds a file: its metadata, or why it cannot be read.
    pub fn file(&mut self, folder: u32, name: &[u8], found: Result<Metadata, FileProblem>) {
        // A pipe or a device would block its reader for ever.
        let found = found.and_then(|metadata| match problem::of_type(metadata.file_type()) {
            None => Ok(metadata),
            Some(problem) => Err(problem),
        });

        let name = self.sources.names.push(name);
        let entry = match found {
            Ok(metadata) => {
                let modified_ns = modified_ns(&metadata);
                Entry { name, folder, problem: 0, size: metadata.len(), modified_ns }
            }
            Err(problem) => {
                Entry { name, folder, problem: self.problem(problem), size: 0, modified_ns: 0 }
            }
        };

        self.sources.entries.push(entry);
    }

    fn problem(&mut self, problem: FileProblem) -> u32 {
        *self.problems.entry(problem).or_insert_with_key(|problem| {
            self.sources.problems.push(problem.clone());
            index_of(self.sources.problems.len())
        })
    }

    /// Drops every entry whose place and name came before, and returns the list.
    pub fn finish(mut self) -> Sources {
        let Sources { names, entries, .. } = &self.sources;
        let place = |entry: &Entry| self.place_of[entry.folder as usize];
        let key =
            |index: u32| (place(&entries[index as usize]), names.get(entries[index as usize].name));

        // Only files of places that were entered twice can repeat. They are few, so only these are
        // sorted.
        let mut suspects: Vec<u32> = (0..index_of(entries.len()))
            .filter(|index| self.entered[place(&entries[*index as usize]) as usize] > 1)
            .collect();

        // By index at last, so that the first of equal ones stays.
        suspects.sort_unstable_by(|a, b| key(*a).cmp(&key(*b)).then(a.cmp(b)));

        let mut repeated: Vec<u32> = suspects
            .windows(2)
            .filter(|pair| key(pair[0]) == key(pair[1]))
            .map(|pair| pair[1])
            .collect();
        repeated.sort_unstable();

        let mut index = 0;
        let mut repeated = repeated.into_iter().peekable();
        self.sources.entries.retain(|_| {
            index += 1;
            repeated.next_if_eq(&(index - 1)).is_none()
        });

        self.sources.entries.shrink_to_fit();
        self.sources.names.shrink();

        self.sources
    }
}

/// The path of a folder as it is written in front of names; empty is the current folder.
pub(super) fn path_of(written: &[u8]) -> PathBuf {
    let written = if written.is_empty() { b"." } else { written };
    PathBuf::from(std::ffi::OsString::from_vec(written.into()))
}

/// Splits a path into its folder and its last name; joined, they are the path again.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(0) => (b"/", &path[1..]),
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}
