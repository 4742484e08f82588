//! Problems that are found while files are listed.

use std::fs::FileType;
use std::io;

use sheaf_common::problem::{FileProblem, NonFile, Step, SystemError};

/// Why a path cannot be examined. `link`: it is a symbolic link.
pub fn of_path(error: &io::Error, link: bool) -> FileProblem {
    FileProblem::System { step: Step::Find, error: SystemError::of_path(error, link) }
}

/// Why a folder's entries cannot be listed.
pub fn of_folder(error: &io::Error) -> FileProblem {
    FileProblem::System { step: Step::List, error: SystemError::of_path(error, false) }
}

/// Why something that is no folder cannot be read; `None` for a regular file.
pub fn of_type(kind: FileType) -> Option<FileProblem> {
    NonFile::of(kind).map(FileProblem::NotAFile)
}
