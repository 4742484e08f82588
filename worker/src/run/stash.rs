//! The rows that this worker holds in memory until it renders them.
//!
//! Most of the traffic is rows: with all of them on the queue, 2.4 bytes went into Redis for each
//! byte of input, and as many came out. A block that fills a unit serves no other unit. So it stays
//! **alone** on the worker that extracted it, and its render task is addressed to that worker.
//! Smaller blocks, several to a unit, go onto the queue, and so does every block for which there is
//! no room. The worker stashes a **copy** of these, which spares the way back if it renders them.
//!
//! The bytes of a block never change: rows that are extracted again have another edition in their
//! name.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use sheaf_common::job::UNIT_BYTES;
use sheaf_common::outcome::{FileReport, FileStatus};
use sheaf_common::queue::Stashing;
use sheaf_common::row::Block;
use sheaf_common::rows::RowsKey;
use sheaf_common::task::Render;

/// The most bytes that may exist here alone, for each slot. In practice they are a few MiB.
const ALONE_BY_SLOT: usize = 32 << 20;

/// The most bytes of copies; the oldest go first.
const COPIES: usize = 32 << 20;

/// The age at which blocks here alone may be dropped. Their job is over, as a rule; if not, their
/// files are extracted again.
const OLD: Duration = Duration::from_secs(10 * 60);

/// The stashed rows of all queues of a worker.
pub struct Stash {
    /// The most bytes that may exist here alone.
    most_alone: usize,
    most_copies: usize,
    blocks: Mutex<Blocks>,
}

#[derive(Default)]
struct Blocks {
    alone: Alone,
    copies: Copies,
}

/// The blocks that exist only here.
#[derive(Default)]
struct Alone {
    blocks: HashMap<RowsKey, OnlyOne>,
    bytes: usize,
}

/// A block that exists nowhere else.
struct OnlyOne {
    block: Block,
    /// The index of the queue that it belongs to.
    origin: usize,
    since: Instant,
}

/// The blocks that are on the queue, too.
#[derive(Default)]
struct Copies {
    blocks: HashMap<RowsKey, Block>,
    /// Their keys, the oldest first.
    order: VecDeque<RowsKey>,
    bytes: usize,
}

impl Stash {
    pub fn new(slots: NonZeroUsize) -> Self {
        Stash::with_room(slots.get() * ALONE_BY_SLOT, COPIES)
    }

    fn with_room(most_alone: usize, most_copies: usize) -> Self {
        Stash { most_alone, most_copies, blocks: Mutex::default() }
    }

    /// Stashes a block that was just extracted, as far as its queue allows. Returns whether the
    /// block may exist here alone; if not, the caller must put it onto the queue.
    pub fn add(
        &self,
        (origin, stashing): (usize, Stashing),
        key: RowsKey,
        block: &Block,
        fills_unit: bool,
    ) -> bool {
        let mut blocks = self.lock();
        match stashing {
            Stashing::Nothing => false,
            Stashing::Copies => {
                blocks.copies.add(key, block, self.most_copies);
                false
            }
            Stashing::Alone => {
                let is_alone = fills_unit && blocks.alone.add(origin, key, block, self.most_alone);
                if !is_alone {
                    blocks.copies.add(key, block, self.most_copies);
                }
                is_alone
            }
        }
    }

    pub fn get(&self, key: &RowsKey) -> Option<Block> {
        let blocks = self.lock();
        let alone = blocks.alone.blocks.get(key).map(|only| &only.block);
        alone.or_else(|| blocks.copies.blocks.get(key)).map(Block::clone)
    }

    /// The blocks of the queue with this index that exist only here, without those of jobs that are
    /// over ([`OLD`]).
    pub fn alone_of(&self, origin: usize) -> Vec<(RowsKey, Block)> {
        let blocks = self.lock();
        let of_queue = |only: &OnlyOne| only.origin == origin && !only.is_old();
        let alone = blocks.alone.blocks.iter().filter(|(_, only)| of_queue(only));
        alone.map(|(key, only)| (*key, Block::clone(&only.block))).collect()
    }

    /// Drops the rendered blocks that exist only here: no other unit needs them. Copies stay, as
    /// other units may need other parts of them, and as the segments may still be lost.
    pub fn rendered(&self, render: &Render) {
        let mut blocks = self.lock();
        render.rows().iter().for_each(|key| blocks.alone.remove(key));
    }

