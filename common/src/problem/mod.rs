//! Why a file gave no rows: a kind with a stable code, the data, and the words for people.
//!
//! A problem arises where a file is listed, shipped, read, or given up. It crosses the pipe of a
//! child, the queue and the journal as data. Its words name no option of a command: the command
//! line adds what a user can do about it.
//!
//! * [`kind`](ProblemKind): the codes.
//! * [`system`](SystemError): errors of the system, and things that are not files.

mod kind;
mod system;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use kind::ProblemKind;
pub use system::{NonFile, SystemError, words};

use crate::cell::CELL_UNITS;
use crate::codec::Codec;
use crate::human;

/// Why a file gave no rows. Its text is a clause for people.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum FileProblem {
    /// It was listed, but is not at its path any more.
    #[error("no longer there")]
    Gone,
    /// The system failed to find, list, open or read it.
    #[error("{step}{error}")]
    System { step: Step, error: SystemError },
    /// A folder that is its own ancestor.
    #[error("the folder leads back to one that it is in")]
    FolderLoop,
    #[error("not a file, but {0}")]
    NotAFile(NonFile),
    #[error("changed {0}")]
    Changed(Changed),
    /// None of the folders that a worker may read covers this path.
    #[error("it may not be opened")]
    OutsideRoots { path: String },
    #[error("{0}")]
    TooLarge(TooLarge),
    #[error("{0}")]
    Damaged(Damaged),
    /// It is not packed as its name says; `looks`: its real format, if known.
    #[error(
        "not {} data, though its name ends in `.{}`{}",
        codec.name(),
        codec.extension(),
        looks.as_ref().map_or(String::new(), |looks| format!(", it looks like {looks}"))
    )]
    Misnamed { codec: Codec, looks: Option<String> },
    /// `controls` per cent of its first bytes are control characters.
    #[error("not text: {controls} % of its first bytes are control characters")]
    NotText { controls: u64 },
    /// A known format that Sheaf does not read; `is_text`: it is a format of text.
    #[error("not {}: looks like {format}", if *is_text { "HTML" } else { "text" })]
    Foreign { format: String, is_text: bool },
    /// An encoding that Sheaf does not read, by its name in `iconv`.
    #[error(
        "not HTML: looks like {name}, an encoding that is not read: convert it first (`iconv -f \
         {name} -t UTF-8`)"
    )]
    Encoding { name: String },
    /// A cell is too long for a workbook. Records count from 1, `units` are of UTF-16.
    #[error(
        "a cell is too long: column `{column}` of record {record} has {units} characters, a cell \
         holds {CELL_UNITS}"
    )]
    LongCell { column: String, record: u64, units: u64 },
    /// With the limit.
    #[error("took longer than {} s", .0.as_secs_f64())]
    TimeLimit(Duration),
    /// With the limit, in bytes.
    #[error("needed more memory than {}", human::limit(*.0))]
    MemoryLimit(u64),
    #[error("{0}")]
    Crashed(Crashed),
    /// The task as a whole could not be done; the file may be good.
    #[error("{reason}")]
    Task { reason: String },
}

/// The step at which the system failed. Its text precedes that of the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum Step {
    /// Looking at a path.
    #[error("")]
    Find,
    /// Listing a folder.
    #[error("the folder could not be read: ")]
    List,
    #[error("cannot be opened: ")]
    Open,
    #[error("cannot be read: ")]
    Read,
}

/// When a file was replaced or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum Changed {
    #[error("since it was listed")]
    SinceListed,
    #[error("while it was read")]
    WhileRead,
}

