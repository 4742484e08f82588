//! The extract tasks that are not placed yet, in the order of inputs.

use std::collections::{BTreeSet, VecDeque};

use sheaf_common::job::{TaskId, WorkerId};
use sheaf_common::outcome::{Extracted, FileReport, FileStatus, Kept, Slice};
use sheaf_common::problem::FileProblem;
use sheaf_common::task::{RowsKey, SourceFile};

/// The cost of a file that is outstanding, whatever its size: its path, its report, its place in
/// a task. Without it, a window of bytes would hold any number of tiny files.
pub const FILE_COST: u64 = 1 << 10;

/// Tasks from the first one that is not placed; numbers follow each other.
#[derive(Default)]
pub struct Extracts {
    tasks: VecDeque<Entry>,
    /// The number of the first of them.
    first: u64,
}

enum Entry {
    Pending { files: Vec<SourceFile> },
    Reported(Reported),
}

/// A task that came back.
pub struct Reported {
    pub files: Vec<SourceFile>,
    pub slot: String,
    pub reports: Vec<FileReport>,
    pub rows: RowsAt,
}

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

impl Extracts {
    /// Takes in a task that is to be pushed; returns its number.
    pub fn plan(&mut self, files: Vec<SourceFile>) -> u64 {
        self.tasks.push_back(Entry::Pending { files });
        self.first + self.tasks.len() as u64 - 1
    }

    /// Takes in a file about which everything is known already.
    pub fn settle(&mut self, report: FileReport) {
        self.tasks.push_back(Entry::Reported(Reported {
            files: Vec::new(),
            slot: String::new(),
            reports: vec![report],
            rows: RowsAt::default(),
        }));
    }

    /// Takes note of a report; gives it back if no task waits for it.
    pub fn report(
        &mut self,
        number: u64,
        slot: String,
        extracted: Extracted,
    ) -> Result<(), Extracted> {
        let Some(entry) = self.entry_mut(number) else { return Err(extracted) };
        let Entry::Pending { files } = entry else { return Err(extracted) };

        let reports = &extracted.reports;
        let answers_all = files.len() == reports.len()
            && files.iter().zip(reports).all(|(file, report)| file.sequence == report.sequence);
        if !answers_all {
            return Err(extracted);
        }

        let Extracted { reports, edition, kept } = extracted;
        let files = std::mem::take(files);
        let rows = RowsAt { edition, kept };
        *entry = Entry::Reported(Reported { files, slot, reports, rows });

        Ok(())
    }

    /// A task failed as a whole: so did each of its files.
    pub fn fail(&mut self, number: u64, slot: String, problem: &FileProblem) -> bool {
        let Some(Entry::Pending { files }) = self.entry_mut(number) else { return false };

        let unreadable = |file: &SourceFile| FileReport::unreadable(file.sequence, problem.clone());
        let reports = files.iter().map(unreadable).collect();
        self.report(number, slot, Extracted { reports, edition: 0, kept: None }).is_ok()
    }

    /// The edition of the rows of a task that came back and is not placed yet.
    pub fn edition(&self, number: u64) -> Option<u64> {
        match self.tasks.get(number.checked_sub(self.first)? as usize)? {
            Entry::Reported(reported) => Some(reported.rows.edition),
            Entry::Pending { .. } => None,
        }
    }

    /// Takes the first task, with its number, if it is reported.
    pub fn next_reported(&mut self) -> Option<(u64, Reported)> {
        match self.tasks.pop_front()? {
            pending @ Entry::Pending { .. } => {
                self.tasks.push_front(pending);
                None
            }
            Entry::Reported(reported) => {
                self.first += 1;
                Some((self.first - 1, reported))
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// The numbers of the tasks that are waited for.
    pub fn pending(&self) -> impl Iterator<Item = u64> + '_ {
        let pending = self
            .tasks
            .iter()
            .zip(self.first..)
            .filter(|(entry, _)| matches!(entry, Entry::Pending { .. }));

        pending.map(|(_, number)| number)
    }

    /// The files of a task that is waited for.
    pub fn files(&self, number: u64) -> Option<&[SourceFile]> {
        match self.tasks.get(number.checked_sub(self.first)? as usize)? {
            Entry::Pending { files } => Some(files),
            Entry::Reported(_) => None,
        }
    }

    /// The sizes of the files that are waited for, and the rows that others gave, in bytes; each
    /// file counts as [`FILE_COST`] more.
    pub fn bytes(&self) -> u64 {
        let content = |entry: &Entry| match entry {
            Entry::Pending { files } => files.iter().map(|file| file.size).sum::<u64>(),
            Entry::Reported(Reported { reports, .. }) => {
                reports.iter().flat_map(slices).map(|slice| u64::from(slice.length)).sum()
            }
        };

        let cost = |entry: &Entry| match entry {
            Entry::Pending { files } | Entry::Reported(Reported { files, .. }) => {
                files.len() as u64 * FILE_COST
            }
        };

        self.tasks.iter().map(|entry| content(entry) + cost(entry)).sum::<u64>()
    }

    fn entry_mut(&mut self, number: u64) -> Option<&mut Entry> {
        self.tasks.get_mut(number.checked_sub(self.first)? as usize)
    }
}

/// The slices of a file; none if it failed.
pub fn slices(report: &FileReport) -> &[Slice] {
    match &report.status {
        FileStatus::Done { slices, .. } => slices,
        FileStatus::Failed(_) | FileStatus::Dead(_) => &[],
    }
}

/// A task whose rows were given places, and are needed until their units are committed.
pub struct Placed {
    pub files: Vec<SourceFile>,
    /// Whether it was pushed once more because its rows were lost.
    pub repairing: bool,
    pub rows: RowsAt,
    reports: Vec<FileReport>,
    blocks: u32,
    /// Its blocks that are still needed.
    needed: BTreeSet<u32>,
}

impl Placed {
    pub fn new(reported: Reported, blocks: u32) -> Self {
        let Reported { files, reports, rows, .. } = reported;
        Placed { files, repairing: false, rows, reports, blocks, needed: (0..blocks).collect() }
    }

    /// One of its blocks is needed no more; `true` if it was the last.
    pub fn forget_block(&mut self, block: u32) -> bool {
        self.needed.remove(&block);
        self.needed.is_empty()
    }

    /// The blocks that are still needed.
    pub fn needed(&self) -> impl Iterator<Item = u32> + '_ {
        self.needed.iter().copied()
    }

    /// Blocks whose units are already committed; a repair produces them again for nothing.
    pub fn needless(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.blocks).filter(|block| !self.needed.contains(block))
    }

    /// The path of the first file whose rows are not where they were.
    pub fn differs(&self, reports: &[FileReport]) -> Option<String> {
        let mut pairs = self.reports.iter().zip(reports);
        let index = pairs.position(|(old, new)| slices(old) != slices(new))?;
        Some(self.files[index].path.display())
    }
}