    /// How many bytes are stashed.
    pub fn bytes(&self) -> u64 {
        let blocks = self.lock();
        (blocks.alone.bytes + blocks.copies.bytes) as u64
    }

    fn lock(&self) -> MutexGuard<'_, Blocks> {
        self.blocks.lock().expect("no holder of this lock panics")
    }
}

impl Alone {
    /// Adds a block, or replaces it; `false` if more than `most` bytes would be here.
    fn add(&mut self, origin: usize, key: RowsKey, block: &Block, most: usize) -> bool {
        if self.bytes + block.len() > most {
            // Only when room is short: nothing else tells this worker that a job is over.
            self.drop_old();
        }

        let fits = self.bytes + block.len() <= most;
        if fits {
            self.remove(&key);
            self.bytes += block.len();

            let only = OnlyOne { block: Block::clone(block), origin, since: Instant::now() };
            self.blocks.insert(key, only);
        }
        fits
    }

    fn remove(&mut self, key: &RowsKey) {
        if let Some(only) = self.blocks.remove(key) {
            self.bytes -= only.block.len();
        }
    }

    fn drop_old(&mut self) {
        self.blocks.retain(|_, only| !only.is_old());
        self.bytes = self.blocks.values().map(|only| only.block.len()).sum();
    }
}

impl OnlyOne {
    fn is_old(&self) -> bool {
        self.since.elapsed() >= OLD
    }
}

impl Copies {
    /// Adds a copy, unless it is here already. Drops the oldest while more than `most` bytes are
    /// here.
    fn add(&mut self, key: RowsKey, block: &Block, most: usize) {
        if let Entry::Vacant(place) = self.blocks.entry(key) {
            place.insert(Block::clone(block));
            self.order.push_back(key);
            self.bytes += block.len();
        }

        while self.bytes > most
            && let Some(oldest) = self.order.pop_front()
            && let Some(dropped) = self.blocks.remove(&oldest)
        {
            self.bytes -= dropped.len();
        }
    }
}

/// For each of the `blocks`, whether it may exist here alone: it is a single slice that fills a
/// unit.
pub fn fill_units(reports: &[FileReport], blocks: usize) -> Vec<bool> {
    let mut slices_of = vec![0; blocks];
    let mut fill = vec![false; blocks];
    for report in reports {
        let FileStatus::Done { slices, .. } = &report.status else { continue };
        for slice in slices {
            let block = slice.block.index();
            slices_of[block] += 1;
            // A second slice takes the mark back: two slices may belong to two units.
            fill[block] = slices_of[block] == 1 && u64::from(slice.length) >= UNIT_BYTES;
        }
    }

    fill
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sheaf_common::job::{Class, JobId, TaskId};
    use sheaf_common::numbers::{BlockNumber, FileIndex, TaskNumber};
    use sheaf_common::rows::Slice;
    use sheaf_common::task::{Piece, RenderUnit};

    use super::*;

    const ALONE: (usize, Stashing) = (0, Stashing::Alone);

    fn key(number: u64) -> RowsKey {
        RowsKey {
            task: TaskId { job: JobId(1), class: Class::Extract, number: TaskNumber(number) },
            block: BlockNumber(0),
            edition: 0,
        }
    }

    /// A task that renders a part of a block.
    fn render(rows: RowsKey) -> Render {
        let slice = Slice { length: 1, rows: 1, ..Slice::default() };
        let piece = Piece { rows, slice, sequence: FileIndex(0), first_row: 0, first_overflow: 0 };
        let unit = RenderUnit { pieces: vec![piece], ..RenderUnit::default() };
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
    fn stashing_obeys_the_queue() {
        let stash = Stash::with_room(100, 100);
        let block = Block::new(vec![0; 40]);
        assert!(!stash.add((0, Stashing::Nothing), key(0), &block, true));
        assert!(!stash.add((0, Stashing::Copies), key(1), &block, true));
        assert!(!stash.add(ALONE, key(2), &block, false), "it does not fill a unit");

        let held = [0, 1, 2].map(|number| stash.get(&key(number)).is_some());
        assert_eq!(held, [false, true, true]);
        assert_eq!(stash.alone_of(0), [], "the queue has copies");
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
