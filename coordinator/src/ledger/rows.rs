//! Where the rows of a task are.

use std::collections::BTreeSet;

use sheaf_common::job::{TaskId, WorkerId};
use sheaf_common::outcome::{Extracted, FileReport, FileStatus, Kept, Slice};
use sheaf_common::task::RowsKey;

/// Where the rows of a task are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RowsAt {
    pub edition: u64,
    pub kept: Option<Kept>,
}

impl RowsAt {
    pub fn key(&self, task: TaskId, block: u32) -> RowsKey {
        RowsKey::new(task, block, self.edition)
    }

    /// Who keeps a block; `None`: it is on the queue.
    pub fn keeper(&self, block: u32) -> Option<&WorkerId> {
        let kept = self.kept.as_ref().filter(|kept| kept.blocks.binary_search(&block).is_ok());
        kept.map(|kept| &kept.by)
    }
}

/// The slices of a file; none if it failed.
pub fn slices(report: &FileReport) -> &[Slice] {
    match &report.status {
        FileStatus::Done { slices, .. } => slices,
        FileStatus::Failed { .. } | FileStatus::Dead { .. } => &[],
    }
}

/// The blocks that a task left on the queue.
pub fn on_queue(task: TaskId, extracted: &Extracted) -> Vec<RowsKey> {
    let rows = RowsAt { edition: extracted.edition, kept: extracted.kept.clone() };
    let blocks: BTreeSet<u32> =
        extracted.reports.iter().flat_map(slices).map(|slice| slice.block).collect();

    blocks
        .into_iter()
        .filter(|block| rows.keeper(*block).is_none())
        .map(|block| rows.key(task, block))
        .collect()
}
