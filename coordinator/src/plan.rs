//! Sources → the files of each task.

use std::collections::VecDeque;
use std::path::Path;

use sheaf_common::codec::Codec;
use sheaf_common::numbers::FileIndex;
use sheaf_common::problem::FileProblem;
use sheaf_common::task::SourceFile;

use crate::discover::{Source, Sources};

/// A batch is never full before it has this many bytes. A file of this size is a task of its own.
const BATCH_BYTES: u64 = 1 << 20;
/// The fewest tasks of a job, unless they would be smaller than [`BATCH_BYTES`]: even a small job
/// should occupy every slot.
const TASKS: u64 = 64;
/// About how many times larger a packed file is when it is unpacked: text packs to a quarter or a
/// fifth.
const UNPACKED: u64 = 4;
/// The most files of a batch.
pub const BATCH_FILES: usize = 256;

/// Cuts the sources into tasks, in order and without gaps.
pub struct Plan<'a> {
    sources: &'a Sources,
    next: usize,
    batch_bytes: u64,
    /// Only files before this one may be planned; `None`: all.
    checked: Option<FileIndex>,
    /// Of these, the files to come that are reused, in ascending order.
    reused: VecDeque<FileIndex>,
}

/// The next piece of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Planned {
    /// The files of one extract task: at least one, with consecutive sequence numbers. Their
    /// content is not read yet.
    Task { files: Vec<SourceFile> },
    /// A file that fails without being tried.
    Problem { sequence: FileIndex, problem: FileProblem },
}

impl<'a> Plan<'a> {
    /// Plans the files from `first` on. Past the end of the sources the plan is empty.
    pub fn new(sources: &'a Sources, first: FileIndex) -> Self {
        let reused = VecDeque::new();
        Plan { sources, next: first.index(), batch_bytes: BATCH_BYTES, checked: None, reused }
    }

    /// From now on, plans only files that are checked. A task has either files that are reused, or
    /// others.
    pub fn wait_for_checks(&mut self) {
        self.checked = Some(FileIndex::at(self.next));
    }

    /// All files before `before` are checked. `reused`: those of them that are reused, beside the
    /// ones of earlier calls, in ascending order.
    pub fn checked(&mut self, before: FileIndex, reused: Vec<FileIndex>) {
        self.checked = self.checked.max(Some(before));
        self.reused.extend(reused);
    }

    /// Whether there are more files, and the next is not checked yet.
    pub fn waits(&self) -> bool {
        self.next < self.sources.len() && self.next >= self.end()
    }

    /// Where the files end that may be planned.
    fn end(&self) -> usize {
        self.checked.map_or(usize::MAX, FileIndex::index).min(self.sources.len())
    }

    /// Whether the next file is reused.
    fn is_reused(&self) -> bool {
        self.reused.front().is_some_and(|first| first.index() == self.next)
    }

    /// Sets the size of the batches to come, at most `most` bytes, and returns it.
    pub fn size_tasks(&mut self, most: u64) -> u64 {
        self.batch_bytes = most.min(self.sources.total_bytes() / TASKS).max(BATCH_BYTES);
        self.batch_bytes
    }

    /// The sequence number of the next file to be planned.
    pub fn position(&self) -> FileIndex {
        FileIndex::at(self.next)
    }
}

impl Iterator for Plan<'_> {
    type Item = Planned;

    fn next(&mut self) -> Option<Planned> {
        let mut files = Vec::new();
        let mut bytes = 0_u64;
        let is_reused = self.is_reused();

        while self.next < self.end() && files.len() < BATCH_FILES {
            // Workers do a task, or it is answered: not both.
            if self.is_reused() != is_reused {
                break;
            }

            let source = self.sources.get(self.next);
            let expected = expected_bytes(&source.path, source.size);
            let after = bytes.saturating_add(expected);

            // The file does not fit, or is to be a task of its own: the files before it go first.
            let closes = source.problem.is_some()
                || after > self.batch_bytes
                || expected >= self.batch_bytes;
            if closes && !files.is_empty() {
                break;
            }

            let sequence = FileIndex::at(self.next);
            self.next += 1;
            if let Some(problem) = source.problem {
                return Some(Planned::Problem { sequence, problem: problem.clone() });
            }

            if is_reused {
                self.reused.pop_front();
            }

            files.push(file(sequence, &source));
            bytes = after;

            // Full: nothing else would fit, or this file is a task of its own.
            if bytes >= self.batch_bytes {
                break;
            }
        }

        (!files.is_empty()).then_some(Planned::Task { files })
    }
}

/// About how many bytes of a file are to be read; its name says whether it is packed.
fn expected_bytes(path: &Path, size: u64) -> u64 {
    match Codec::of(path) {
        Some(_) => size.saturating_mul(UNPACKED),
        None => size,
    }
}

