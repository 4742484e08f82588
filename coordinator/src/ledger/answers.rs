//! What the outcomes of tasks change.

use sheaf_common::job::{Class, TaskId};
use sheaf_common::numbers::UnitNumber;
use sheaf_common::outcome::{Extracted, Outcome, RenderedUnit, TaskResult};
use sheaf_common::problem::FileProblem;
use sheaf_common::rows::RowsKey;

use super::illegal::IllegalMove;
use super::rows::on_queue;
use super::task::Use;
use super::unit::Unit;
use super::{Command, Ledger};

/// How many outcomes may be none of their tasks before the job is given up: a worker that always
/// answers so would be asked for ever.
const MOST_MISFITS: u32 = 16;

impl Ledger {
    /// Takes note of an outcome. One that comes late or twice changes nothing.
    pub(super) fn came(
        &mut self,
        outcome: Outcome,
        commands: &mut Vec<Command>,
    ) -> Result<(), IllegalMove> {
        let Outcome { task, slot, result } = outcome;
        let is_render = match task.class {
            Class::Extract | Class::Repair => false,
            Class::Render => true,
        };

        match result {
            TaskResult::Extracted(extracted) if !is_render => {
                return self.extracted(task, slot, extracted, commands);
            }
            TaskResult::Rendered(units) if is_render => {
                return self.rendered(task, units, commands);
            }
            TaskResult::RowsLost(keys) if is_render => {
                return self.repair(UnitNumber::first_of(task.number), keys, commands);
            }
            TaskResult::Failed { reason } => return self.failed(task, slot, reason, commands),
            TaskResult::TaskLost => commands.extend(self.task(task).map(Command::Push)),

            TaskResult::Extracted(_) => self.misfit(task, "it has extracted rows", commands),
            TaskResult::Rendered(_) => self.misfit(task, "it has rendered units", commands),
            TaskResult::RowsLost(_) => self.misfit(task, "it has lost rows", commands),
            TaskResult::NapEnded { .. } => self.misfit(task, "it is the end of a nap", commands),

            // News: they end nothing.
            TaskResult::ReadAlone { .. } | TaskResult::Reading(_) => {}
        }

        Ok(())
    }

    /// An extract task came back: for the first time, once more, or because its rows were lost.
    fn extracted(
        &mut self,
        task: TaskId,
        slot: String,
        extracted: Extracted,
        commands: &mut Vec<Command>,
    ) -> Result<(), IllegalMove> {
        let number = task.number;
        match self.extracts.use_of(number, &extracted) {
            Use::Report => {
                self.extracts.report(number, slot, extracted)?;
                return self.place(commands);
            }
            Use::Repair => return self.repaired(task, extracted, commands),
            Use::Known => {}
            Use::Unwanted => commands.push(Command::Forget(on_queue(task, &extracted))),
            Use::Foreign => {
                commands.push(Command::Forget(on_queue(task, &extracted)));
                self.misfit(task, "it reports other files, or blocks out of order", commands);
            }
        }

        Ok(())
    }

    /// A render task came back. It may be done twice: units that are committed already stay so.
    fn rendered(
        &mut self,
        task: TaskId,
        units: Vec<RenderedUnit>,
        commands: &mut Vec<Command>,
    ) -> Result<(), IllegalMove> {
        if units.iter().any(|unit| unit.number >= self.units.next()) {
            self.misfit(task, "it has units that were never closed", commands);
            return Ok(());
        }

        for RenderedUnit { number, segments } in units {
            self.units.render(number, segments)?;
        }

        // A unit that the outcome should have and has not stays pending: the next audit finds that
        // the queue has no task for it, and it is pushed again.
        self.commit(commands)
    }

    /// A task failed as a whole.
    fn failed(
        &mut self,
        task: TaskId,
        slot: String,
        reason: String,
        commands: &mut Vec<Command>,
    ) -> Result<(), IllegalMove> {
        let number = task.number;
        let is_waited_for = self.extracts.files(task.class, number).is_some();

        match task.class {
            Class::Extract if is_waited_for => {
                self.extracts.fail(number, slot, &FileProblem::Task { reason })?;
                self.place(commands)?;
            }
            Class::Repair if is_waited_for => {
                let reason =
                    format!("files whose rows were lost could not be read again: {reason}");
                commands.push(Command::GiveUp { reason });
            }
            // The task was done twice, and the other outcome is in use.
            Class::Extract | Class::Repair => {}
            Class::Render => {
                let first = UnitNumber::first_of(task.number);
                let message = "could not render units";
                commands.push(Command::Warn { task, message, reason });

                // Rows that cannot be used are as good as lost.
                let keys: Vec<RowsKey> = self.units.of_task(first).flat_map(Unit::rows).collect();
                self.repair(first, keys, commands)?;
            }
        }

        Ok(())
    }

    /// An outcome is none of its task: it was damaged, or comes from a worker that is not what it
    /// says. Nothing of it can be used, and without an outcome the files or units of the task would
    /// hold up the job for ever: so the task is pushed again, as if the queue had lost it.
    fn misfit(&mut self, task: TaskId, what: &str, commands: &mut Vec<Command>) {
        self.misfits += 1;
        if self.misfits > MOST_MISFITS {
            let reason = format!(
                "{} outcomes did not fit their tasks; the last one, of task {task}: {what}",
                self.misfits
            );
            return commands.push(Command::GiveUp { reason });
        }

        let message = "an outcome does not fit its task, pushing it again";
        commands.push(Command::Warn { task, message, reason: what.into() });
        commands.extend(self.task(task).map(Command::Push));
    }
}
