//! Inputs → list: named files, folders that are walked, the list on standard input.

use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sheaf_common::problem::FileProblem;

use super::builder::{Builder, split};
use super::filter::Filter;
use super::problem;
use super::sources::{Source, Sources};
use super::unwanted::LeftOut;
use super::walk::Walk;
use crate::errors::{Exit, Failure};
use crate::human::{count, shown};
use crate::report::left_out;

/// One argument INPUT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A file or a folder.
    Path(PathBuf),
    /// A list of paths on standard input.
    Stdin,
}

/// The files to look for, and those to leave out.
pub struct Request<'a> {
    /// In order.
    pub inputs: &'a [Input],
    pub filter: &'a Filter,
    /// The places that the run itself writes: files there are left out.
    pub own: &'a [PathBuf],
    /// The folder of `--per-file`: the workbooks in it are left out.
    pub per_file: Option<&'a Path>,
}

/// Why there is nothing to read.
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

/// Finds all files. `stdin` is read only if it is one of the inputs.
///
/// A file that cannot be read is in the list with its problem. A file found twice (with the same
/// folder and name, whatever path led to the folder) counts once, where it was found first. Hard
/// links with other names are other files.
///
/// # Errors
/// When no file can be read, or standard input cannot.
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

    // True for an empty list, too.
    if sources.problem_count() == sources.len() {
        return Err(nothing(&sources, request.filter));
    }

    Ok(sources)
}

/// Splits a list of paths: at NULs if there are any, else at line ends. Empty paths are dropped.
pub fn paths_in(list: &[u8]) -> impl Iterator<Item = &Path> {
    // NULs come from `find -print0`: then every other byte may be part of a name. Lines may come
    // from Windows, and end in `\r\n`.
    let nul = list.contains(&0);
    let separator = if nul { 0 } else { b'\n' };

    let parts = list.split(move |byte| *byte == separator);
    let parts =
        parts.map(move |part| if nul { part } else { part.strip_suffix(b"\r").unwrap_or(part) });

    parts.filter(|part| !part.is_empty()).map(|part| Path::new(std::ffi::OsStr::from_bytes(part)))
}

fn add(builder: &mut Builder, filter: &Filter, path: &Path) {
    match fs::metadata(path) {
        // A shell's `*` may name the work folder of an earlier run.
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

fn nothing(sources: &Sources, filter: &Filter) -> DiscoverError {
    let words =
        |source: &Source<'_>| source.problem.map(FileProblem::to_string).unwrap_or_default();
    DiscoverError::Nothing(match sources.iter().next() {
        // A single input says its own reason, without a count.
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
            // Files that the run itself writes cannot be read with any option.
            DiscoverError::LeftOut(left_out) if left_out.unwanted > 0 => {
                Failure::new(Exit::Usage, error)
                    .with_hint("`--hidden` reads hidden files and folders, too")
            }
            DiscoverError::LeftOut(_) => Failure::new(Exit::Usage, error),
            DiscoverError::Stdin(_) => Failure::new(Exit::CouldNotRun, error),
        }
    }
}
