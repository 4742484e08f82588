//! The past of a task on which earlier work failed: files that killed their processes, workers that
//! vanished. Most tasks have none.

use serde::{Deserialize, Serialize};

use crate::job::WorkerId;
use crate::numbers::FileIndex;
use crate::problem::FileProblem;

/// The notes of workers on a task, for its later holders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// The files that killed their processes.
    pub deaths: Vec<Death>,
    /// The file that a worker reads alone.
    pub begun: Option<Begun>,
    /// The files that made a worker vanish while it read nothing else: they are not read again.
    pub fatal: Vec<Fatal>,
}

/// A file killed its process on every attempt of one worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Death {
    pub by: WorkerId,
    pub sequence: FileIndex,
    pub attempts: u32,
    pub problem: FileProblem,
}

/// A worker has begun to read a file alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    pub by: WorkerId,
    pub sequence: FileIndex,
}

/// A file with which workers vanished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fatal {
    pub sequence: FileIndex,
    /// How many, including the one that read nothing else.
    pub workers: u32,
}

/// A task's past, as far as the queue knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    pub past: Past,
    /// The workers that held the task, let their lease end, and have been silent since.
    pub vanished: Vec<WorkerId>,
    /// How many more workers may have vanished: silent as well, but not for long enough.
    pub undecided: usize,
}
