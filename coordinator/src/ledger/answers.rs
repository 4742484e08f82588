//! What outcomes change.

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

/// The most outcomes that do not fit their tasks. With more the job is given up: a worker that
/// always answers so would be asked for ever.
const MOST_MISFITS: u32 = 16;

impl Ledger {
    /// Applies an outcome. One that comes late or twice changes nothing.
    pub(super) fn collected(
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

            // Another kind of work than the task's.
            TaskResult::Extracted(_) => self.misfit(task, "it has extracted rows", commands),
            TaskResult::Rendered(_) => self.misfit(task, "it has rendered units", commands),
            TaskResult::RowsLost(_) => self.misfit(task, "it has lost rows", commands),
            TaskResult::NapEnded { .. } => self.misfit(task, "it is the end of a nap", commands),

            // News of a task that goes on.
            TaskResult::ReadAlone { .. } | TaskResult::Reading(_) => {}
        }

        Ok(())
    }

    /// Applies the outcome of an extract task: the first, a second one, or a repair.
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
            // Its rows are those in use: forgetting them would lose them.
            Use::Known => {}
            // Another edition is in use, and no unit will ever name this one.
            Use::Unwanted => commands.push(Command::Forget(on_queue(task, &extracted))),
            Use::Foreign => {
                commands.push(Command::Forget(on_queue(task, &extracted)));
                self.misfit(task, "it reports other files, or blocks out of order", commands);
            }
        }

        Ok(())
    }

    /// Applies the outcome of a render task. It may be done twice: units that are committed stay
    /// so.
    fn rendered(
        &mut self,
        task: TaskId,
        units: Vec<RenderedUnit>,
        commands: &mut Vec<Command>,
    ) -> Result<(), IllegalMove> {
        // Checked for all units first: a misfit must change none of them.
        if units.iter().any(|unit| unit.number >= self.units.next()) {
            self.misfit(task, "it has units that were never closed", commands);
            return Ok(());
        }

        for RenderedUnit { number, segments } in units {
            self.units.render(number, segments)?;
        }

        // A unit that is missing in the outcome stays pending. The next audit finds that the queue
        // has no task for it, and it is pushed again.
        self.commit(commands)
    }

    /// Applies the failure of a whole task.
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
                    // Units have counted these rows already, so the job cannot do without them.
                    format!("files whose rows were lost could not be read again: {reason}");
                commands.push(Command::GiveUp { reason });
            }
            // The task was done twice, and its other outcome is in use.
            Class::Extract | Class::Repair => {}
            Class::Render => {
                let first = UnitNumber::first_of(task.number);
                let message = "could not render units";
                commands.push(Command::Warn { task, message, reason });

                // Rows that cannot be rendered are as good as lost.
                let keys: Vec<RowsKey> = self.units.of_task(first).flat_map(Unit::rows).collect();
                self.repair(first, keys, commands)?;
            }
        }

        Ok(())
    }

    /// Rejects an outcome that does not fit its task: it was damaged, or its worker does not keep
    /// to the protocol. Without an outcome the task would hold up the job for ever, so it is pushed
    /// again, as if the queue had lost it.
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
