//! The coordinator's memory: the files that were read, the rows they gave, and the place of each
//! unit.
//!
//! A pure state machine: [`Ledger::handle`] takes an event and returns commands. It does no I/O and
//! reads no clock, and the order in which outcomes arrive changes no result.
//!
//! ```text
//! file:  planned ──Push(extract)──▶ pending ──Extracted──▶ reported ──all before it are──▶ placed in a unit
//! unit:  open ──enough rows──▶ ready ──Push(render)──▶ pending ──Rendered──▶ rendered ──all before it are──▶ Commit
//! ```
//!
//! The place of a unit depends only on the rows before it, and its bounds only on the slices that
//! the extractor cut. So units are the same in whatever order outcomes come, however files were
//! batched, and wherever a run was resumed.
//!
//! A file lives as its extract task does ([`mod@task`]); a unit has its own life ([`mod@unit`]).
//! Each life is one module with a function for every legal move. [`extracts`] and [`units`] hold
//! all tasks and units; [`contents`] and [`rows`] describe what is in them.
//!
//! * [`place`] gives rows their places, pushes units and commits them. [`answers`] applies
//!   outcomes. [`repair`] has lost rows extracted again.

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
pub use rows::{on_queue, slices};
use units::{RenderTask, Units};

/// A place between two rows, in the order of all rows: where a unit begins or ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The first file that does not end before this place.
    pub file: FileIndex,
    /// How many slices of that file are before this place.
    pub slices: u32,
    /// Rows and overflow rows before this place: of all files, and of that file.
    pub rows: u64,
    pub overflow: u64,
    pub file_rows: u64,
    pub file_overflow: u64,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// These files come next in the order of the inputs, and become one task.
    Planned(Vec<SourceFile>),
    /// This file comes next, and cannot be read.
    Unreadable { sequence: FileIndex, problem: FileProblem },
    /// No more files come.
    PlanEnded,
    /// An outcome was collected from the queue.
    Collected(Outcome),
    /// The queue has lost these tasks.
    Lost(Vec<TaskId>),
    /// From now on, a render task takes units that become ready together, up to this many bytes of
    /// rows.
    Sized { bytes: u64 },
}

/// What the caller must do.
#[derive(Debug, PartialEq)]
pub enum Command {
    Push(Task),
    /// Store this unit for good: it is the next in order, and whole.
    Commit(Commit),
    /// Let the queue drop these blocks of rows: they came a second time, or not of this task.
    Forget(Vec<RowsKey>),
    /// Log that something went wrong with a task; the job goes on.
    Warn {
        task: TaskId,
        message: &'static str,
        reason: String,
    },
    /// End the job: it cannot go on. What is committed is whole.
    GiveUp {
        reason: String,
    },
}

/// A unit to be stored. Units are committed in their order.
#[derive(Debug, Default, PartialEq)]
pub struct Commit {
    /// The files that end in this unit, in order.
    pub files: Vec<FileDone>,
    pub segments: Vec<Segment>,
    /// Where the unit ends, and a later run goes on.
    pub end: Position,
    /// Blocks of rows on the queue that are no longer needed.
    pub forget: Vec<RowsKey>,
}

/// The state machine of this module.
pub struct Ledger {
    job: JobId,
    spec: Arc<JobSpec>,
    extracts: Extracts,
    units: Units,
    /// The most bytes of rows in a render task of several units.
    task_bytes: u64,
    /// Slices before this place are in units of an earlier run.
    resumed: Position,
    plan_ended: bool,
    /// How many outcomes did not fit their tasks.
    misfits: u32,
}

impl Ledger {
    /// A ledger that goes on at `from`; the default position is the beginning. The first file to be
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

    /// Applies an event. The caller must carry out the commands in their order.
    pub fn handle(&mut self, event: Event) -> Vec<Command> {
        let mut commands = Vec::new();
        if let Err(illegal) = self.apply(event, &mut commands) {
            // From here on the ledger might be wrong. What is committed is right, and another run
            // goes on from there.
            commands.push(Command::GiveUp { reason: format!("a mistake in Sheaf: {illegal}") });
        }

        commands
    }

    fn apply(&mut self, event: Event, commands: &mut Vec<Command>) -> Result<(), IllegalMove> {
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
            Event::Collected(outcome) => self.collected(outcome, commands),
            Event::Lost(tasks) => {
                // A task that is no longer pending came back in the meantime.
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

    /// The bytes that the job has outstanding: files to be read, rows, and segments that wait for
    /// their turn.
    pub fn outstanding_bytes(&self) -> u64 {
        self.extracts.bytes() + self.units.bytes()
    }

    /// How many extract tasks were pushed and have not come back.
    pub fn pending_extracts(&self) -> usize {
        self.extracts.pending()
    }

    /// All tasks that were pushed and have not come back, the most urgent first.
    pub fn pending(&self) -> Vec<TaskId> {
        let id = |class| move |number| TaskId { job: self.job, class, number };
        let of_class = |class| self.extracts.waited_for(class);
        let renders = self.units.pending().into_iter().map(TaskNumber::of_render);

        // Repairs hold up all later rows; render tasks drain memory.
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