fn file(sequence: FileIndex, source: &Source<'_>) -> SourceFile {
    SourceFile::at_path(sequence, source.path.as_path(), source.size, source.modified_ns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sheaf_common::problem::ProblemKind;

    const MIB: u64 = 1 << 20;

    /// The sizes in each piece of at most this many bytes; a problem is an empty piece.
    fn pieces_of(most: u64, sizes: &[Option<u64>], first: u64) -> Vec<Vec<u64>> {
        let sources = Sources::example(sizes);
        let sizes_of = |planned| match planned {
            Planned::Task { files } => files.iter().map(|file| file.size).collect(),
            Planned::Problem { .. } => Vec::new(),
        };

        let mut plan = Plan::new(&sources, FileIndex(first));
        plan.size_tasks(most);
        plan.map(sizes_of).collect()
    }

    fn pieces(sizes: &[Option<u64>], first: u64) -> Vec<Vec<u64>> {
        pieces_of(4 * MIB, sizes, first)
    }

    #[test]
    fn only_small_files_share_a_task() {
        let sizes = [Some(1), Some(2), Some(MIB), Some(3), Some(2 * MIB), Some(4)];
        assert_eq!(pieces(&sizes, 0), [vec![1, 2], vec![MIB], vec![3], vec![2 * MIB], vec![4]]);
    }

    #[test]
    fn a_batch_is_limited_by_bytes_and_files() {
        let half = Some(MIB / 2);
        assert_eq!(pieces(&[half, half, half], 0), [vec![MIB / 2; 2], vec![MIB / 2]]);
        assert_eq!(pieces(&[half, Some(MIB / 2 + 1)], 0).len(), 2);
        let batches = |most, files| {
            pieces_of(most, &vec![Some(MIB); files], 0).iter().map(Vec::len).max().unwrap()
        };

        assert_eq!([127, 128, 1000].map(|files| batches(4 * MIB, files)), [1, 2, 4]);
        assert_eq!([0, 3, 99].map(|most| batches(most * MIB, 1000)), [1, 3, 15]);
        let counts: Vec<usize> = pieces(&[Some(0); 600], 0).iter().map(Vec::len).collect();
        assert_eq!(counts, [256, 256, 88]);
    }

    #[test]
    fn reused_files_share_no_task_with_others() {
        let sources = Sources::example(&[Some(1), Some(1), None, Some(1), Some(1), Some(1)]);
        let mut plan = Plan::new(&sources, FileIndex(0));
        plan.wait_for_checks();
        assert!(plan.waits() && plan.next().is_none());

        let index = |indexes: &[u64]| indexes.iter().map(|index| FileIndex(*index)).collect();
        let next = |plan: &mut Plan<'_>| match plan.next() {
            Some(Planned::Task { files }) => files.iter().map(|file| file.sequence.0).collect(),
            Some(Planned::Problem { sequence, .. }) => vec![sequence.0],
            None => Vec::new(),
        };

        plan.checked(FileIndex(4), index(&[0, 1, 3]));
        assert!(!plan.waits());
        assert_eq!(next(&mut plan), [0, 1]);
        assert_eq!(next(&mut plan), [2]);
        assert_eq!(next(&mut plan), [3]);
        assert!(plan.waits() && next(&mut plan).is_empty());

        plan.checked(FileIndex(6), index(&[5]));
        assert_eq!(next(&mut plan), [4]);
        assert_eq!(next(&mut plan), [5]);
        assert!(!plan.waits(), "there are no more");
    }

    #[test]
    fn packed_files_count_four_times_their_size() {
        let read = |name: &str| expected_bytes(Path::new(name), 100);
        assert_eq!(["a.html", "a.gz.html", "gz"].map(read), [100; 3]);
        assert_eq!(["a.html.gz", "a.XZ", "a.bz2", "a.jsonl.zst"].map(read), [400; 4]);
        assert_eq!(expected_bytes(Path::new("a.gz"), u64::MAX), u64::MAX);
    }

    #[test]
    fn a_problem_closes_the_batch_and_stands_alone() {
        let sizes = [Some(1), None, None, Some(2)];
        assert_eq!(pieces(&sizes, 0), [vec![1], vec![], vec![], vec![2]]);
        let sources = Sources::example(&sizes);
        let Some(Planned::Problem { sequence, problem }) = Plan::new(&sources, FileIndex(1)).next()
        else {
            panic!()
        };

        assert_eq!((sequence, problem.kind()), (FileIndex(1), ProblemKind::Gone));
    }

    #[test]
    fn a_plan_begins_anywhere_and_leaves_no_gap() {
        let sizes: Vec<Option<u64>> =
            (0..700).map(|i| (i % 97 != 5).then_some(i * 7919 % (2 * MIB))).collect();
        let sources = Sources::example(&sizes);
        for first in [0, 1, 5, 256, 699, 700, u64::MAX] {
            let mut expected = first;
            for planned in Plan::new(&sources, FileIndex(first)) {
                match planned {
                    Planned::Problem { sequence, .. } => {
                        assert_eq!(sequence, FileIndex(expected));
                        expected += 1;
                    }
                    Planned::Task { files } => {
                        for file in files {
                            assert_eq!(file.sequence, FileIndex(expected));
                            expected += 1;
                        }
                    }
                }
            }

            assert_eq!(expected, first.max(700));
        }
    }
}
