//! The coordinator's memory: which files were read, which rows they gave, and what place each unit
//! of rows has.
//!
//! A pure state machine: [`Ledger::handle`] takes an event and gives commands; no I/O, no clock, no
//! order of arrival that would change a result.
//!
//! ```text
//! file:  planned ──Push(extract)──▶ pending ──Extracted──▶ reported ──all before it are──▶ placed in a unit
//! unit:  open ──enough rows──▶ ready ──Push(render)──▶ pending ──Rendered──▶ rendered ──all before it are──▶ Commit
//! ```
//!
//! The place of a unit depends on the rows before it alone, and its bounds on the slices that the
//! extractor cut: so units are the same whatever order outcomes come in, however files were
//! batched, and wherever a run was resumed.
//!
//! * [`extracts`]: the extract tasks that are not placed yet. [`mod@unit`]: units, open and closed.
//!   [`mod@repair`]: rows that were lost are extracted again.

mod extracts;
mod repair;
mod unit;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sheaf_common::job::{Class, JobId, JobSpec, TaskId, WorkerId};
use sheaf_common::outcome::{Extracted, FileReport, Outcome, RenderedUnit, Segment, TaskResult};
use sheaf_common::problem::FileProblem;
use sheaf_common::task::{Extract, Piece, Render, RenderUnit, RowsKey, SourceFile, Task, Work};

use extracts::{Extracts, Placed, Reported, RowsAt, slices};
pub use unit::FileDone;
use unit::{OpenUnit, Unit};

/// Where in the order of all rows a unit begins or ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The first file that is not wholly before this place.
    pub file: u64,
    /// How many slices of that file are before it.
    pub slices: u32,
    /// Rows, and overflow rows, before it: in all, and of that file.
    pub rows: u64,
    pub overflow: u64,
    pub file_rows: u64,
    pub file_overflow: u64,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// These files come next in the order of inputs, and are to be one task.
    Planned(Vec<SourceFile>),
    /// This file comes next, and cannot be read at all.
    Unreadable { sequence: u64, problem: FileProblem },
    /// No file comes any more.
    PlanEnded,
    /// The queue gave an outcome.
    Came(Outcome),
    /// The queue has lost these tasks.
    Lost(Vec<TaskId>),
}

/// What the caller is to do.
#[derive(Debug, PartialEq)]
pub enum Command {
    Push(Task),
    /// The next unit in order is whole: store it for good.
    Commit(Commit),
    /// The queue may drop these blocks of rows: they came a second time.
    Forget(Vec<RowsKey>),
    /// The job cannot go on.
    GiveUp {
        reason: String,
    },
}

/// A unit that is to be stored; units are committed in their order.
#[derive(Debug, Default, PartialEq)]
pub struct Commit {
    /// The files that end in this unit, in order.
    pub files: Vec<FileDone>,
    pub segments: Vec<Segment>,
    /// Where the unit ends: where a later run goes on.
    pub end: Position,
    /// Blocks of rows on the queue that are not needed any more.
    pub forget: Vec<RowsKey>,
}

/// See the module's page.
pub struct Ledger {
    job: JobId,
    spec: Arc<JobSpec>,
    extracts: Extracts,
    /// Tasks whose rows stand in units that are not committed yet.
    placed: HashMap<u64, Placed>,
    open: OpenUnit,
    /// Closed units that are not committed yet; the first has the number `first_unit`.
    units: VecDeque<Unit>,
    first_unit: u64,
    /// The most rows of a render task with several units, in bytes.
    task_bytes: u64,
    /// The slices before this belong to units of an earlier run.
    resumed: Position,
    plan_ended: bool,
}

impl Ledger {
    /// A ledger that goes on at `from`; the default is the beginning. The first file that is
    /// planned must be `from.file`.
    pub fn new(job: JobId, spec: Arc<JobSpec>, from: Position) -> Self {
        Ledger {
            job,
            spec,
            extracts: Extracts::default(),
            placed: HashMap::new(),
            open: OpenUnit::new(from),
            units: VecDeque::new(),
            first_unit: 0,
            task_bytes: 0,
            resumed: from,
            plan_ended: false,
        }
    }

