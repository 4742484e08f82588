//! A worker's hold on a task, and what it hands in under it.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::job::{TaskId, WorkerId};
use crate::numbers::BlockNumber;
use crate::outcome::Outcome;
use crate::row::Block;
use crate::rows::RowsKey;
use crate::task::Task;

/// A worker's hold on a task. Whoever finishes, extends or releases shows it, and it must still be
/// the holder's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lease {
    pub task: TaskId,
    /// The engine's proof of this very hold; of no meaning to anyone else.
    pub token: String,
}

impl Lease {
    /// Names the rows of whatever is extracted under this very hold: see [`RowsKey::edition`].
    pub fn edition(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.task, &self.token).hash(&mut hasher);
        hasher.finish()
    }

    /// The name of a block of rows that is extracted under this very hold.
    pub fn rows_key(&self, block: BlockNumber) -> RowsKey {
        RowsKey::new(self.task, block, self.edition())
    }
}

/// A task and the hold on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Leased {
    pub lease: Lease,
    pub task: Task,
    /// How often the task was leased, this time included: 1 for the first. A release does not
    /// count, nor does an extension.
    pub delivery: u32,
    /// The worker that had it before and let the lease end, if there is one.
    pub previous: Option<WorkerId>,
}

/// A worker's result for a task, as it is handed in.
#[derive(Debug, Clone)]
pub struct Completion {
    pub lease: Lease,
    pub outcome: Outcome,
    /// Blocks of rows of an extract task, with their numbers; they stay on the queue, by the names
    /// that [`Lease::rows_key`] gives, until [`super::JobQueue::forget`].
    pub rows: Vec<(BlockNumber, Block)>,
    /// Whether something was noted of the task, which is to go with it.
    pub has_past: bool,
}

/// The queue's answer to a completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completed {
    /// Outcome and rows are stored, the task is gone.
    Stored,
    /// The lease no longer held the task: nothing was stored.
    Stale,
}
