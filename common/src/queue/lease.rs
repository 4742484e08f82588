//! A worker's claim on a task, and the result that it stores under that claim.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::job::{TaskId, WorkerId};
use crate::numbers::BlockNumber;
use crate::outcome::Outcome;
use crate::row::Block;
use crate::rows::RowsKey;
use crate::task::Task;

/// A worker's claim on a task. To finish, extend or release the task, the worker shows its lease,
/// and the engine checks that this lease still holds the task.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lease {
    pub task: TaskId,
    /// The engine's proof of this very lease; has no meaning to others.
    pub token: String,
}

impl Lease {
    /// The edition of all rows that are extracted under this very lease: see [`RowsKey::edition`].
    pub fn edition(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.task, &self.token).hash(&mut hasher);
        hasher.finish()
    }

    /// The name of a block of rows that is extracted under this very lease.
    pub fn rows_key(&self, block: BlockNumber) -> RowsKey {
        RowsKey::new(self.task, block, self.edition())
    }
}

/// A task and the lease on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Leased {
    pub lease: Lease,
    pub task: Task,
    /// How often the task was leased, this time included: 1 for the first. A lease that was
    /// released does not count, nor does an extension.
    pub delivery: u32,
    /// The worker that held it before and let the lease end, if there is one.
    pub previous: Option<WorkerId>,
}

/// A worker's result for a task.
#[derive(Debug, Clone)]
pub struct Completion {
    pub lease: Lease,
    pub outcome: Outcome,
    /// Blocks of rows of an extract task, with their numbers. They stay on the queue under the
    /// names of [`Lease::rows_key`] until [`super::JobQueue::forget`].
    pub rows: Vec<(BlockNumber, Block)>,
    /// Whether the task has a past, which is then dropped with it.
    pub has_past: bool,
}

/// The queue's answer to a completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completed {
    /// Outcome and rows are stored, and the task is gone.
    Stored,
    /// The lease no longer held the task: nothing was stored.
    Stale,
}
