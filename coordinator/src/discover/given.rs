//! From the arguments to a list: files as they are named, folders walked, the list on standard
//! input.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sheaf_common::problem::FileProblem;
use sheaf_common::task::modified_ns;
use sheaf_format::per_file;

use super::problem;
use super::sources::{Entry, Source, Sources};
use super::unwanted::LeftOut;
use super::walk::Walk;
use crate::config::{Filter, Input};
use crate::errors::{Exit, Failure};
use crate::human::{count, shown};
use crate::report::left_out;

/// Which files to look for, and which to leave out.
pub struct Request<'a> {
    /// In order.
    pub inputs: &'a [Input],
    pub filter: &'a Filter,
    /// What the run itself writes: left out where it lies in a folder.
    pub own: &'a [PathBuf],
    /// The folder for one workbook per file: the workbooks in it are left out.
    pub per_file: Option<&'a Path>,
}

/// Why there is nothing to do.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    #[error("there is no file to read{0}")]
    Nothing(String),
    #[error("there is no file to read that `--include` and `--exclude` let pass")]
    Filtered,
    #[error("there is no file to read: {}", left_out(*.0))]
    LeftOut(LeftOut),
    #[error("could not read the list of paths on standard input")]
    Stdin(#[source] io::Error),
}

/// Finds all files; `stdin` is read if the inputs ask for it.
///
/// What cannot be read is an entry with a problem, in its place. Files found twice (by one folder
/// and name, whatever way led to the folder) count once, at their first place; hard links of other
/// names are other files.
///
/// # Errors
/// When no file is found at all, and when standard input cannot be read.
pub fn discover(request: &Request<'_>, stdin: &mut dyn Read) -> Result<Sources, DiscoverError> {
    let mut builder = Builder::new(request.own, request.per_file);
    for input in request.inputs {
        match input {
            Input::Path(path) => add(&mut builder, request.filter, path),
            Input::Stdin => {
                let mut list = Vec::new();
                stdin.read_to_end(&mut list).map_err(DiscoverError::Stdin)?;

                paths_in(&list).for_each(|path| add(&mut builder, request.filter, path));
            }
        }
    }

    let sources = builder.finish();

    // An empty list ends here, too: it has no file without a problem.
    if sources.problem_count() == sources.len() {
        return Err(nothing(&sources, request.filter));
    }

    Ok(sources)
}

/// Parts a list of paths: by NUL if there is any, else by line. Empty ones do not count.
fn paths_in(list: &[u8]) -> impl Iterator<Item = &Path> {
    let nul = list.contains(&0);
    let separator = if nul { 0 } else { b'\n' };

    let parts = list.split(move |byte| *byte == separator);
    let parts =
        parts.map(move |part| if nul { part } else { part.strip_suffix(b"\r").unwrap_or(part) });

    parts.filter(|part| !part.is_empty()).map(|part| Path::new(std::ffi::OsStr::from_bytes(part)))
}

fn add(builder: &mut Builder, filter: &Filter, path: &Path) {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            let written = path.as_os_str().as_bytes();
            let (folder, name) = split(written.strip_suffix(b"/").unwrap_or(written));
            if !builder.leaves_out_own(folder, name) {
                Walk::new(builder, filter).run(path, &metadata);
            }
        }
        found => {
            let (folder, name) = split(path.as_os_str().as_bytes());
            if builder.leaves_out_own(folder, name) {
                return;
            }

            let folder = builder.folder(folder, None);
            builder.file(
                folder,
                name,
                found.map_err(|error| problem::of_path(&error, path.is_symlink())),
            );
        }
    }
}

/// Parts a path into its folder and its last name, so that both put together are the path again.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(0) => (b"/", &path[1..]),
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}

fn nothing(sources: &Sources, filter: &Filter) -> DiscoverError {
    let words =
        |source: &Source<'_>| source.problem.map(FileProblem::to_string).unwrap_or_default();
    DiscoverError::Nothing(match sources.iter().next() {
        Some(first) if sources.len() == 1 => {
            format!(": `{}`: {}", shown(first.path.as_os_str().as_bytes()), words(&first))
        }
        Some(first) => format!(
            ": {} cannot be read (the first is `{}`: {})",
            count(sources.len() as u64, "input"),
            shown(first.path.as_os_str().as_bytes()),
            words(&first)
        ),
        None if !sources.left_out.is_none() => return DiscoverError::LeftOut(sources.left_out),
        None if filter.takes_all() => ": the inputs are empty".into(),
        None => return DiscoverError::Filtered,
    })
}

impl From<DiscoverError> for Failure {
    fn from(error: DiscoverError) -> Failure {
        match error {
            DiscoverError::Filtered => Failure::new(Exit::Usage, error).with_hint(
                "a pattern matches a file's name (`*.html`) or its path below the folder \
                     (`2024/*.html`)",
            ),
            DiscoverError::Nothing(_) => Failure::new(Exit::Usage, error)
                .with_hint("name files, folders, or `-` for a list of paths on standard input"),
            DiscoverError::LeftOut(left_out) if left_out.unwanted > 0 => {
                Failure::new(Exit::Usage, error)
                    .with_hint("`--hidden` reads hidden files and folders, too")
            }
            DiscoverError::LeftOut(_) => Failure::new(Exit::Usage, error),
            DiscoverError::Stdin(_) => Failure::new(Exit::CouldNotRun, error),
        }
    }
}