    /// Takes note of an event; the commands are to be carried out in their order.
    pub fn handle(&mut self, event: Event) -> Vec<Command> {
        let mut commands = Vec::new();
        match event {
            Event::Planned(files) => {
                let number = self.extracts.plan(files.clone());
                commands.push(Command::Push(self.extract_task(Class::Extract, number, files)));
            }
            Event::Unreadable { sequence, problem } => {
                self.extracts.settle(FileReport::unreadable(sequence, problem));
                self.place(&mut commands);
            }
            Event::PlanEnded => {
                self.plan_ended = true;
                self.place(&mut commands);
            }
            Event::Came(outcome) => self.came(outcome, &mut commands),
            Event::Lost(tasks) => {
                // Those that are not pending any more came back meanwhile.
                let pending = tasks.into_iter().filter_map(|id| self.task(id));
                commands.extend(pending.map(Command::Push));
            }
        }

        commands
    }

    /// From now on, units that become ready together are rendered as one task, up to so many bytes
    /// of rows.
    pub fn size_tasks(&mut self, bytes: u64) {
        self.task_bytes = bytes;
    }

    pub fn job(&self) -> JobId {
        self.job
    }

    /// Whether everything that was planned is committed.
    pub fn is_done(&self) -> bool {
        self.plan_ended && self.extracts.is_empty() && self.units.is_empty()
    }

    /// The bytes that the job has outstanding: files to read, rows, segments that wait for their
    /// turn.
    pub fn outstanding_bytes(&self) -> u64 {
        self.extracts.bytes() + self.open.bytes() + self.units.iter().map(Unit::bytes).sum::<u64>()
    }

    /// The extract tasks that were pushed and have not come back.
    pub fn pending_extracts(&self) -> usize {
        self.extracts.pending().count()
    }

    /// All tasks that were pushed and have not come back.
    pub fn pending(&self) -> Vec<TaskId> {
        let id = |class| move |number| TaskId { job: self.job, class, number };

        let extracts = self.extracts.pending();
        let repairs =
            self.placed.iter().filter(|(_, placed)| placed.repairing).map(|(number, _)| *number);

        // Several units may wait for one task.
        let renders: BTreeSet<u64> = self.units.iter().filter_map(Unit::task).collect();
        let renders = renders.into_iter().map(id(Class::Render));

        repairs
            .map(id(Class::Repair))
            .chain(renders)
            .chain(extracts.map(id(Class::Extract)))
            .collect()
    }

    fn came(&mut self, outcome: Outcome, commands: &mut Vec<Command>) {
        let Outcome { task, slot, result } = outcome;
        match (task.class, result) {
            (Class::Extract | Class::Repair, TaskResult::Extracted(extracted)) => {
                self.extracted(task, slot, extracted, commands);
            }
            (Class::Extract, TaskResult::Failed { reason }) => {
                if self.extracts.fail(task.number, slot, &FileProblem::Task { reason }) {
                    self.place(commands);
                }
            }
            (Class::Repair, TaskResult::Failed { reason }) => {
                let reason =
                    format!("files whose rows were lost could not be read again: {reason}");
                commands.push(Command::GiveUp { reason });
            }
            (Class::Render, TaskResult::Rendered(units)) => {
                for RenderedUnit { number, segments } in units {
                    // It may be committed already: a task may be done twice.
                    if let Some(unit) = self.unit_mut(number) {
                        unit.rendered(segments);
                    }
                }

                self.commit(commands);
            }
            (_, TaskResult::TaskLost) => commands.extend(self.task(task).map(Command::Push)),
            (Class::Render, TaskResult::RowsLost(keys)) => self.repair(task.number, keys, commands),
            (Class::Render, TaskResult::Failed { reason }) => {
                // Rows that cannot be used are as good as lost.
                let keys = self.units_of(task.number).flat_map(|(_, unit)| unit.rows()).collect();
                tracing::warn!(%task, reason, "could not render units");
                self.repair(task.number, keys, commands);
            }
            // News: they end nothing.
            (_, _) => {}
        }
    }

