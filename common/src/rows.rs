//! Names of blocks of rows, and where these are: on the queue, or in a worker's stash.

use serde::{Deserialize, Serialize};

use crate::fit;
use crate::job::{Class, TaskId, UNIT_BYTES, WorkerId};
use crate::numbers::BlockNumber;

/// The intended size of a block of rows, in bytes: that of a full chunk.
const BLOCK: usize = 1 << 20;
/// The largest size of a block that several slices share, in bytes: chunks may be a little longer
/// than [`BLOCK`].
const BLOCK_ROOM: usize = BLOCK + BLOCK / 8;

/// Whether a slice of `length` bytes joins the last block of its task, which has `last` bytes; if
/// not, it begins another. A slice that fills a unit by itself gets its own block, so that it can
/// be stashed.
///
/// It depends on lengths alone: so the same slices are always in the same blocks.
pub fn joins_block(last: usize, length: usize) -> bool {
    let unit = fit::size(UNIT_BYTES);
    last + length <= BLOCK_ROOM && length < unit && last < unit
}

/// Names a block of rows of an extract task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RowsKey {
    pub task: TaskId,
    /// The number of the block among those of its task, from 0.
    pub block: BlockNumber,
    /// Tells one extraction of the task from another. No two have the same edition, so a late
    /// worker never overwrites or removes the rows of another.
    pub edition: u64,
}

impl RowsKey {
    /// The name of a block of an extract task, or of its repair: both have the same names.
    pub fn new(task: TaskId, block: BlockNumber, edition: u64) -> Self {
        RowsKey { task: TaskId { class: Class::Extract, ..task }, block, edition }
    }
}

/// Consecutive rows of one file within a block of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Slice {
    /// The number of the block among those of its task, from 0.
    pub block: BlockNumber,
    /// Where it begins in the block, in bytes.
    pub offset: u32,
    /// Its length, in bytes.
    pub length: u32,
    pub rows: u32,
    /// The overflow rows that these rows need.
    pub overflow: u32,
    /// The cells of these rows that go on there.
    pub long_cells: u32,
}

/// Blocks of rows in a worker's stash: only this worker can render them, as long as it lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stashed {
    pub by: WorkerId,
    /// Ascending.
    pub blocks: Vec<BlockNumber>,
}
