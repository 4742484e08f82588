//! Walks a folder and everything below it.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use sheaf_common::problem::FileProblem;

use super::arena::{Arena, Span};
use super::builder::{Builder, Place, path_of};
use super::filter::Filter;
use super::unwanted::{LeftOut, is_unwanted};
use super::{natural, problem};

/// A walk through one input folder. Symbolic links are followed; one that leads back to a folder
/// above it is reported.
pub(super) struct Walk<'a> {
    builder: &'a mut Builder,
    filter: &'a Filter,
    /// The folders from the input to where the walk is.
    open: Vec<Open>,
    /// The folders walked so far. A folder that is reached again has nothing new, and links that
    /// fan out and meet again would double the walk at each step.
    walked: HashSet<Place>,
    /// Length of the input folder's path; filters match only what follows it.
    root: usize,
}

/// A folder that is being walked.
struct Open {
    place: Place,
    /// Its path, as it is written in front of names.
    written: Vec<u8>,
    folder: u32,
    listing: Listing,
    /// How many names of the listing are done.
    done: usize,
}

/// The sorted names in a folder, in two allocations, however many there are.
#[derive(Default)]
struct Listing {
    names: Arena,
    sorted: Vec<Span>,
}

impl<'a> Walk<'a> {
    pub fn new(builder: &'a mut Builder, filter: &'a Filter) -> Self {
        Walk { builder, filter, open: Vec::new(), walked: HashSet::new(), root: 0 }
    }

    /// Adds all files below `input`, a folder with this metadata.
    pub fn run(mut self, input: &Path, metadata: &Metadata) {
        let written = as_written(input.as_os_str().as_bytes());
        self.root = if written.is_empty() || written.ends_with(b"/") {
            written.len()
        } else {
            written.len() + 1
        };

        self.enter(written.to_vec(), metadata, None);

        // Not recursive: a tree may be deeper than the stack.
        while let Some(open) = self.open.last_mut() {
            match open.listing.sorted.get(open.done) {
                Some(&span) => {
                    open.done += 1;
                    let name = open.listing.names.get(span).to_vec();
                    self.visit(&name);
                }
                None => drop(self.open.pop()),
            }
        }
    }

    /// Visits one name in the innermost open folder.
    fn visit(&mut self, name: &[u8]) {
        let open = self.open.last().expect("a name is visited in an open folder");
        let folder = open.folder;
        let path = join(&open.written, name);
        let below = Path::new(std::ffi::OsStr::from_bytes(&path[self.root..]));

        // Before the metadata is read, so that an excluded folder costs nothing.
        if !self.filter.takes_folder(below) {
            return;
        }

        let on_disk = path_of(&path);
        let found =
            fs::metadata(&on_disk).map_err(|error| problem::of_path(&error, on_disk.is_symlink()));
        let is_folder = found.as_ref().is_ok_and(Metadata::is_dir);

        // An unwanted file that `--include` would not read is not counted: it is not missed.
        if !self.filter.reads_hidden() && is_unwanted(name) {
            let unwanted = u64::from(is_folder || self.filter.takes_file(below));
            return self.builder.leave_out(LeftOut { unwanted, own: 0 });
        }

        // Otherwise a second run over the folder would read the workbooks of the first.
        if !is_folder && self.builder.is_own_workbook(&open.place, name) {
            return self.builder.leave_out(LeftOut { unwanted: 0, own: 1 });
        }

        match found {
            Ok(metadata) if metadata.is_dir() => self.enter(path, &metadata, Some((folder, name))),
            found if self.filter.takes_file(below) => self.builder.file(folder, name, found),
            _ => {}
        }
    }

    /// Opens a folder, or adds the reason why it cannot be opened under its name in the folder
    /// above. `within`: that folder and name; `None` for the input itself.
    fn enter(&mut self, written: Vec<u8>, metadata: &Metadata, within: Option<(u32, &[u8])>) {
        let place = Place::of(metadata);
        if self.open.iter().any(|open| open.place == place) {
            return self.trouble(&written, within, FileProblem::FolderLoop);
        }

        // With a filter, another path may lead to other files.
        if !self.walked.insert(place.clone()) && self.filter.takes_all() {
            return;
        }

        // Names that were listed before an error are read all the same.
        let mut listing = Listing::default();
        if let Err(error) = list(&written, &self.builder.own_names(&place), &mut listing) {
            self.trouble(&written, within, problem::of_folder(&error));
        }

        let folder = self.builder.folder(&written, Some(metadata));
        self.open.push(Open { place, written, folder, listing, done: 0 });
    }

    fn trouble(&mut self, written: &[u8], within: Option<(u32, &[u8])>, problem: FileProblem) {
        match within {
            Some((folder, name)) => self.builder.file(folder, name, Err(problem)),
            None => {
                // The input itself: its path is the name, without a folder in front.
                let root = self.builder.folder(b"", None);
                self.builder.file(
                    root,
                    if written.is_empty() { b"." } else { written },
                    Err(problem),
                );
            }
        }
    }
}

/// Reads the names in a folder, except for those in `own`. After an error the listing holds the
/// names that could be read.
fn list(written: &[u8], own: &[Vec<u8>], listing: &mut Listing) -> io::Result<()> {
    let read = fs::read_dir(path_of(written)).and_then(|mut entries| {
        entries.try_for_each(|entry| {
            let name = entry?.file_name();
            if !own.iter().any(|own| own == name.as_bytes()) {
                listing.sorted.push(listing.names.push(name.as_bytes()));
            }

            Ok(())
        })
    });

    let Listing { names, sorted } = listing;

    // After an error, too: the names that were read are still used.
    sorted.sort_unstable_by(|a, b| natural::compare(names.get(*a), names.get(*b)));

    read
}

/// The path of a folder as it is written in front of names: `data/` as `data`, `.` as nothing.
fn as_written(path: &[u8]) -> &[u8] {
    // A path of nothing but `/` is the root, and keeps one.
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(1, |at| at + 1);
    match &path[..end.min(path.len())] {
        b"." => b"",
        path => path,
    }
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let slash = if folder.is_empty() || folder.ends_with(b"/") { &b""[..] } else { b"/" };
    [folder, slash, name].concat()
}