/// The limit that a file exceeds. All numbers are bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum TooLarge {
    #[error("too large: {} cannot be read in {} of memory", human::size(*.size), human::limit(*.memory))]
    ForMemory { size: u64, memory: u64 },
    /// `most` is a quarter of the memory.
    #[error("too large: unpacks to more than {}", human::limit(*.most))]
    Unpacked { most: u64 },
    /// Unpacking itself needs more than `most`, which is a quarter of the memory.
    #[error("too large: the {} data needs more than {} to be unpacked", codec.name(), human::limit(*.most))]
    ToUnpack { codec: Codec, most: u64 },
    #[error("too long: {} of text, a file may hold {}", human::size(*.length), human::limit(*.most))]
    Text { length: u64, most: u64 },
    #[error("too large to be shipped through Redis ({})", human::size(*.size))]
    ToShip { size: u64 },
}

/// The fault in packed data.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum Damaged {
    #[error("truncated: an empty file is not {} data", .0.name())]
    Empty(Codec),
    #[error("truncated: the {} data ends too early", .0.name())]
    Truncated(Codec),
    /// In the words of the library that unpacks.
    #[error("damaged: the {} data cannot be unpacked ({words})", codec.name())]
    Wrong { codec: Codec, words: String },
    /// `extra` bytes follow the packed data.
    #[error("damaged: {} that are not {name} data follow the {name} data", human::size(*extra), name = codec.name())]
    Followed { codec: Codec, extra: u64 },
    #[error("was damaged on its way to the worker")]
    OnItsWay,
}

/// How a file killed the process that read it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum Crashed {
    #[error("{}", by_signal(*.0))]
    Signal(i32),
    /// `words`: the last words of the process; may be empty.
    #[error(
        "its process ended unexpectedly ({status}){}{words}",
        if words.is_empty() { "" } else { ": " }
    )]
    Exit { status: String, words: String },
    #[error("the parser gave up on this file: {0}")]
    Panic(String),
    #[error("its process sent a malformed message")]
    Malformed,
    /// Nothing could be sent to the process.
    #[error("its process cannot be used: {0}")]
    Deaf(String),
    /// Nothing could be received from the process.
    #[error("its process cannot be read from: {0}")]
    Mute(String),
    #[error("its process was lost: {0}")]
    Lost(String),
    #[error(
        "{workers} workers vanished while they had it, the last one while it read nothing else: \
         does it need more memory than their machines have?"
    )]
    Workers { workers: u32 },
}

fn by_signal(signal: i32) -> String {
    match signal {
        libc::SIGKILL => {
            "its process was killed by the system (signal 9), as it does when memory runs out"
                .into()
        }
        libc::SIGSEGV => {
            "its process crashed (signal 11), as it does when the stack runs out".into()
        }
        signal => format!("its process was ended by signal {signal}"),
    }
}

impl FileProblem {
    /// Its kind, with the stable code.
    pub fn kind(&self) -> ProblemKind {
        match self {
            FileProblem::Gone => ProblemKind::Gone,
            FileProblem::System { error, .. } => error.kind(),
            FileProblem::FolderLoop => ProblemKind::Unreadable,
            FileProblem::NotAFile(_) => ProblemKind::NotAFile,
            FileProblem::Changed(_) => ProblemKind::Changed,
            FileProblem::OutsideRoots { .. } => ProblemKind::NotAllowed,
            FileProblem::TooLarge(_) => ProblemKind::TooLarge,
            FileProblem::Damaged(_) => ProblemKind::Damaged,
            FileProblem::Misnamed { .. } => ProblemKind::Misnamed,
            FileProblem::NotText { .. } => ProblemKind::NotText,
            FileProblem::Foreign { .. } => ProblemKind::Foreign,
            FileProblem::Encoding { .. } => ProblemKind::Encoding,
            FileProblem::LongCell { .. } => ProblemKind::LongCell,
            FileProblem::TimeLimit(_) => ProblemKind::TimeLimit,
            FileProblem::MemoryLimit(_) => ProblemKind::MemoryLimit,
            FileProblem::Crashed(_) => ProblemKind::Crashed,
            FileProblem::Task { .. } => ProblemKind::Task,
        }
    }
}

#[cfg(test)]
mod tests;
