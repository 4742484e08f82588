//! The outcomes of tasks.

use serde::{Deserialize, Serialize};

use crate::job::{TaskId, WorkerId};
use crate::notes::FileNotes;
use crate::task::RowsKey;

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
    /// The bytes of its segments.
    pub fn segment_bytes(&self) -> usize {
        match &self.result {
            TaskResult::Rendered(units) => units
                .iter()
                .flat_map(|unit| &unit.segments)
                .map(|segment| segment.bytes.len())
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
    pub sequence: u64,
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
    pub kept: Option<Kept>,
}

/// Blocks of rows that a worker keeps: it alone can render them, as long as it lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub by: WorkerId,
    /// Ascending.
    pub blocks: Vec<u32>,
}

/// The result of one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileReport {
    pub sequence: u64,
    pub status: FileStatus,
    /// Bytes read from the file, before unpacking.
    pub bytes: u64,
    /// Bytes after unpacking; 0 if it came not so far.
    pub unpacked: u64,
    /// The encoding that was used, as the Encoding Standard names it; empty if it came not so far.
    pub encoding: String,
    /// How many characters had to be replaced in decoding.
    pub replaced: u64,
    /// How often the file was tried: 1 when all went well.
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
    Failed { reason: String },
    /// It killed its child on every attempt.
    Dead { reason: String },
}

/// Consecutive rows of one file within a block of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Slice {
    /// The number of the block among those of its task, from 0.
    pub block: u32,
    /// Where in the block, in bytes.
    pub offset: u32,
    /// How long, in bytes.
    pub length: u32,
    pub rows: u32,
    /// The overflow rows that these rows need.
    pub overflow: u32,
    /// The cells of these rows that are continued there.
    pub long_cells: u32,
}

/// The segments that a unit was rendered to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenderedUnit {
    /// As in [`crate::task::RenderUnit::number`].
    pub number: u64,
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
    /// CRC-32 (IEEE) of the content before compression.
    pub crc32: u32,
    /// Length of the content before compression, in bytes.
    pub length: u64,
    /// The room that the first rows of a workbook need; only the segment that begins its first sheet
    /// has it.
    pub look: Option<Look>,
}

/// The room that the first rows of a sheet need to be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// The width of each column, in digits of the default font.
    pub widths: Vec<u8>,
    /// The lines down to the first that is not blank: 1 where texts begin with text.
    pub lines: u8,
}

/// A sequence of segments that concatenate to one part of one output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Stream {
    /// The whole text of the rendering with this index in [`crate::job::JobSpec::renderings`].
    Text { rendering: u16 },
    /// The rows of a sheet of the workbook.
    Sheet(Sheet),
    /// The rows of a sheet of one file's own workbook.
    FileSheet { sequence: u64, sheet: Sheet },
}

/// A sheet of a workbook, numbered from 0 where rows go past a sheet's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Sheet {
    Rows(u32),
    Overflow(u32),
}

impl FileReport {
    /// The report about a file whose reading could not begin.
    pub fn unreadable(sequence: u64, reason: String) -> Self {
        FileReport {
            sequence,
            status: FileStatus::Failed { reason },
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
