//! The extract tasks that are not over, in the order of the inputs.

use std::collections::BTreeMap;

use sheaf_common::job::{Class, TaskId};
use sheaf_common::numbers::TaskNumber;
use sheaf_common::outcome::{Extracted, FileReport};
use sheaf_common::problem::FileProblem;
use sheaf_common::rows::RowsKey;
use sheaf_common::task::SourceFile;

use super::illegal::{IllegalMove, Thing};
use super::rows::RowsAt;
use super::task::{ExtractTask, Reported, Use};

/// All tasks, from their planning until no unit needs their rows.
#[derive(Default)]
pub struct Extracts {
    tasks: BTreeMap<TaskNumber, ExtractTask>,
    /// The first task whose rows have no places yet.
    unplaced: TaskNumber,
    /// The number of the next task.
    next: TaskNumber,
    /// How many tasks are pending, and the sum of [`ExtractTask::bytes`]: sums, because both are
    /// read whenever a task is planned.
    pending: usize,
    bytes: u64,
}

impl Extracts {
    /// Adds a task that is to be pushed; returns its number.
    pub fn plan(&mut self, files: Vec<SourceFile>) -> TaskNumber {
        let number = self.next;
        self.insert(ExtractTask::plan(number, files));

        number
    }

    /// Adds a file whose report is known without a task.
    pub fn settle(&mut self, report: FileReport) {
        self.insert(ExtractTask::settle(self.next, report));
    }

    fn insert(&mut self, task: ExtractTask) {
        self.count_in(&task);
        self.tasks.insert(self.next, task);
        self.next = self.next.next();
    }

    /// Whether all planned tasks are placed.
    pub fn are_placed(&self) -> bool {
        self.unplaced == self.next
    }

    /// How many tasks wait for their first outcome.
    pub fn pending(&self) -> usize {
        self.pending
    }

    /// The bytes of files that are not read, and of rows that are not placed.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The tasks that wait for an outcome of this class.
    pub fn waited_for(&self, class: Class) -> impl Iterator<Item = TaskNumber> + '_ {
        let tasks = self.tasks.iter().filter(move |(_, task)| task.waits_for() == Some(class));
        tasks.map(|(number, _)| *number)
    }

    /// The files of a task, if it waits for an outcome of this class.
    pub fn files(&self, class: Class, number: TaskNumber) -> Option<&[SourceFile]> {
        let task = self.tasks.get(&number).filter(|task| task.waits_for() == Some(class))?;
        Some(task.files())
    }

    /// Decides what to do with rows that came for a task.
    pub fn use_of(&self, number: TaskNumber, extracted: &Extracted) -> Use {
        // No unit needs the rows of a task that is over.
        self.tasks.get(&number).map_or(Use::Unwanted, |task| task.use_of(extracted))
    }

    /// The path of the first file whose new rows differ from those that have places; `None` if all
    /// are the same.
    pub fn differs(&self, number: TaskNumber, reports: &[FileReport]) -> Option<String> {
        self.tasks.get(&number)?.differs(reports)
    }

    /// Pending → reported: see [`ExtractTask::report`].
    pub fn report(
        &mut self,
        number: TaskNumber,
        slot: String,
        extracted: Extracted,
    ) -> Result<(), IllegalMove> {
        self.move_on(number, "be reported", |task| task.report(slot, extracted))
    }

    /// Pending → reported, with all files failed: see [`ExtractTask::fail`].
    pub fn fail(
        &mut self,
        number: TaskNumber,
        slot: String,
        problem: &FileProblem,
    ) -> Result<(), IllegalMove> {
        self.move_on(number, "fail", |task| task.fail(slot, problem))
    }

    /// Places the first unplaced task, if it is reported; returns its rows.
    pub fn place_next(&mut self) -> Result<Option<(TaskNumber, Reported)>, IllegalMove> {
        let number = self.unplaced;
        if !self.tasks.get(&number).is_some_and(ExtractTask::is_reported) {
            return Ok(None);
        }

        let reported = self.move_on(number, "be placed", ExtractTask::place)?;
        self.unplaced = number.next();

        Ok(Some((number, reported)))
    }

    /// Marks the rows of a task as lost. Returns its files if they must be pushed again; `None` if
    /// they already were.
    pub fn lose_rows(&mut self, number: TaskNumber) -> Result<Option<&[SourceFile]>, IllegalMove> {
        let is_first = self.move_on(number, "lose rows", ExtractTask::lose_rows)?;
        Ok(self.tasks.get(&number).filter(|_| is_first).map(ExtractTask::files))
    }

    /// Takes the new place of rows that were lost; returns the blocks that the queue may drop.
    pub fn come_back(&mut self, task: TaskId, now: RowsAt) -> Result<Vec<RowsKey>, IllegalMove> {
        self.move_on(task.number, "come back", |extract| extract.come_back(task, now))
    }

    /// Marks a block as no longer needed; returns whether it is on the queue.
    pub fn forget_block(&mut self, rows: RowsKey) -> Result<bool, IllegalMove> {
        let number = rows.task.number;
        self.move_on(number, "forget a block", |task| task.forget_block(rows.block))
    }

    /// Takes a step in the life of a task and updates the sums. A task that is over is removed.
    fn move_on<T>(
        &mut self,
        number: TaskNumber,
        step: &'static str,
        take_it: impl FnOnce(&mut ExtractTask) -> Result<T, IllegalMove>,
    ) -> Result<T, IllegalMove> {
        let thing = Thing::Task(number);
        let gone = IllegalMove { thing, step, state: "is gone" };
        let mut task = self.tasks.remove(&number).ok_or(gone)?;

        // Counted out and in again, as any step may change the sums.
        self.count_out(&task);
        let moved = take_it(&mut task);
        self.count_in(&task);

        if !task.is_over() {
            self.tasks.insert(number, task);
        }

        moved
    }

    fn count_in(&mut self, task: &ExtractTask) {
        self.pending += usize::from(task.waits_for() == Some(Class::Extract));
        self.bytes += task.bytes();
    }

    fn count_out(&mut self, task: &ExtractTask) {
        self.pending -= usize::from(task.waits_for() == Some(Class::Extract));
        self.bytes -= task.bytes();
    }

    /// What [`Extracts::pending`] and [`Extracts::bytes`] must return.
    #[cfg(test)]
    pub fn sums(&self) -> (usize, u64) {
        let pending = self.waited_for(Class::Extract).count();
        (pending, self.tasks.values().map(ExtractTask::bytes).sum())
    }

    /// Whether no task is left.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }
}
