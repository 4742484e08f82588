//! The outcomes of tasks.

use serde::{Deserialize, Serialize};

use crate::job::TaskId;
use crate::notes::FileNotes;
use crate::numbers::{FileIndex, UnitNumber};
use crate::problem::FileProblem;
use crate::rows::{RowsKey, Slice, Stashed};

/// A task's result, as the coordinator collects it. Rows are not in it: they stay on the queue for
/// the render task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub task: TaskId,
    /// The worker and slot that did it, for the job log: `host:pid/slot`.
    pub slot: String,
    pub result: TaskResult,
}

impl Outcome {
    /// The bytes of its segments, with what formats say of them.
    pub fn segment_bytes(&self) -> usize {
        match &self.result {
            TaskResult::Rendered(units) => units
                .iter()
                .flat_map(|unit| &unit.segments)
                .map(|segment| segment.bytes.len() + segment.meta.len())
                .sum(),
            _ => 0,
        }
    }
}

/// The result by kind of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum TaskResult {
    Extracted(Extracted),
    Rendered(Vec<RenderedUnit>),
    /// The files that the task ships were no longer on the queue, so it was not begun: it must be
    /// pushed again.
    TaskLost,
    /// Blocks of rows that a render task needs are no longer on the queue, so none of its units was
    /// rendered: they must be extracted again.
    RowsLost(Vec<RowsKey>),
    /// A nap is over.
    NapEnded {
        name: String,
        seconds: f64,
    },
    /// News, not an end: workers vanished with the files of this task, so each is read while its
    /// worker does nothing else.
    ReadAlone {
        vanished: u32,
        files: u32,
        /// The path of the first file, for people.
        first: String,
    },
    /// News, not an end: how far a large file of this task is, or a nap.
    Reading(Reading),
    /// The task as a whole could not be done, and trying again is of no use (as an unreadable
    /// recipe).
    Failed {
        reason: String,
    },
}

/// How far a file is, or a nap: that one has begun at 0, and is over when all is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The file's; of a nap, the number of its task.
    pub sequence: FileIndex,
    /// The bytes of its text that are parsed, and all of them: unpacked and decoded. Of a nap, the
    /// milliseconds that are over.
    pub parsed: u64,
    pub of: u64,
}

/// The result of an extract task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Extracted {
    /// One for each file of the task, in its order.
    pub reports: Vec<FileReport>,
    /// Names its rows: see [`RowsKey::edition`].
    pub edition: u64,
    /// The blocks that did not go onto the queue.
    pub stashed: Option<Stashed>,
}

/// The result of one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileReport {
    pub sequence: FileIndex,
    pub status: FileStatus,
    /// Bytes read from the file, before unpacking.
    pub bytes: u64,
    /// Bytes after unpacking; 0 if it came not so far.
    pub unpacked: u64,
    /// The encoding that was used, as the Encoding Standard names it; empty if it came not so far.
    pub encoding: String,
    /// How many characters had to be replaced in decoding.
    pub replaced: u64,
    /// How often the file was tried: 1 when all went well; 0 when its reading could not begin.
    pub attempts: u32,
    /// When the last attempt began, in milliseconds since 1970, by the worker's clock.
    pub started_ms: u64,
    /// How long the last attempt took.
    pub seconds: f64,
    /// Notes about a file that is done; else empty.
    pub notes: FileNotes,
}

/// Whether a file gave its rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FileStatus {
    /// Its rows, in slices of about 1 MiB, in order; none when no record was inside.
    Done { slices: Vec<Slice>, truncated_cells: u64 },
    /// It cannot be read as it is; trying again would give the same.
    Failed(FileProblem),
    /// It killed its child on every attempt.
    Dead(FileProblem),
}

impl FileStatus {
    /// How many rows the file gave.
    pub fn rows(&self) -> u64 {
        match self {
            FileStatus::Done { slices, .. } => {
                slices.iter().map(|slice| u64::from(slice.rows)).sum()
            }
            FileStatus::Failed(_) | FileStatus::Dead(_) => 0,
        }
    }

    /// Why the file gave no rows; `None`: it gave them.
    pub fn problem(&self) -> Option<&FileProblem> {
        match self {
            FileStatus::Done { .. } => None,
            FileStatus::Failed(problem) | FileStatus::Dead(problem) => Some(problem),
        }
    }
}

/// The segments that a unit was rendered to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenderedUnit {
    /// As in [`crate::task::RenderUnit::number`].
    pub number: UnitNumber,
    pub segments: Vec<Segment>,
}

/// The finished bytes of a unit in one stream of an output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    pub stream: Stream,
    /// As they go into the output. Deflated ones end on a byte, without a final block, so that they
    /// can be joined.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
    /// CRC-32 (IEEE) of the content before compression; 0 where no CRC-32 is asked for.
    pub crc32: u32,
    /// Length of the content before compression, in bytes.
    pub length: u64,
    /// What its format wants to know of it when the output is put together. Only the format reads
    /// it; empty: nothing.
    #[serde(with = "serde_bytes")]
    pub meta: Vec<u8>,
}

/// A sequence of segments that concatenate to one part of one output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stream {
    pub target: Target,
    /// Which part of it: its format numbers them.
    pub part: u32,
}

/// What a segment is rendered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Target {
    /// The outputs of the rendering with this index in [`crate::job::JobSpec::renderings`].
    Rendering(u32),
    /// The own workbook of the file with this index.
    File(FileIndex),
}

impl Target {
    /// The rendering at this index.
    ///
    /// # Panics
    /// A command has no 2^32 renderings.
    pub fn rendering(index: usize) -> Self {
        Target::Rendering(u32::try_from(index).expect("a few renderings"))
    }
}

impl Stream {
    /// The file whose own workbook it is a part of, if it is of one.
    pub fn file(self) -> Option<FileIndex> {
        match self.target {
            Target::File(sequence) => Some(sequence),
            Target::Rendering(_) => None,
        }
    }
}

impl FileReport {
    /// The report about a file whose reading could not begin.
    pub fn unreadable(sequence: FileIndex, problem: FileProblem) -> Self {
        FileReport::new(sequence, FileStatus::Failed(problem))
    }

    /// A report that holds a status and no figures.
    pub fn new(sequence: FileIndex, status: FileStatus) -> Self {
        FileReport {
            sequence,
            status,
            bytes: 0,
            unpacked: 0,
            encoding: String::new(),
            replaced: 0,
            attempts: 0,
            started_ms: 0,
            seconds: 0.0,
            notes: FileNotes::default(),
        }
    }
}