    /// An extract task came back: for the first time, once more, or because its rows were lost.
    fn extracted(
        &mut self,
        task: TaskId,
        slot: String,
        extracted: Extracted,
        commands: &mut Vec<Command>,
    ) {
        if self.edition(task.number) == Some(extracted.edition) {
            // The same once more.
            return;
        }

        if self.placed.get(&task.number).is_some_and(|placed| placed.repairing) {
            return self.repaired(task, extracted, commands);
        }

        match self.extracts.report(task.number, slot, extracted) {
            Ok(()) => self.place(commands),
            // Another answer is in use: nobody will ask for the blocks of this one.
            Err(unwanted) => commands.push(Command::Forget(on_queue(task, &unwanted))),
        }
    }

    /// Places the rows of all files whose predecessors are reported; closes and pushes the units
    /// that are full.
    fn place(&mut self, commands: &mut Vec<Command>) {
        let closed_before = self.next_unit();
        while let Some((number, reported)) = self.extracts.next_reported() {
            self.place_task(number, reported);
        }

        // Nothing comes any more: the last unit is closed though it is not full.
        if self.plan_ended && self.extracts.is_empty() && !self.open.is_empty() {
            self.close();
        }

        self.push_ready(closed_before, commands);
        self.commit(commands);
    }

    /// Gives the rows of a task their places.
    fn place_task(&mut self, number: u64, reported: Reported) {
        let task = TaskId { job: self.job, class: Class::Extract, number };
        let mut last_block = None;
        for report in &reported.reports {
            let slices = slices(report);
            let skip =
                if report.sequence == self.resumed.file { self.resumed.slices as usize } else { 0 };

            for (index, slice) in slices.iter().enumerate() {
                let rows = reported.rows.key(task, slice.block);

                // Slices come block by block: the block before has had its last one.
                if let Some(last) = last_block.replace(rows)
                    && last != rows
                {
                    self.open.forget_after(last);
                }

                if index >= skip {
                    let piece = |position: &Position| Piece {
                        rows,
                        slice: *slice,
                        sequence: report.sequence,
                        first_row: position.file_rows,
                        first_overflow: position.file_overflow,
                    };

                    self.open.add(piece, reported.rows.keeper(slice.block));
                }

                // After the last slice the file ends first: in the unit that has its last row.
                if index + 1 < slices.len() {
                    self.close_if_full();
                }
            }

            self.open.end_file(report, &reported.slot);
            self.close_if_full();
        }

        if let Some(last) = last_block {
            self.forget(last);
            self.placed.insert(number, Placed::new(reported, last.block + 1));
        }
    }

    /// A block's last slice was placed: it goes with the unit that holds it, which may be closed
    /// already.
    fn forget(&mut self, rows: RowsKey) {
        match self.units.back_mut() {
            Some(unit) if self.open.is_empty() => unit.forget_after(rows),
            _ => self.open.forget_after(rows),
        }
    }

    fn close_if_full(&mut self) {
        if self.open.is_full() {
            self.close();
        }
    }

    fn close(&mut self) {
        self.units.push_back(self.open.close());
    }

