//! Gives rows their places: they fill units, which are pushed when they are closed, and committed
//! in their order.

use sheaf_common::job::{Class, TaskId};
use sheaf_common::numbers::{TaskNumber, UnitNumber};
use sheaf_common::rows::RowsKey;
use sheaf_common::task::Piece;

use super::illegal::IllegalMove;
use super::rows::slices;
use super::task::Reported;
use super::{Command, Ledger, Position};

impl Ledger {
    /// Places the rows of all files before which every file is reported. Pushes the units that this
    /// closes, and commits those that are rendered.
    pub(super) fn place(&mut self, commands: &mut Vec<Command>) -> Result<(), IllegalMove> {
        let closed_before = self.units.next();
        while let Some((number, reported)) = self.extracts.place_next()? {
            self.place_task(number, reported);
        }

        // Nothing more will fill the open unit.
        if self.plan_ended && self.extracts.are_placed() {
            self.units.close_last();
        }

        self.push_ready(closed_before, commands)?;
        self.commit(commands)
    }

    /// Places the rows of one task.
    fn place_task(&mut self, number: TaskNumber, reported: Reported) {
        let task = TaskId { job: self.job, class: Class::Extract, number };
        let Reported { slot, reports, rows: rows_at } = reported;
        let mut last_block: Option<RowsKey> = None;

        for report in reports {
            let slices = slices(&report);
            let is_resumed = report.sequence == self.resumed.file;
            let skip = if is_resumed { self.resumed.slices as usize } else { 0 };

            for (index, slice) in slices.iter().enumerate() {
                let rows = rows_at.key(task, slice.block);

                // Slices come block by block, so a new block ends the one before.
                if let Some(last) = last_block.replace(rows)
                    && last != rows
                {
                    self.units.forget_with_open(last);
                }

                // Earlier slices are in units that an earlier run committed.
                if index >= skip {
                    let piece = |position: &Position| Piece {
                        rows,
                        slice: *slice,
                        sequence: report.sequence,
                        first_row: position.file_rows,
                        first_overflow: position.file_overflow,
                    };

                    self.units.add(piece, rows_at.stashed_by(slice.block));
                }

                // The last slice closes nothing: a file must end in the unit that has its last row.
                if index + 1 < slices.len() {
                    self.units.close_if_full();
                }
            }

            self.units.end_file(report, &slot);
            self.units.close_if_full();
        }

        if let Some(last) = last_block {
            self.units.forget_with_last(last);
        }
    }

    /// Pushes render tasks for the units from `from` on that are ready.
    pub(super) fn push_ready(
        &mut self,
        from: UnitNumber,
        commands: &mut Vec<Command>,
    ) -> Result<(), IllegalMove> {
        let tasks = self.units.push_ready(from, self.task_bytes)?;
        commands.extend(tasks.into_iter().map(|task| Command::Push(self.render_task(task))));

        Ok(())
    }

    /// Commits the rendered units before the first that is not rendered.
    pub(super) fn commit(&mut self, commands: &mut Vec<Command>) -> Result<(), IllegalMove> {
        while self.units.is_first_rendered() {
            let mut commit = self.units.commit_first()?;

            // Stashed blocks are not on the queue, so there is nothing to drop.
            let blocks = std::mem::take(&mut commit.forget);
            for rows in blocks {
                if self.extracts.forget_block(rows)? {
                    commit.forget.push(rows);
                }
            }

            commands.push(Command::Commit(commit));
        }

        Ok(())
    }
}
