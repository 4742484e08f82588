//! Rows that were lost, or cannot be used: their files are extracted again.

use std::collections::{BTreeSet, HashSet};

use sheaf_common::job::{Class, TaskId};
use sheaf_common::outcome::Extracted;
use sheaf_common::task::RowsKey;

use super::extracts::RowsAt;
use super::{Command, Ledger};

/// How often a unit whose rows cannot be used is extracted again before the job is given up.
const MOST_REPAIRS: u32 = 3;

impl Ledger {
    /// Has the lost rows of a render task extracted again.
    pub(super) fn repair(&mut self, number: u64, keys: Vec<RowsKey>, commands: &mut Vec<Command>) {
        // Rows of an earlier time may be lost: others came since, and the units name these.
        let lost: HashSet<RowsKey> = keys.into_iter().collect();
        let mut tasks = BTreeSet::new();

        for unit in self.units.iter_mut().filter(|unit| unit.task() == Some(number)) {
            let of_unit: BTreeSet<u64> = unit
                .rows()
                .filter(|rows| lost.contains(rows))
                .map(|rows| rows.task.number)
                .collect();
            tasks.extend(&of_unit);

            if unit.lost_rows(of_unit) > MOST_REPAIRS {
                let reason = "the rows of a part of the sheet were lost again and again".into();
                return commands.push(Command::GiveUp { reason });
            }
        }

        // A unit whose own rows are all there is ready again.
        self.push_ready(self.first_unit, commands);

        // Several render tasks may miss the rows of one extract task: it is pushed once.
        for task in tasks {
            if let Some(placed) = self.placed.get_mut(&task)
                && !std::mem::replace(&mut placed.repairing, true)
            {
                let files = placed.files.clone();
                commands.push(Command::Push(self.extract_task(Class::Repair, task, files)));
            }
        }
    }

    /// Rows were extracted again: they must be the same, or places already given would be wrong.
    pub(super) fn repaired(
        &mut self,
        task: TaskId,
        extracted: Extracted,
        commands: &mut Vec<Command>,
    ) {
        let number = task.number;
        let placed = self.placed.get_mut(&number).expect("the caller has seen it");
        placed.repairing = false;

        let Extracted { reports, edition, kept } = extracted;
        if let Some(path) = placed.differs(&reports) {
            let reason =
                format!("`{path}` gave other rows when its rows were lost and it was read again");
            return commands.push(Command::GiveUp { reason });
        }

        let before = std::mem::replace(&mut placed.rows, RowsAt { edition, kept });
        let now = placed.rows.clone();

        // Drop the new blocks that no unit needs, and the old ones that the new edition replaces.
        let needless = placed
            .needless()
            .filter(|block| now.keeper(*block).is_none())
            .map(|block| now.key(task, block));
        let outdated = placed
            .needed()
            .filter(|block| before.keeper(*block).is_none())
            .map(|block| before.key(task, block));
        let forget: Vec<RowsKey> = needless.chain(outdated).collect();

        if !forget.is_empty() {
            commands.push(Command::Forget(forget));
        }

        self.open.moved(number, &now);
        for unit in &mut self.units {
            unit.moved(number, &now);
            unit.came_back(number);
        }

        self.push_ready(self.first_unit, commands);
    }
}
