//! The kinds of problems, each with its code.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of a file's problem. Lists have them in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ProblemKind {
    /// Nothing is at its path any more, or nothing was.
    Gone,
    /// It changed after it was listed.
    Changed,
    /// A folder, a pipe, a socket or a device.
    NotAFile,
    /// The system, or the rules of the worker, forbid reading it.
    NotAllowed,
    /// The system cannot read it, for another reason.
    Unreadable,
    /// It is larger than a limit.
    TooLarge,
    /// Packed data that ends early or is wrong.
    Damaged,
    /// It is not packed as its name says.
    Misnamed,
    /// Its bytes are not text.
    NotText,
    /// A known format that Sheaf does not read: PDF, WARC, Parquet.
    Foreign,
    /// Text in an encoding that Sheaf does not read.
    Encoding,
    /// A cell is too long for a workbook, and the job fails such files.
    LongCell,
    /// Reading it took too long.
    TimeLimit,
    /// Reading it took too much memory.
    MemoryLimit,
    /// Reading it killed its process, or its worker.
    Crashed,
    /// Its task as a whole could not be done; the file may be good.
    Task,
}

impl ProblemKind {
    /// All kinds, in their order.
    pub const ALL: [ProblemKind; 16] = [
        ProblemKind::Gone,
        ProblemKind::Changed,
        ProblemKind::NotAFile,
        ProblemKind::NotAllowed,
        ProblemKind::Unreadable,
        ProblemKind::TooLarge,
        ProblemKind::Damaged,
        ProblemKind::Misnamed,
        ProblemKind::NotText,
        ProblemKind::Foreign,
        ProblemKind::Encoding,
        ProblemKind::LongCell,
        ProblemKind::TimeLimit,
        ProblemKind::MemoryLimit,
        ProblemKind::Crashed,
        ProblemKind::Task,
    ];

    /// The kind of a code.
    pub fn of_code(code: &str) -> Option<ProblemKind> {
        ProblemKind::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Its code, in the job log and in summaries for programs. Codes never change.
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
