//! Repairs: files whose rows were lost or cannot be used are extracted again.

use std::collections::HashSet;

use sheaf_common::job::{Class, TaskId};
use sheaf_common::numbers::UnitNumber;
use sheaf_common::outcome::Extracted;
use sheaf_common::rows::RowsKey;

use super::illegal::IllegalMove;
use super::rows::RowsAt;
use super::{Command, Ledger};

/// The most repairs of a unit. With more the job is given up: it would go on for ever.
const MOST_REPAIRS: u32 = 3;

impl Ledger {
    /// Pushes repairs for the lost rows of a render task.
    pub(super) fn repair(
        &mut self,
        task: UnitNumber,
        keys: Vec<RowsKey>,
        commands: &mut Vec<Command>,
    ) -> Result<(), IllegalMove> {
        // Lost rows of an earlier edition do not matter: the units name the current one.
        let keys: HashSet<RowsKey> = keys.into_iter().collect();
        let lost = self.units.lose_rows(task, &keys)?;
        if lost.times > MOST_REPAIRS {
            let reason = "the rows of a part of the sheet were lost again and again".into();
            commands.push(Command::GiveUp { reason });
            return Ok(());
        }

        // A unit of the task that lost no rows itself is ready again.
        self.push_ready(self.units.first(), commands)?;

        // Several render tasks may miss the rows of one extract task, which is pushed once.
        for number in lost.tasks {
            if let Some(files) = self.extracts.lose_rows(number)? {
                let files = files.to_vec();
                let task = self.extract_task(Class::Repair, number, files);
                commands.push(Command::Push(task));
            }
        }

        Ok(())
    }

    /// Applies a repair. The rows must be the same as before, or the places of later rows would be
    /// wrong.
    pub(super) fn repaired(
        &mut self,
        task: TaskId,
        extracted: Extracted,
        commands: &mut Vec<Command>,
    ) -> Result<(), IllegalMove> {
        let number = task.number;
        let Extracted { reports, edition, stashed } = extracted;
        if let Some(path) = self.extracts.differs(number, &reports) {
            let reason =
                format!("`{path}` gave other rows when its rows were lost and it was read again");
            commands.push(Command::GiveUp { reason });
            return Ok(());
        }

        let now = RowsAt { edition, stashed };
        let forget = self.extracts.come_back(task, now.clone())?;
        if !forget.is_empty() {
            commands.push(Command::Forget(forget));
        }

        // Units name the new edition before they are pushed again.
        self.units.come_back(number, &now);
        self.push_ready(self.units.first(), commands)
    }
}
