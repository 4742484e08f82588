//! The coordinator's memory: which files were read, which rows they gave, and what place each unit of rows has.
//!
//! A pure state machine: [`Ledger::handle`] takes an event and gives commands; no I/O, no clock, no order of arrival
//! that would change a result.
//!
//! ```text
//! file:  planned ──Push(extract)──▶ pending ──Extracted──▶ reported ──all before it are──▶ placed in a unit
//! unit:  open ──enough rows──▶ closed ──Push(render)──▶ pending ──Rendered──▶ rendered ──all before it are──▶ Commit
//! ```
//!
//! The place of a unit depends on the rows before it alone, and its bounds on the slices that the extractor cut: so
//! units are the same whatever order outcomes come in, however files were batched, and wherever a run was resumed.
//!
//! * [`extracts`]: the extract tasks that are not placed yet. [`mod@unit`]: units, open and closed.

mod extracts;
mod unit;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sheaf_common::job::{Class, JobId, JobSpec, TaskId};
use sheaf_common::outcome::{FileReport, FileStatus, Outcome, Segment, TaskResult};
use sheaf_common::task::{Extract, Piece, RowsKey, SourceFile, Task, Work};

use extracts::{Extracts, Placed};
pub use unit::FileDone;
use unit::{OpenUnit, Unit};

/// How often a unit whose rows cannot be used is extracted again before the job is given up.
const MOST_REPAIRS: u32 = 3;

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
    Unreadable { sequence: u64, reason: String },
    /// No file comes any more.
    PlanEnded,
    /// The queue gave an outcome.
    Came(Outcome),
    /// The queue has lost these tasks.
    Lost(Vec<TaskId>),
}

/// What is to be done about it.
#[derive(Debug, PartialEq)]
pub enum Command {
    Push(Task),
    /// The next unit in order is whole: store it for good.
    Commit(Commit),
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
    /// Blocks of rows that nobody needs any more.
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
    /// The slices before this belong to units of an earlier run.
    resumed: Position,
    plan_ended: bool,
}

