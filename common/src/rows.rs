//! Where rows are: on the queue, or with the worker that extracted them.

use serde::{Deserialize, Serialize};

use crate::job::{Class, TaskId, WorkerId};
use crate::numbers::BlockNumber;

/// Names a block of rows that an extract task gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RowsKey {
    pub task: TaskId,
    /// The number of the block among those of its task, from 0.
    pub block: BlockNumber,
    /// Tells apart the times that the task was done: no two have the same, so rows that a late worker
    /// leaves or removes are never another's.
    pub edition: u64,
}

impl RowsKey {
    /// The name of a block of a task, which is that of an extract task also when it is done once
    /// more, as a repair.
    pub fn new(task: TaskId, block: BlockNumber, edition: u64) -> Self {
        RowsKey { task: TaskId { class: Class::Extract, ..task }, block, edition }
    }
}

/// Consecutive rows of one file within a block of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Slice {
    /// The number of the block among those of its task, from 0.
    pub block: BlockNumber,
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

/// Blocks of rows that a worker stashed: it alone can render them, as long as it lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stashed {
    pub by: WorkerId,
    /// Ascending.
    pub blocks: Vec<BlockNumber>,
}
