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
//! The life of a file is that of the extract task that it is in ([`mod@task`]); a unit has one of
//! its own ([`mod@unit`]). Each is one file with a function for every legal move. [`extracts`] and
//! [`units`] hold all of them; [`contents`] and [`rows`] say what is in them.
//!
//! * [`place`]: rows get their places, units are pushed and committed. [`answers`]: what outcomes
//!   change. [`repair`]: rows that were lost are extracted again.

mod answers;
mod contents;
mod extracts;
mod illegal;
mod place;
mod repair;
mod rows;
mod task;
mod unit;
mod units;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sheaf_common::job::{Class, JobId, JobSpec, TaskId};
use sheaf_common::numbers::{FileIndex, TaskNumber, UnitNumber};
use sheaf_common::outcome::{FileReport, Outcome, Segment};
use sheaf_common::problem::FileProblem;
use sheaf_common::rows::RowsKey;
use sheaf_common::task::{Extract, Render, SourceFile, Task, Work};

pub use contents::FileDone;
use extracts::Extracts;
use illegal::IllegalMove;
use units::{RenderTask, Units};

/// Where in the order of all rows a unit begins or ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The first file that is not wholly before this place.
    pub file: FileIndex,
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
    Unreadable { sequence: FileIndex, problem: FileProblem },
    /// No file comes any more.
    PlanEnded,
    /// The queue gave an outcome.
    Came(Outcome),
    /// The queue has lost these tasks.
    Lost(Vec<TaskId>),
    /// From now on, units that become ready together are rendered as one task, up to so many bytes
    /// of rows.
    Sized { bytes: u64 },
}

/// What the caller is to do.
#[derive(Debug, PartialEq)]
pub enum Command {
    Push(Task),
    /// The next unit in order is whole: store it for good.
    Commit(Commit),
    /// The queue may drop these blocks of rows: they came a second time.
    Forget(Vec<RowsKey>),
    /// Something went wrong with a task, and the job goes on: for the log.
    Warn {
        task: TaskId,
        message: &'static str,
        reason: String,
    },
    /// The job cannot go on. What is committed is whole.
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
    units: Units,
    /// The most rows of a render task with several units, in bytes.
    task_bytes: u64,
    /// The slices before this belong to units of an earlier run.
    resumed: Position,
    plan_ended: bool,
    /// How many outcomes were none of their tasks.
    misfits: u32,
}

impl Ledger {
    /// A ledger that goes on at `from`; the default is the beginning. The first file that is
    /// planned must be `from.file`.
    pub fn new(job: JobId, spec: Arc<JobSpec>, from: Position) -> Self {
        Ledger {
            job,
            spec,
            extracts: Extracts::default(),
            units: Units::new(from),
            task_bytes: 0,
            resumed: from,
            plan_ended: false,
            misfits: 0,
        }
    }

    /// Takes note of an event; the commands are to be carried out in their order.
    pub fn handle(&mut self, event: Event) -> Vec<Command> {
        let mut commands = Vec::new();
        if let Err(illegal) = self.note(event, &mut commands) {
            // Whatever came next might be wrong; what is committed is not, and another run goes on
            // from there.
            commands.push(Command::GiveUp { reason: format!("a mistake in Sheaf: {illegal}") });
        }

        commands
    }

    fn note(&mut self, event: Event, commands: &mut Vec<Command>) -> Result<(), IllegalMove> {
        match event {
            Event::Planned(files) => {
                let number = self.extracts.plan(files.clone());
                commands.push(Command::Push(self.extract_task(Class::Extract, number, files)));
                Ok(())
            }
            Event::Unreadable { sequence, problem } => {
                self.extracts.settle(FileReport::unreadable(sequence, problem));
                self.place(commands)
            }
            Event::PlanEnded => {
                self.plan_ended = true;
                self.place(commands)
            }
            Event::Came(outcome) => self.came(outcome, commands),
            Event::Lost(tasks) => {
                // Those that are not pending any more came back meanwhile.
                let pending = tasks.into_iter().filter_map(|id| self.task(id));
                commands.extend(pending.map(Command::Push));
                Ok(())
            }
            Event::Sized { bytes } => {
                self.task_bytes = bytes;
                Ok(())
            }
        }
    }

    pub fn job(&self) -> JobId {
        self.job
    }

    /// Whether everything that was planned is committed.
    pub fn is_done(&self) -> bool {
        self.plan_ended && self.extracts.are_placed() && self.units.are_committed()
    }

    /// The bytes that the job has outstanding: files to read, rows, segments that wait for their
    /// turn.
    pub fn outstanding_bytes(&self) -> u64 {
        self.extracts.bytes() + self.units.bytes()
    }

    /// The extract tasks that were pushed and have not come back.
    pub fn pending_extracts(&self) -> usize {
        self.extracts.pending()
    }

    /// All tasks that were pushed and have not come back.
    pub fn pending(&self) -> Vec<TaskId> {
        let id = |class| move |number| TaskId { job: self.job, class, number };
        let of_class = |class| self.extracts.waited_for(class);
        let renders = self.units.pending().into_iter().map(TaskNumber::of_render);

        // In the order in which they are to be done.
        let repairs = of_class(Class::Repair).map(id(Class::Repair));
        let extracts = of_class(Class::Extract).map(id(Class::Extract));
        repairs.chain(renders.map(id(Class::Render))).chain(extracts).collect()
    }

    /// The task with this id, if it is pending.
    fn task(&self, id: TaskId) -> Option<Task> {
        match id.class {
            Class::Extract | Class::Repair => {
                let files = self.extracts.files(id.class, id.number)?.to_vec();
                Some(self.extract_task(id.class, id.number, files))
            }
            Class::Render => {
                let task = self.units.task(UnitNumber::first_of(id.number))?;
                Some(self.render_task(task))
            }
        }
    }

    fn extract_task(&self, class: Class, number: TaskNumber, files: Vec<SourceFile>) -> Task {
        let id = TaskId { job: self.job, class, number };
        Task { id, work: Work::Extract(Extract { spec: Arc::clone(&self.spec), files }) }
    }

    fn render_task(&self, task: RenderTask) -> Task {
        let RenderTask { first, units, stashed_by } = task;
        let id =
            TaskId { job: self.job, class: Class::Render, number: TaskNumber::of_render(first) };
        Task { id, work: Work::Render(Render { spec: Arc::clone(&self.spec), units, stashed_by }) }
    }
}

#[cfg(test)]
mod tests;
