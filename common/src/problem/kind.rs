//! The kinds of problems, each with its code.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of problem a file has. The order is that of their codes in lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ProblemKind {
    /// Nothing is at its path, or not any more.
    Gone,
    /// It is another one than was listed.
    Changed,
    /// A folder, a pipe, a socket or a device.
    NotAFile,
    /// The system or the worker's own rules forbid to read it.
    NotAllowed,
    /// The system cannot give it, for another reason.
    Unreadable,
    /// It is larger than a limit.
    TooLarge,
    /// Packed data that ends early or is wrong.
    Damaged,
    /// It is not packed in the way that its name says.
    Misnamed,
    /// Its bytes are no text.
    NotText,
    /// A known format that is not read: PDF, WARC, Parquet.
    Foreign,
    /// Text in an encoding that is not read.
    Encoding,
    /// A cell is longer than a cell of a workbook may be, and the job refuses that.
    LongCell,
    /// Reading it took too long.
    TimeLimit,
    /// Reading it took too much memory.
    MemoryLimit,
    /// Reading it ended its process, or its worker.
    Crashed,
    /// Its task could not be done, whatever is in the file.
    Task,
}

impl ProblemKind {
    /// The code: in the job log and in summaries for programs. None ever changes.
    pub fn code(self) -> &'static str {
        match self {
            ProblemKind::Gone => "gone",
            ProblemKind::Changed => "changed",
            ProblemKind::NotAFile => "not-a-file",
            ProblemKind::NotAllowed => "not-allowed",
            ProblemKind::Unreadable => "unreadable",
            ProblemKind::TooLarge => "too-large",
            ProblemKind::Damaged => "damaged",
            ProblemKind::Misnamed => "misnamed",
            ProblemKind::NotText => "not-text",
            ProblemKind::Foreign => "foreign",
            ProblemKind::Encoding => "encoding",
            ProblemKind::LongCell => "long-cell",
            ProblemKind::TimeLimit => "time-limit",
            ProblemKind::MemoryLimit => "memory-limit",
            ProblemKind::Crashed => "crashed",
            ProblemKind::Task => "task",
        }
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
