//! Rows get their places: they fill units, which are pushed as they are closed, and committed in
//! their order.

use sheaf_common::job::{Class, TaskId};
use sheaf_common::numbers::{TaskNumber, UnitNumber};
use sheaf_common::rows::RowsKey;
use sheaf_common::task::Piece;

use super::illegal::IllegalMove;
use super::rows::slices;
use super::task::Reported;
use super::{Command, Ledger, Position};

impl Ledger {
    /// Places the rows of all files whose predecessors are reported; closes and pushes the units
    /// that are full.
    pub(super) fn place(&mut self, commands: &mut Vec<Command>) -> Result<(), IllegalMove> {
        let closed_before = self.units.next();
        while let Some((number, reported)) = self.extracts.place_next()? {
            self.place_task(number, reported);
        }

        if self.plan_ended && self.extracts.are_placed() {
            self.units.close_last();
        }

        self.push_ready(closed_before, commands)?;
        self.commit(commands)
    }

    /// Gives the rows of a task their places.
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

                // Slices come block by block: the block before has had its last one.
                if let Some(last) = last_block.replace(rows)
                    && last != rows
                {
                    self.units.forget_with_open(last);
                }

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

                // After the last slice the file ends first: in the unit that has its last row.
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

    /// Pushes what is ready of the units from `from` on.
    pub(super) fn push_ready(
        &mut self,
        from: UnitNumber,
        commands: &mut Vec<Command>,
    ) -> Result<(), IllegalMove> {
        let tasks = self.units.push_ready(from, self.task_bytes)?;
        commands.extend(tasks.into_iter().map(|task| Command::Push(self.render_task(task))));

        Ok(())
    }

    /// Commits what is rendered from the first unit on.
    pub(super) fn commit(&mut self, commands: &mut Vec<Command>) -> Result<(), IllegalMove> {
        while self.units.is_first_rendered() {
            let mut commit = self.units.commit_first()?;

            // Blocks that a worker stashed are not on the queue: there is nothing to drop there.
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