impl Ledger {
    /// A ledger that goes on at `from`; the default is the beginning. The first file that is planned must be `from.file`.
    pub fn new(job: JobId, spec: Arc<JobSpec>, from: Position) -> Self {
        Ledger {
            job,
            spec,
            extracts: Extracts::default(),
            placed: HashMap::new(),
            open: OpenUnit::new(from),
            units: VecDeque::new(),
            first_unit: 0,
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
                commands.push(self.extract_task(number, files));
            }
            Event::Unreadable { sequence, reason } => {
                self.extracts.settle(FileReport::unreadable(sequence, reason));
                self.place(&mut commands);
            }
            Event::PlanEnded => {
                self.plan_ended = true;
                self.place(&mut commands);
            }
            Event::Came(outcome) => self.came(outcome, &mut commands),
            Event::Lost(tasks) => tasks.into_iter().for_each(|id| commands.extend(self.task(id).map(Command::Push))),
        }
        commands
    }

    pub fn job(&self) -> JobId {
        self.job
    }

    /// Whether everything that was planned is committed.
    pub fn is_done(&self) -> bool {
        self.plan_ended && self.extracts.is_empty() && self.units.is_empty()
    }

    /// The bytes that the job has outstanding: files to read, rows, segments that wait for their turn.
    pub fn outstanding_bytes(&self) -> u64 {
        self.extracts.bytes() + self.open.bytes() + self.units.iter().map(Unit::bytes).sum::<u64>()
    }

    /// The extract tasks that were pushed and have not come back.
    pub fn pending_extracts(&self) -> usize {
        self.extracts.pending().count()
    }

    /// All tasks that were pushed and have not come back.
    pub fn pending(&self) -> Vec<TaskId> {
        let extracts = self.extracts.pending();
        let repairs = self.placed.iter().filter(|(_, placed)| placed.repairing).map(|(number, _)| *number);
        let renders = self.units.iter().zip(self.first_unit..).filter(|(unit, _)| unit.is_pending());
        let id = |class| move |number| TaskId { job: self.job, class, number };
        let renders = renders.map(|(_, number)| number).map(id(Class::Render));
        renders.chain(extracts.chain(repairs).map(id(Class::Extract))).collect()
    }

    fn came(&mut self, outcome: Outcome, commands: &mut Vec<Command>) {
        let Outcome { task, slot, result } = outcome;
        match (task.class, result) {
            (Class::Extract, TaskResult::Extracted(reports)) => {
                if self.placed.get(&task.number).is_some_and(|placed| placed.repairing) {
                    self.repaired(task.number, reports, commands);
                } else if self.extracts.report(task.number, slot, reports) {
                    self.place(commands);
                }
            }
            (Class::Extract, TaskResult::Failed { reason }) => {
                if self.extracts.fail(task.number, slot, &reason) {
                    self.place(commands);
                }
            }
            (Class::Render, TaskResult::Rendered(segments)) => {
                if let Some(unit) = self.unit_mut(task.number) {
                    unit.rendered(segments);
                }
                self.commit(commands);
            }
            (_, TaskResult::TaskLost) => commands.extend(self.task(task).map(Command::Push)),
            (Class::Render, TaskResult::RowsLost(keys)) => self.repair(task.number, keys, commands),
            (Class::Render, TaskResult::Failed { reason }) => {
                // Rows that cannot be used are as good as lost.
                let keys = self.unit_mut(task.number).map(|unit| unit.rows()).unwrap_or_default();
                tracing::warn!(%task, reason, "could not render a unit");
                self.repair(task.number, keys, commands);
            }
            // News of other kinds of work: see `sheaf demo`.
            (_, _) => {}
        }
    }

    /// Places the rows of all files whose predecessors are reported; closes and pushes the units that are full.
    fn place(&mut self, commands: &mut Vec<Command>) {
        while let Some((number, files, slot, reports)) = self.extracts.next_reported() {
            let task = TaskId { job: self.job, class: Class::Extract, number };
            let mut last_block = None;
            for report in &reports {
                let slices = match &report.status {
                    FileStatus::Done { slices, .. } => slices.as_slice(),
                    FileStatus::Failed { .. } | FileStatus::Dead { .. } => &[],
                };
                let skip = if report.sequence == self.resumed.file { self.resumed.slices as usize } else { 0 };
                for (index, slice) in slices.iter().enumerate() {
                    let rows = RowsKey { task, block: slice.block };
                    if last_block.is_some_and(|last| last != rows) {
                        self.open.forget_after(last_block.take().expect("just seen"));
                    }
                    last_block = Some(rows);
                    if index >= skip {
                        self.open.add(|position| Piece {
                            rows,
                            slice: *slice,
                            sequence: report.sequence,
                            first_row: position.file_rows,
                            first_overflow: position.file_overflow,
                        });
                    }
                    if index + 1 < slices.len() {
                        self.close_if_full(commands);
                    }
                }
                self.open.end_file(report, &slot);
                self.close_if_full(commands);
            }
            if let Some(last) = last_block {
                self.forget(last);
                self.placed.insert(number, Placed::new(files, reports, last.block + 1));
            }
        }
        if self.plan_ended && self.extracts.is_empty() && !self.open.is_empty() {
            self.close(commands);
        }
        self.commit(commands);
    }

    /// A block's last slice was placed: it goes with the unit that holds it, which may be closed already.
    fn forget(&mut self, rows: RowsKey) {
        match self.units.back_mut() {
            Some(unit) if self.open.is_empty() => unit.forget_after(rows),
            _ => self.open.forget_after(rows),
        }
    }

    fn close_if_full(&mut self, commands: &mut Vec<Command>) {
        if self.open.is_full() {
            self.close(commands);
        }
    }

    fn close(&mut self, commands: &mut Vec<Command>) {
        let unit = self.open.close();
        let number = self.first_unit + self.units.len() as u64;
        if unit.is_pending() {
            commands.push(Command::Push(self.render_task(number, &unit)));
        }
        self.units.push_back(unit);
    }

    fn commit(&mut self, commands: &mut Vec<Command>) {
        while self.units.front().is_some_and(Unit::is_rendered) {
            let commit = self.units.pop_front().expect("just seen").commit();
            self.first_unit += 1;
            for rows in &commit.forget {
                if let Some(placed) = self.placed.get_mut(&rows.task.number)
                    && placed.forget_block(rows.block)
                {
                    self.placed.remove(&rows.task.number);
                }
            }
            commands.push(Command::Commit(commit));
        }
    }

    /// Has the lost rows of a unit extracted again.
    fn repair(&mut self, number: u64, keys: Vec<RowsKey>, commands: &mut Vec<Command>) {
        let Some(unit) = self.unit_mut(number) else { return };
        let tasks: BTreeSet<u64> = keys.iter().map(|key| key.task.number).collect();
        if unit.wait_for(tasks.clone()) > MOST_REPAIRS {
            let reason = "the rows of a part of the sheet were lost again and again".into();
            return commands.push(Command::GiveUp { reason });
        }
        for task in tasks {
            if let Some(placed) = self.placed.get_mut(&task)
                && !std::mem::replace(&mut placed.repairing, true)
            {
                let files = placed.files.clone();
                commands.push(self.extract_task(task, files));
            }
        }
    }

    /// Rows were extracted again: they must be the same, or places already given would be wrong.
    fn repaired(&mut self, number: u64, reports: Vec<FileReport>, commands: &mut Vec<Command>) {
        let placed = self.placed.get_mut(&number).expect("the caller has seen it");
        placed.repairing = false;
        if let Some(path) = placed.differs(&reports) {
            let reason = format!("`{path}` gave other rows when its rows were lost and it was read again");
            return commands.push(Command::GiveUp { reason });
        }
        let task = TaskId { job: self.job, class: Class::Extract, number };
        let mut needless: Vec<RowsKey> = placed.needless().map(|block| RowsKey { task, block }).collect();
        for index in 0..self.units.len() {
            if self.units[index].waits_for(number) {
                needless.drain(..).for_each(|rows| self.units[index].forget_after(rows));
            }
            if self.units[index].came_back(number) {
                commands.push(Command::Push(self.render_task(self.first_unit + index as u64, &self.units[index])));
            }
        }
    }

    fn unit_mut(&mut self, number: u64) -> Option<&mut Unit> {
        self.units.get_mut(number.checked_sub(self.first_unit)? as usize)
    }

    /// The task with this id, if it is pending.
    fn task(&self, id: TaskId) -> Option<Task> {
        let number = id.number;
        match id.class {
            Class::Extract => {
                let repairing = self.placed.get(&number).filter(|placed| placed.repairing);
                let files = self.extracts.files(number).or(repairing.map(|placed| placed.files.as_slice()))?.to_vec();
                Some(Task { id, work: Work::Extract(Extract { spec: Arc::clone(&self.spec), files }) })
            }
            Class::Render => {
                let unit = self.units.get(number.checked_sub(self.first_unit)? as usize)?;
                unit.is_pending().then(|| Task { id, work: Work::Render(unit.render(&self.spec)) })
            }
        }
    }

    fn extract_task(&self, number: u64, files: Vec<SourceFile>) -> Command {
        let id = TaskId { job: self.job, class: Class::Extract, number };
        Command::Push(Task { id, work: Work::Extract(Extract { spec: Arc::clone(&self.spec), files }) })
    }

    fn render_task(&self, number: u64, unit: &Unit) -> Task {
        let id = TaskId { job: self.job, class: Class::Render, number };
        Task { id, work: Work::Render(unit.render(&self.spec)) }
    }
}

#[cfg(test)]
mod tests;
