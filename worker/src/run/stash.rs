//! The rows that this worker holds in memory, as it may be to render them itself.
//!
//! Rows are most of what there is to move: with them on the queue, 2.4 bytes went into Redis for
//! each byte of input, and as many came out. A block that fills a unit is needed for no other, so
//! it stays **alone** with whoever extracted it, and the render task comes here. Smaller blocks, of
//! which several make a unit, go onto the queue, and so does what there is no room for; of these a
//! **copy** stays, so that they need not come back if this worker renders them.
//!
//! A block's bytes never change: what is extracted again has another edition in its name.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use sheaf_common::job::UNIT_BYTES;
use sheaf_common::outcome::{FileReport, FileStatus};
use sheaf_common::queue::Stashing;
use sheaf_common::row::Block;
use sheaf_common::rows::RowsKey;
use sheaf_common::task::Render;

/// The most bytes that may be here alone, for each slot. They are seldom more than a few MiB.
const ALONE_BY_SLOT: usize = 32 << 20;

/// The most bytes of copies; the oldest go first.
const COPIES: usize = 32 << 20;

/// Blocks that have been here alone for longer are those of a job that is over, as a rule. A job
/// that goes on has them extracted again.
const OLD: Duration = Duration::from_secs(10 * 60);

/// The rows of all queues of a worker.
pub struct Stash {
    /// The most bytes that may be here alone.
    most_alone: usize,
    most_copies: usize,
    blocks: Mutex<Blocks>,
}

#[derive(Default)]
struct Blocks {
    blocks: HashMap<RowsKey, Stashed>,
    alone: usize,
    copies: usize,
}

struct Stashed {
    block: Block,
    since: Instant,
    place: Place,
}

/// Where else a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nowhere: it belongs to the queue with this index.
    Alone { origin: usize },
    /// On the queue.
    Copy,
}

impl Stash {
    pub fn new(slots: NonZeroUsize) -> Self {
        Stash::with_room(slots.get() * ALONE_BY_SLOT, COPIES)
    }

    fn with_room(most_alone: usize, most_copies: usize) -> Self {
        Stash { most_alone, most_copies, blocks: Mutex::default() }
    }

    /// Takes in a block that was just extracted, as far as its queue allows it. Returns whether it
    /// is here alone: else it is to go onto the queue.
    pub fn add(
        &self,
        (origin, stashing): (usize, Stashing),
        key: RowsKey,
        block: &Block,
        fills_unit: bool,
    ) -> bool {
        match stashing {
            Stashing::Nothing => false,
            Stashing::Copies => {
                self.copy(key, block);
                false
            }
            Stashing::Alone => {
                let is_alone = fills_unit && self.hold_alone(origin, key, block);
                if !is_alone {
                    self.copy(key, block);
                }
                is_alone
            }
        }
    }

    /// Holds a block of the queue with this index; `false`: there is no room.
    fn hold_alone(&self, origin: usize, key: RowsKey, block: &Block) -> bool {
        let mut blocks = self.lock();
        if blocks.alone + block.len() > self.most_alone {
            blocks.drop_old();
        }

        let fits = blocks.alone + block.len() <= self.most_alone;
        if fits {
            blocks.insert(key, block, Place::Alone { origin });
        }
        fits
    }

    /// Holds a copy of a block, in place of older ones if there is no room.
    fn copy(&self, key: RowsKey, block: &Block) {
        let mut blocks = self.lock();
        blocks.insert(key, block, Place::Copy);

        while blocks.copies > self.most_copies
            && let Some(oldest) = blocks.oldest_copy()
        {
            blocks.remove(&oldest);
        }
    }

    pub fn get(&self, key: &RowsKey) -> Option<Block> {
        self.lock().blocks.get(key).map(|stashed| Block::clone(&stashed.block))
    }

    /// The blocks of the queue with this index that nobody else has.
    pub fn alone_of(&self, origin: usize) -> Vec<(RowsKey, Block)> {
        let blocks = self.lock();
        let of_it = blocks.blocks.iter().filter(|(_, stashed)| {
            stashed.place == Place::Alone { origin } && stashed.since.elapsed() < OLD
        });
        of_it.map(|(key, stashed)| (*key, Block::clone(&stashed.block))).collect()
    }