/// Where a folder is, whatever way leads to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Inode {
        device: u64,
        inode: u64,
    },
    /// It does not exist; its path as it was given.
    Absent(Vec<u8>),
}

impl Place {
    pub fn of(metadata: &Metadata) -> Self {
        Place::Inode { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// Gathers entries, and knows which of them are the same file.
pub(super) struct Builder {
    sources: Sources,
    /// The folders by the way in which they are written.
    written: HashMap<Vec<u8>, u32>,
    /// For each folder of the list, the number of its place.
    place_of: Vec<u32>,
    places: HashMap<Place, u32>,
    /// How often each place was begun to be filled; files can only repeat where it is more than
    /// once.
    begun: Vec<u32>,
    problems: HashMap<FileProblem, u32>,
    own: HashMap<Place, Vec<Vec<u8>>>,
    /// The folder with one workbook per file, if it exists.
    per_file: Option<Place>,
}

impl Builder {
    pub fn new(own: &[PathBuf], per_file: Option<&Path>) -> Self {
        let mut places: HashMap<Place, Vec<Vec<u8>>> = HashMap::new();
        for path in own {
            let bytes = path.as_os_str().as_bytes();
            let (folder, name) = split(bytes.strip_suffix(b"/").unwrap_or(bytes));

            // In a folder that does not exist, nothing is found that had to be left out.
            if let Ok(metadata) = fs::metadata(path_of(folder)) {
                places.entry(Place::of(&metadata)).or_default().push(name.into());
            }
        }

        Builder {
            sources: Sources::default(),
            written: HashMap::new(),
            place_of: Vec::new(),
            places: HashMap::new(),
            begun: Vec::new(),
            problems: HashMap::new(),
            own: places,
            per_file: per_file.and_then(|folder| Some(Place::of(&fs::metadata(folder).ok()?))),
        }
    }

    /// The number of a folder that is written so. `metadata`: of the folder, if it is known
    /// already.
    pub fn folder(&mut self, written: &[u8], metadata: Option<&Metadata>) -> u32 {
        if let Some(&folder) = self.written.get(written) {
            self.begun[self.place_of[folder as usize] as usize] += 1;
            return folder;
        }

        // Two ways to write a folder may lead to one place.
        let place = match metadata {
            Some(metadata) => Place::of(metadata),
            None => fs::metadata(path_of(written))
                .map_or_else(|_| Place::Absent(written.into()), |found| Place::of(&found)),
        };

        let next = self.begun.len() as u32;
        let place = *self.places.entry(place).or_insert(next);
        if place == next {
            self.begun.push(0);
        }

        self.begun[place as usize] += 1;
        let folder = self.sources.folders.len() as u32;
        self.sources.folders.push(written.into());
        self.place_of.push(place);
        self.written.insert(written.into(), folder);

        folder
    }

    /// The names in this folder that the run itself writes.
    pub fn own_names(&self, place: &Place) -> Vec<Vec<u8>> {
        self.own.get(place).cloned().unwrap_or_default()
    }

    /// Whether this is a workbook in the folder for one workbook per file: an earlier run wrote it
    /// there.
    pub fn is_own_workbook(&self, folder: &Place, name: &[u8]) -> bool {
        let own = per_file().extension();
        let extension = name.len().checked_sub(own.len()).map(|at| &name[at..]);
        self.per_file.as_ref() == Some(folder)
            && extension.is_some_and(|end| end.eq_ignore_ascii_case(own.as_bytes()))
    }

    /// Whether the run itself writes what is named here; if so, it is counted as left out.
    fn leaves_out_own(&mut self, folder: &[u8], name: &[u8]) -> bool {
        let Ok(metadata) = fs::metadata(path_of(folder)) else { return false };
        let place = Place::of(&metadata);
        let own = self.own.get(&place).is_some_and(|names| names.iter().any(|own| own == name));
        let is_own = own || self.is_own_workbook(&place, name);
        self.sources.left_out.own += u64::from(is_own);

        is_own
    }

    /// Counts something in a folder that is not read.
    pub fn leave_out(&mut self, more: LeftOut) {
        self.sources.left_out.unwanted += more.unwanted;
        self.sources.left_out.own += more.own;
    }

    /// Adds what was found under a name: what it is, or why it cannot be looked at.
    pub fn file(&mut self, folder: u32, name: &[u8], found: Result<Metadata, FileProblem>) {
        let found = found.and_then(|metadata| match problem::of_type(metadata.file_type()) {
            None => Ok(metadata),
            Some(problem) => Err(problem),
        });

        let name = self.sources.names.keep(name);
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
            self.sources.problems.len() as u32
        })
    }

    /// Drops every entry whose folder and name came before, and gives the list.
    pub fn finish(mut self) -> Sources {
        let Sources { names, entries, .. } = &self.sources;
        let place = |entry: &Entry| self.place_of[entry.folder as usize];
        let key =
            |index: u32| (place(&entries[index as usize]), names.get(entries[index as usize].name));

        // Few files can repeat at all: only these are sorted.
        let mut suspects: Vec<u32> = (0..entries.len() as u32)
            .filter(|index| self.begun[place(&entries[*index as usize]) as usize] > 1)
            .collect();
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

/// The path of a folder as it is written in front of names: empty is the current one.
pub(super) fn path_of(written: &[u8]) -> PathBuf {
    let written = if written.is_empty() { b"." } else { written };
    PathBuf::from(std::ffi::OsString::from_vec(written.into()))
}
