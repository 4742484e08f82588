//! Checks that the outputs can be written, before hours of work.

use std::io;
use std::path::{Path, PathBuf};

use super::RunConfig;
use super::output::printed;
use crate::assemble::{followed, is_flow};
use crate::errors::{Exit, Failure};

/// Why something cannot be written where it was asked for. Exit code 3.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    #[error("cannot write `{0}`: it is a folder")]
    IsFolder(String),
    #[error("cannot write into `{0}`: it is not a folder")]
    NotFolder(String),
    #[error("cannot write `{file}`: there is no folder `{folder}`")]
    NoFolder { file: String, folder: PathBuf },
    #[error("cannot write into the folder `{folder}`")]
    NotWritable { folder: String, source: io::Error },
}

/// Checks that every output, the job log, the summary and the folder for one workbook per file can
/// be written.
///
/// Creates an unnamed temporary file in each folder, which is gone when this returns.
///
/// # Errors
/// The first place that cannot be written.
pub fn check_places(config: &RunConfig) -> Result<(), PlaceError> {
    check_files(config.files().chain(config.joblog.as_deref()).chain(config.summary.as_deref()))?;

    // The journal stands beside the link, not beside the file that the link leads to.
    config.work_folder().as_deref().map_or(Ok(()), check_parent)?;

    match config.per_file.as_deref() {
        Some(folder) if folder.is_dir() => check_folder(folder),
        Some(folder) if folder.exists() => Err(PlaceError::NotFolder(printed(folder))),
        // The run creates this folder itself.
        Some(folder) => check_parent(folder),
        None => Ok(()),
    }
}

/// Checks that files can be written: see [`check_places`].
///
/// # Errors
/// The first place that cannot be written.
pub fn check_files<'a>(files: impl Iterator<Item = &'a Path>) -> Result<(), PlaceError> {
    for file in files {
        if file.is_dir() {
            return Err(PlaceError::IsFolder(printed(file)));
        }
        if is_flow(file) {
            continue; // Writing to a pipe or a device needs no permission in its folder.
        }

        let not_writable = |source| PlaceError::NotWritable { folder: printed(file), source };
        check_parent(&followed(file).map_err(not_writable)?)?;
    }

    Ok(())
}

fn check_parent(file: &Path) -> Result<(), PlaceError> {
    let folder = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        // A bare file name is in the current folder.
        _ => Path::new("."),
    };

    if folder.is_dir() {
        check_folder(folder)
    } else if folder.exists() {
        Err(PlaceError::NotFolder(printed(folder)))
    } else {
        Err(PlaceError::NoFolder { file: printed(file), folder: folder.into() })
    }
}

fn check_folder(folder: &Path) -> Result<(), PlaceError> {
    // Trying is surer than reading the mode: the disk may be read-only, and root may do anything.
    match tempfile::tempfile_in(folder) {
        Ok(_) => Ok(()),
        Err(source) => Err(PlaceError::NotWritable { folder: printed(folder), source }),
    }
}

impl PlaceError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            PlaceError::IsFolder(path) => {
                Some(format!("name a file in it: `{}/final.xlsx`", path.trim_end_matches('/')))
            }
            PlaceError::NoFolder { folder, .. } => {
                Some(format!("make it first: `mkdir -p {}`", quoted(&printed(folder))))
            }
            PlaceError::NotFolder(_) | PlaceError::NotWritable { .. } => None,
        }
    }
}

/// A path, quoted for a shell.
fn quoted(path: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:@".contains(c);
    if path.chars().all(is_plain) && !path.starts_with('-') {
        return path.into();
    }

    format!("'{}'", path.replace('\'', "'\\''"))
}

impl From<PlaceError> for Failure {
    fn from(error: PlaceError) -> Failure {
        let hint = error.hint();
        Failure { hint, ..Failure::new(Exit::CouldNotRun, error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;
    use std::num::NonZeroUsize;

    fn check(typed: &[&str]) -> Result<(), PlaceError> {
        let Command::Run(args) = Cli::parse_from([&["sheaf", "run", "in"], typed].concat()).command
        else {
            panic!()
        };
        check_places(&RunConfig::resolve(&args, NonZeroUsize::MIN).unwrap())
    }

    #[test]
    fn places_that_cannot_be_written_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).into_os_string().into_string().unwrap();
        std::fs::create_dir(path("folder.csv")).unwrap();
        std::fs::write(path("file"), "").unwrap();
        assert!(
            check(&["-o", &path("a.csv"), "--joblog", &path("log"), "--per-file", &path("each")])
                .is_ok()
        );
        assert!(check(&["-o", &path("a.csv"), "--per-file", &path("folder.csv")]).is_ok());
        assert!(matches!(check(&["-o", &path("folder.csv")]), Err(PlaceError::IsFolder(_))));
        assert!(matches!(check(&["-o", &path("absent/a.csv")]), Err(PlaceError::NoFolder { .. })));
        assert!(matches!(check(&["-o", &path("file/a.csv")]), Err(PlaceError::NotFolder(_))));
        assert!(matches!(
            check(&["-o", &path("a.csv"), "--per-file", &path("file")]),
            Err(PlaceError::NotFolder(_))
        ));

        assert!(matches!(
            check(&["-o", &path("a.csv"), "--joblog", &path("absent/log")]),
            Err(PlaceError::NoFolder { .. })
        ));

        std::os::unix::fs::symlink("absent/target.csv", path("link.csv")).unwrap();
        assert!(matches!(check(&["-o", &path("link.csv")]), Err(PlaceError::NoFolder { .. })));
        std::os::unix::fs::symlink("circle.csv", path("circle.csv")).unwrap();
        assert!(matches!(check(&["-o", &path("circle.csv")]), Err(PlaceError::NotWritable { .. })));
        assert!(check(&["-o", "-", "-o", &path("a.csv")]).is_ok());
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            4,
            "the check leaves nothing behind"
        );
    }

    #[test]
    fn a_hint_can_be_typed_whatever_the_path() {
        assert_eq!(quoted("out/2024-01"), "out/2024-01");
        assert_eq!(quoted("my results"), "'my results'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }

    #[test]
    fn a_folder_that_takes_no_file_is_named() {
        // Not even root can create files in /proc.
        assert!(matches!(check(&["-o", "/proc/a.csv"]), Err(PlaceError::NotWritable { .. })));
    }
}
