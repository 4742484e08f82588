//! Which files to read: options that `run` and `submit` share.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use sheaf_common::units::at_least_one;

#[derive(Debug, Clone, Args)]
pub struct InputArgs {
    /// Files, folders (with all that is below them), or `-` for a list of paths on standard input
    ///
    /// The rows come in the order of the inputs; within a folder in natural order, `file_2` before
    /// `file_10`. A list on standard input has one path per line, or is separated by NULs. Files
    /// that end in .gz, .bz2, .zst or .xz are read through.
    #[arg(value_name = "INPUT", required = true)]
    pub inputs: Vec<PathBuf>,

    /// Within folders, read only the files that match; repeatable
    ///
    /// A glob matches the file's name (`*.html`) or its path below the INPUT folder
    /// (`2024/**/*.html`), ignoring case.
    #[arg(long, value_name = "GLOB", help_heading = "What to read")]
    pub include: Vec<String>,

    /// Also read hidden files and folders (`.git`), `__MACOSX`, `Thumbs.db` and `desktop.ini`
    ///
    /// By default they are skipped inside folders. A file or folder that you name yourself is
    /// always read.
    #[arg(long, help_heading = "What to read")]
    pub hidden: bool,

    /// Within folders, leave out the files and whole folders that match; repeatable
    #[arg(long, value_name = "GLOB", help_heading = "What to read")]
    pub exclude: Vec<String>,

    /// Read only the first N files
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true, help_heading = "What to read")]
    pub limit: Option<NonZeroUsize>,
}
