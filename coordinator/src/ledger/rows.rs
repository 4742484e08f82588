//! Where the rows of a task are.

use std::collections::BTreeSet;

use sheaf_common::job::{TaskId, WorkerId};
use sheaf_common::numbers::BlockNumber;
use sheaf_common::outcome::{Extracted, FileReport, FileStatus};
use sheaf_common::rows::{RowsKey, Slice, Stashed};

/// Where the rows of a task are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RowsAt {
    pub edition: u64,
    pub stashed: Option<Stashed>,
}

impl RowsAt {
    /// The key of a block in the current edition.
    pub fn key(&self, task: TaskId, block: BlockNumber) -> RowsKey {
        RowsKey::new(task, block, self.edition)
    }

    /// The worker that stashed a block; `None` if it is on the queue.
    pub fn stashed_by(&self, block: BlockNumber) -> Option<&WorkerId> {
        let stashed =
            self.stashed.as_ref().filter(|stashed| stashed.blocks.binary_search(&block).is_ok());
        stashed.map(|stashed| &stashed.by)
    }
}

/// The slices of a file; none if it failed.
pub fn slices(report: &FileReport) -> &[Slice] {
    match &report.status {
        FileStatus::Done { slices, .. } => slices,
        FileStatus::Failed { .. } | FileStatus::Dead { .. } => &[],
    }
}

/// The blocks of an outcome that are on the queue, not stashed.
pub fn on_queue(task: TaskId, extracted: &Extracted) -> Vec<RowsKey> {
    let rows = RowsAt { edition: extracted.edition, stashed: extracted.stashed.clone() };
    let blocks: BTreeSet<BlockNumber> =
        extracted.reports.iter().flat_map(slices).map(|slice| slice.block).collect();

    blocks
        .into_iter()
        .filter(|block| rows.stashed_by(*block).is_none())
        .map(|block| rows.key(task, block))
        .collect()
}
