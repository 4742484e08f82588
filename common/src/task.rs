//! The work on the queue.

use std::ffi::OsString;
use std::fs::Metadata;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::job::{JobSpec, TaskId, WorkerId};
use crate::numbers::{FileIndex, UnitNumber};
use crate::problem::FileProblem;
use crate::rows::{RowsKey, Slice};

/// A piece of work, complete in itself: a worker needs only the task, and the rows that it names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub id: TaskId,
    pub work: Work,
}

impl Task {
    /// The bytes of the files that are shipped in it.
    pub fn shipped_bytes(&self) -> usize {
        match &self.work {
            Work::Extract(extract) => shipped_bytes(&extract.files),
            Work::Render(_) | Work::Nap(_) => 0,
        }
    }

    /// The worker that the task is addressed to; `None`: any worker can do it.
    pub fn addressee(&self) -> Option<&WorkerId> {
        match &self.work {
            Work::Render(render) => render.stashed_by.as_ref(),
            Work::Extract(_) | Work::Nap(_) => None,
        }
    }
}

/// The kinds of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Work {
    /// Read files, give their rows.
    Extract(Extract),
    /// Turn rows into segments.
    Render(Render),
    /// Sleep: the work of `sheaf demo`, and of tests.
    Nap(Nap),
}

/// Reads some files and gives their rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Extract {
    pub spec: Arc<JobSpec>,
    pub files: Vec<SourceFile>,
}

/// One input file of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    pub sequence: FileIndex,
    pub path: SourcePath,
    /// Its size when it was discovered, in bytes.
    pub size: u64,
    /// Its modification time when it was discovered, in nanoseconds since 1970; 0 if unknown.
    pub modified: i64,
    pub content: Content,
}

impl SourceFile {
    /// A discovered file that the worker opens at its path.
    pub fn at_path(sequence: FileIndex, path: &Path, size: u64, modified: i64) -> Self {
        let (path, content) = (SourcePath::from(path), Content::AtPath);
        SourceFile { sequence, path, size, modified, content }
    }
}

/// A file's modification time in nanoseconds since 1970, as [`SourceFile::modified`] holds it.
pub fn modified_ns(metadata: &Metadata) -> i64 {
    metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec())
}

/// The bytes of the files that are shipped, in all.
pub fn shipped_bytes(files: &[SourceFile]) -> usize {
    let of = |file: &SourceFile| match &file.content {
        Content::Here(bytes) | Content::Packed(bytes) => bytes.len(),
        _ => 0,
    };
    files.iter().map(of).sum()
}

/// Where a worker finds a file's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// At its path.
    AtPath,
    /// At this absolute path ([`SourceFile::path`] may be relative to the coordinator's working
    /// directory).
    At(SourcePath),
    /// At this path, which has no symbolic link: a coordinator or a worker with roots has checked
    /// it. A worker with roots checks it again, as it must not trust the queue about links.
    Resolved(SourcePath),
    /// Here: they are shipped in the task.
    Here(#[serde(with = "serde_bytes")] Vec<u8>),
    /// Here, packed: see `extract/pack.rs` of the worker.
    Packed(#[serde(with = "serde_bytes")] Vec<u8>),
    /// Nowhere: they should have been shipped, and could not be read.
    Unreadable(FileProblem),
}

/// A path in the form of the system: bytes, not necessarily UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourcePath(#[serde(with = "serde_bytes")] pub Vec<u8>);

impl SourcePath {
    pub fn as_path(&self) -> &Path {
        Path::new(std::ffi::OsStr::from_bytes(&self.0))
    }

    /// The path for people and cells; bytes that are not UTF-8 become U+FFFD.
    pub fn display(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl From<&Path> for SourcePath {
    fn from(path: &Path) -> Self {
        SourcePath(path.as_os_str().as_bytes().to_vec())
    }
}

impl From<SourcePath> for PathBuf {
    fn from(path: SourcePath) -> Self {
        PathBuf::from(OsString::from_vec(path.0))
    }
}

/// Renders some units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Render {
    pub spec: Arc<JobSpec>,
    pub units: Vec<RenderUnit>,
    /// The worker that has some of the rows in its stash; `None`: all are on the queue.
    pub stashed_by: Option<WorkerId>,
}

impl Render {
    /// The blocks of rows that it names, each once for each run of consecutive pieces.
    pub fn rows(&self) -> Vec<RowsKey> {
        let pieces = self.units.iter().flat_map(|unit| &unit.pieces);
        let mut keys: Vec<RowsKey> = pieces.map(|piece| piece.rows).collect();
        keys.dedup();
        keys
    }
}

/// A unit to be rendered: consecutive rows whose place in the output is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenderUnit {
    /// Its place among the units of the job, from 0.
    pub number: UnitNumber,
    /// The place of its first row among all rows of the job, from 0.
    pub first_row: u64,
    /// The place of its first overflow row among all overflow rows of the job, from 0.
    pub first_overflow: u64,
    /// The rows, in order.
    pub pieces: Vec<Piece>,
}

/// Consecutive rows of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The block that has the rows.
    pub rows: RowsKey,
    /// The rows in that block.
    pub slice: Slice,
    /// The file of the rows.
    pub sequence: FileIndex,
    /// The place of the first row among the rows of its file, from 0.
    pub first_row: u64,
    /// The place of the first overflow row among those of its file, from 0.
    pub first_overflow: u64,
}

/// Sleeps for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nap {
    pub name: String,
    pub length: Duration,
}