    /// Drops the blocks that were here alone and are rendered: they are needed for nothing else.
    /// Copies stay, as other units may have parts of them, and as what was rendered may be lost.
    pub fn rendered(&self, render: &Render) {
        let mut blocks = self.lock();
        for key in render.rows() {
            let place = blocks.blocks.get(&key).map(|stashed| stashed.place);
            if let Some(Place::Alone { .. }) = place {
                blocks.remove(&key);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Blocks> {
        self.blocks.lock().expect("no holder of this lock panics")
    }
}

impl Blocks {
    /// A block that comes again counts once.
    fn insert(&mut self, key: RowsKey, block: &Block, place: Place) {
        self.remove(&key);
        *self.bytes(place) += block.len();

        let stashed = Stashed { block: Block::clone(block), since: Instant::now(), place };
        self.blocks.insert(key, stashed);
    }

    fn remove(&mut self, key: &RowsKey) {
        if let Some(Stashed { block, place, .. }) = self.blocks.remove(key) {
            *self.bytes(place) -= block.len();
        }
    }

    fn bytes(&mut self, place: Place) -> &mut usize {
        match place {
            Place::Alone { .. } => &mut self.alone,
            Place::Copy => &mut self.copies,
        }
    }

    fn oldest_copy(&self) -> Option<RowsKey> {
        let copies = self.blocks.iter().filter(|(_, stashed)| stashed.place == Place::Copy);
        copies.min_by_key(|(_, stashed)| stashed.since).map(|(key, _)| *key)
    }

    fn drop_old(&mut self) {
        let is_old = |stashed: &Stashed| stashed.since.elapsed() >= OLD;
        let old: Vec<RowsKey> = self
            .blocks
            .iter()
            .filter(|(_, stashed)| is_old(stashed))
            .map(|(key, _)| *key)
            .collect();
        old.iter().for_each(|key| self.remove(key));
    }
}

/// The blocks that may stay with the worker alone: those that are one slice, which fills a unit.
pub fn fill_units(reports: &[FileReport], blocks: usize) -> Vec<bool> {
    let mut slices_of = vec![0; blocks];
    let mut fill = vec![false; blocks];
    for report in reports {
        let FileStatus::Done { slices, .. } = &report.status else { continue };
        for slice in slices {
            let block = slice.block.index();
            slices_of[block] += 1;
            // A second slice in the block takes back what the first one said.
            fill[block] = slices_of[block] == 1 && u64::from(slice.length) >= UNIT_BYTES;
        }
    }

    fill
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sheaf_common::job::{Class, JobId, TaskId};
    use sheaf_common::task::{Piece, RenderUnit};

    use sheaf_common::rows::Slice;

    use super::*;
    use sheaf_common::numbers::{BlockNumber, FileIndex, TaskNumber, UnitNumber};

    const ALONE: (usize, Stashing) = (0, Stashing::Alone);

    fn key(number: u64) -> RowsKey {
        RowsKey {
            task: TaskId { job: JobId(1), class: Class::Extract, number: TaskNumber(number) },
            block: BlockNumber(0),
            edition: 0,
        }
    }

    /// A task that renders something of a block.
    fn render(rows: RowsKey) -> Render {
        let slice = Slice {
            block: BlockNumber(0),
            offset: 0,
            length: 1,
            rows: 1,
            overflow: 0,
            long_cells: 0,
        };
        let piece = Piece { rows, slice, sequence: FileIndex(0), first_row: 0, first_overflow: 0 };
        let unit = RenderUnit {
            number: UnitNumber(0),
            first_row: 0,
            first_overflow: 0,
            pieces: vec![piece],
        };
        Render { spec: Arc::default(), units: vec![unit], stashed_by: None }
    }

    #[test]
    fn blocks_without_room_go_onto_the_queue() {
        let stash = Stash::with_room(100, 0);
        let block = Block::new(vec![0; 40]);
        assert!(stash.add(ALONE, key(0), &block, true));
        assert!(stash.add((1, Stashing::Alone), key(1), &block, true));
        assert!(!stash.add(ALONE, key(2), &block, true));

        assert_eq!(stash.alone_of(1), [(key(1), Block::clone(&block))]);
        assert!(stash.get(&key(1)).is_some() && stash.get(&key(2)).is_none());

        stash.rendered(&render(key(0)));
        stash.rendered(&render(key(7)));
        assert!(stash.get(&key(0)).is_none() && stash.add(ALONE, key(2), &block, true));
    }

    #[test]
    fn only_what_the_queue_allows_is_held() {
        let stash = Stash::with_room(100, 100);
        let block = Block::new(vec![0; 40]);
        assert!(!stash.add((0, Stashing::Nothing), key(0), &block, true));
        assert!(!stash.add((0, Stashing::Copies), key(1), &block, true));
        assert!(!stash.add(ALONE, key(2), &block, false), "it does not fill a unit");

        let held = [0, 1, 2].map(|number| stash.get(&key(number)).is_some());
        assert_eq!(held, [false, true, true]);
        assert_eq!(stash.alone_of(0), [], "the queue has them, too");
    }

    #[test]
    fn the_oldest_copies_make_room() {
        let stash = Stash::with_room(0, 100);
        let block = Block::new(vec![0; 40]);
        for number in [0, 1, 1, 2] {
            stash.add(ALONE, key(number), &block, true);
        }

        let held = [0, 1, 2].map(|number| stash.get(&key(number)).is_some());
        assert_eq!(held, [false, true, true]);
    }

    #[test]
    fn copies_stay_when_they_are_rendered() {
        let stash = Stash::with_room(100, 100);
        let block = Block::new(vec![0; 40]);
        assert!(!stash.add(ALONE, key(0), &block, false) && stash.add(ALONE, key(1), &block, true));

        stash.rendered(&render(key(0)));
        stash.rendered(&render(key(1)));
        assert!(stash.get(&key(0)).is_some() && stash.get(&key(1)).is_none());
    }

    #[test]
    fn blocks_of_one_long_slice_fill_a_unit() {
        let slice =
            |block, length| Slice { block, offset: 0, length, rows: 1, overflow: 0, long_cells: 0 };
        let long = u32::try_from(UNIT_BYTES).unwrap();
        let report =
            |slices| FileReport::new(FileIndex(0), FileStatus::Done { slices, truncated_cells: 0 });

        let reports = [
            report(vec![slice(BlockNumber(0), long), slice(BlockNumber(1), long - 1)]),
            report(vec![slice(BlockNumber(2), long), slice(BlockNumber(2), 1)]),
        ];
        assert_eq!(fill_units(&reports, 4), [true, false, false, false]);
    }
}