    /// Pushes what is ready of the units from `first` on. Those that follow each other and are for
    /// the same worker are one task, up to its bytes: a task costs the queue the same, however much
    /// is in it.
    fn push_ready(&mut self, first: u64, commands: &mut Vec<Command>) {
        let mut number = first;
        while number < self.next_unit() {
            // The number of a render task is that of its first unit.
            let task = number;
            let task_bytes = self.task_bytes;
            let mut bytes = 0;
            let mut units = Vec::new();
            let mut keeper = None;

            while let Some(unit) = self.unit_mut(number).filter(|unit| unit.is_ready()) {
                bytes += unit.bytes();
                if number == task {
                    keeper = unit.keeper().cloned();
                } else if bytes > task_bytes || unit.keeper() != keeper.as_ref() {
                    break;
                }

                unit.pushed(task);
                units.push(unit.render(number));
                number += 1;
            }

            if units.is_empty() {
                // It is pushed or rendered already, or waits for rows.
                number += 1;
            } else {
                commands.push(Command::Push(self.render_task(task, units, keeper)));
            }
        }
    }

    fn commit(&mut self, commands: &mut Vec<Command>) {
        while self.units.front().is_some_and(Unit::is_rendered) {
            let mut commit = self.units.pop_front().expect("just seen").commit();
            self.first_unit += 1;

            // Blocks that a worker keeps are not on the queue: there is nothing to drop there.
            commit.forget.retain(|rows| {
                let Some(placed) = self.placed.get_mut(&rows.task.number) else { return true };
                let is_on_queue = placed.rows.keeper(rows.block).is_none();
                if placed.forget_block(rows.block) {
                    self.placed.remove(&rows.task.number);
                }

                is_on_queue
            });

            commands.push(Command::Commit(commit));
        }
    }

    /// The edition of a task's rows that is in use.
    fn edition(&self, number: u64) -> Option<u64> {
        let placed = self.placed.get(&number).map(|placed| placed.rows.edition);
        placed.or_else(|| self.extracts.edition(number))
    }

    /// The number that the next unit gets.
    fn next_unit(&self) -> u64 {
        self.first_unit + self.units.len() as u64
    }

    /// The units that a pending render task is to bring, with their numbers.
    fn units_of(&self, task: u64) -> impl Iterator<Item = (u64, &Unit)> {
        (self.first_unit..).zip(&self.units).filter(move |(_, unit)| unit.task() == Some(task))
    }

    fn unit_mut(&mut self, number: u64) -> Option<&mut Unit> {
        self.units.get_mut(number.checked_sub(self.first_unit)? as usize)
    }

    /// The task with this id, if it is pending.
    fn task(&self, id: TaskId) -> Option<Task> {
        let number = id.number;
        match id.class {
            Class::Extract => {
                let files = self.extracts.files(number)?.to_vec();
                Some(self.extract_task(id.class, number, files))
            }
            Class::Repair => {
                let placed = self.placed.get(&number).filter(|placed| placed.repairing)?;
                Some(self.extract_task(id.class, number, placed.files.clone()))
            }
            Class::Render => {
                let (_, first) = self.units_of(number).next()?;
                let units =
                    self.units_of(number).map(|(number, unit)| unit.render(number)).collect();
                Some(self.render_task(number, units, first.keeper().cloned()))
            }
        }
    }

    fn extract_task(&self, class: Class, number: u64, files: Vec<SourceFile>) -> Task {
        let id = TaskId { job: self.job, class, number };
        Task { id, work: Work::Extract(Extract { spec: Arc::clone(&self.spec), files }) }
    }

    fn render_task(&self, number: u64, units: Vec<RenderUnit>, keeper: Option<WorkerId>) -> Task {
        let id = TaskId { job: self.job, class: Class::Render, number };
        Task { id, work: Work::Render(Render { spec: Arc::clone(&self.spec), units, keeper }) }
    }
}

/// The blocks that a task left on the queue.
fn on_queue(task: TaskId, extracted: &Extracted) -> Vec<RowsKey> {
    let rows = RowsAt { edition: extracted.edition, kept: extracted.kept.clone() };
    let blocks: BTreeSet<u32> =
        extracted.reports.iter().flat_map(slices).map(|slice| slice.block).collect();

    blocks
        .into_iter()
        .filter(|block| rows.keeper(*block).is_none())
        .map(|block| rows.key(task, block))
        .collect()
}

#[cfg(test)]
mod tests;
