//! The rows that this worker keeps instead of handing them in, as it is to render them itself.
//!
//! Rows are most of what there is to move: with them on the queue, 2.4 bytes went into Redis for
//! each byte of input, and as many came out. A block that fills a unit is needed for no other, so
//! it stays with whoever extracted it, and the render task comes here. Smaller blocks, of which
//! several make a unit, go onto the queue, and so does what there is no room for.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use sheaf_common::job::UNIT_BYTES;
use sheaf_common::outcome::{FileReport, FileStatus};
use sheaf_common::row::Block;
use sheaf_common::task::RowsKey;

/// Blocks that were kept for longer are those of a job that is over, as a rule. A job that goes on
/// has them extracted again.
const OLD: Duration = Duration::from_secs(10 * 60);

pub struct Kept {
    /// The most bytes that are kept.
    most: usize,
    blocks: Mutex<Blocks>,
}

#[derive(Default)]
struct Blocks {
    blocks: HashMap<RowsKey, KeptBlock>,
    bytes: usize,
}

struct KeptBlock {
    block: Block,
    /// The index of the queue that it belongs to.
    origin: usize,
    since: Instant,
}

impl Kept {
    pub fn new(most: usize) -> Self {
        Kept { most, blocks: Mutex::default() }
    }

    /// Keeps a block of the queue with this index; `false`: there is no room.
    pub fn keep(&self, origin: usize, key: RowsKey, block: &Block) -> bool {
        let mut kept = self.blocks.lock().expect("no holder panics");
        if kept.bytes + block.len() > self.most {
            kept.drop_old();
        }

        let fits = kept.bytes + block.len() <= self.most;
        let new = || KeptBlock { block: Block::clone(block), origin, since: Instant::now() };
        // A block that comes again counts once.
        if fits && kept.blocks.insert(key, new()).is_none() {
            kept.bytes += block.len();
        }
        fits
    }

    pub fn get(&self, key: &RowsKey) -> Option<Block> {
        self.blocks
            .lock()
            .expect("no holder panics")
            .blocks
            .get(key)
            .map(|kept| Block::clone(&kept.block))
    }

    /// The blocks that are kept for the queue with this index.
    pub fn all_of(&self, origin: usize) -> Vec<(RowsKey, Block)> {
        let kept = self.blocks.lock().expect("no holder panics");
        let of_it = kept
            .blocks
            .iter()
            .filter(|(_, kept)| kept.origin == origin && kept.since.elapsed() < OLD);
        of_it.map(|(key, kept)| (*key, Block::clone(&kept.block))).collect()
    }

    /// Drops blocks that were rendered.
    pub fn drop_all(&self, keys: impl IntoIterator<Item = RowsKey>) {
        let mut kept = self.blocks.lock().expect("no holder panics");
        for key in keys {
            if let Some(dropped) = kept.blocks.remove(&key) {
                kept.bytes -= dropped.block.len();
            }
        }
    }
}

impl Blocks {
    fn drop_old(&mut self) {
        self.blocks.retain(|_, kept| kept.since.elapsed() < OLD);
        self.bytes = self.blocks.values().map(|kept| kept.block.len()).sum();
    }
}

/// The blocks that may be kept: those that are one slice, which fills a unit.
pub fn fill_units(reports: &[FileReport], blocks: usize) -> Vec<bool> {
    let mut slices_of = vec![0; blocks];
    let mut fill = vec![false; blocks];
    for report in reports {
        let FileStatus::Done { slices, .. } = &report.status else { continue };
        for slice in slices {
            let block = slice.block as usize;
            slices_of[block] += 1;
            // A second slice in the block takes back what the first one said.
            fill[block] = slices_of[block] == 1 && u64::from(slice.length) >= UNIT_BYTES;
        }
    }

    fill
}

#[cfg(test)]
mod tests {
    use sheaf_common::job::{Class, JobId, TaskId};
    use sheaf_common::outcome::Slice;

    use super::*;

    fn key(number: u64) -> RowsKey {
        RowsKey {
            task: TaskId { job: JobId(1), class: Class::Extract, number },
            block: 0,
            edition: 0,
        }
    }

    #[test]
    fn what_does_not_fit_is_not_kept_until_something_was_dropped() {
        let kept = Kept::new(100);
        let block = Block::new(vec![0; 40]);
        assert!(
            kept.keep(0, key(0), &block)
                && kept.keep(1, key(1), &block)
                && !kept.keep(0, key(2), &block)
        );

        assert_eq!(kept.all_of(1), [(key(1), Block::clone(&block))]);
        assert!(kept.get(&key(1)).is_some() && kept.get(&key(2)).is_none());

        kept.drop_all([key(0), key(7)]);
        assert!(kept.get(&key(0)).is_none() && kept.keep(0, key(2), &block));
        assert!(!Kept::new(0).keep(0, key(0), &block));
    }

    #[test]
    fn only_a_block_of_one_long_slice_fills_a_unit() {
        let slice =
            |block, length| Slice { block, offset: 0, length, rows: 1, overflow: 0, long_cells: 0 };
        let long = UNIT_BYTES as u32;
        let report = |slices| FileReport::new(0, FileStatus::Done { slices, truncated_cells: 0 });

        let reports = [
            report(vec![slice(0, long), slice(1, long - 1)]),
            report(vec![slice(2, long), slice(2, 1)]),
        ];
        assert_eq!(fill_units(&reports, 4), [true, false, false, false]);
    }
}
