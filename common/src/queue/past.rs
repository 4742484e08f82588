//! The past of a task, if earlier work on it failed: deaths of its files, and workers that vanished
//! with it. Most tasks have none.

use serde::{Deserialize, Serialize};

use crate::job::WorkerId;
use crate::numbers::FileIndex;
use crate::problem::FileProblem;

/// The notes of workers on a task, for those who have it after them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// The files that ended their processes.
    pub deaths: Vec<Death>,
    /// The file that is being read while nothing else is.
    pub begun: Option<Begun>,
    /// The files with which a worker vanished that read nothing else: they are not read again.
    pub fatal: Vec<Fatal>,
}

/// A file ended its process on each of its attempts by one worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Death {
    pub by: WorkerId,
    pub sequence: FileIndex,
    pub attempts: u32,
    pub problem: FileProblem,
}

/// A worker reads a file, and nothing else.
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
    /// The workers that held the task, let their lease end, and were not heard of since.
    pub vanished: Vec<WorkerId>,
    /// How many more it may be: not heard of either, but not for long.
    pub undecided: usize,
}
