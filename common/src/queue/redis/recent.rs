//! The blocks of rows that this process handed in lately: it need not fetch them to render them.
//!
//! A block's bytes never change: what is extracted again is the same, or the job is given up. With
//! one worker no rows come back over the network, with N of them one in N stays.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use crate::job::JobId;
use crate::row::Block;
use crate::task::RowsKey;

/// The most bytes that are kept; the oldest go first.
const MOST: usize = 32 << 20;

#[derive(Default)]
pub struct Recent(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    blocks: HashMap<RowsKey, Block>,
    /// Their keys, in the order in which they came.
    order: VecDeque<RowsKey>,
    bytes: usize,
}

impl Recent {
    /// Keeps blocks, as long as there is room; one that is there already stays as it is.
    pub fn add(&self, blocks: impl Iterator<Item = (RowsKey, Block)>) {
        let kept = &mut *self.0.lock().expect("no holder panics");
        for (key, block) in blocks {
            if let Entry::Vacant(place) = kept.blocks.entry(key) {
                kept.bytes += place.insert(block).len();
                kept.order.push_back(key);
            }
        }

        while kept.bytes > MOST
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.remove(&oldest);
        }
    }

    pub fn get(&self, key: &RowsKey) -> Option<Block> {
        self.0.lock().expect("no holder panics").blocks.get(key).map(Arc::clone)
    }

    /// Drops blocks that are not needed any more.
    pub fn forget(&self, keys: &[RowsKey]) {
        let mut kept = self.0.lock().expect("no holder panics");
        keys.iter().for_each(|key| kept.remove(key));
    }

    /// Drops all blocks of a job.
    pub fn close(&self, job: JobId) {
        let mut kept = self.0.lock().expect("no holder panics");
        let keys: Vec<RowsKey> =
            kept.blocks.keys().filter(|key| key.task.job == job).copied().collect();
        keys.iter().for_each(|key| kept.remove(key));
    }
}

impl Kept {
    fn remove(&mut self, key: &RowsKey) {
        if let Some(block) = self.blocks.remove(key) {
            self.bytes -= block.len();
            self.order.retain(|kept| kept != key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Class, TaskId};

    fn key(number: u64) -> RowsKey {
        RowsKey {
            task: TaskId { job: JobId(number % 2), class: Class::Extract, number },
            block: 0,
            edition: 0,
        }
    }

    #[test]
    fn the_oldest_go_when_there_is_no_room() {
        let recent = Recent::default();
        let block = Arc::new(vec![0; MOST / 4]);
        for number in 0..6 {
            recent.add(
                [(key(number), Arc::clone(&block)), (key(number), Arc::clone(&block))].into_iter(),
            );
        }

        let there = |recent: &Recent| {
            (0..6).filter(|&number| recent.get(&key(number)).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(there(&recent), [2, 3, 4, 5]);

        recent.forget(&[key(3), key(0)]);
        recent.close(JobId(0));
        assert_eq!(there(&recent), [5]);
        assert_eq!(recent.0.lock().unwrap().bytes, MOST / 4);
    }
}
