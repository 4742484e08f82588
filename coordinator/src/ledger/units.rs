//! The units that are not committed: the open one, and the closed ones in order.

use std::collections::{BTreeSet, HashSet, VecDeque};

use sheaf_common::job::WorkerId;
use sheaf_common::numbers::{TaskNumber, UnitNumber};
use sheaf_common::outcome::{FileReport, Segment};
use sheaf_common::rows::RowsKey;
use sheaf_common::task::{Piece, RenderUnit};

use super::contents::Contents;
use super::illegal::{IllegalMove, Thing};
use super::rows::RowsAt;
use super::unit::Unit;
use super::{Commit, Position};

/// All units that are not committed.
pub struct Units {
    open: Contents,
    /// The first has the number `first`.
    closed: VecDeque<Unit>,
    first: UnitNumber,
    /// The sum of [`Unit::bytes`], as it is read whenever a task is planned.
    bytes: u64,
}

/// The contents of a render task.
pub struct RenderTask {
    /// Its first unit, whose number names the task.
    pub first: UnitNumber,
    pub units: Vec<RenderUnit>,
    pub stashed_by: Option<WorkerId>,
}

/// The losses of a render task.
pub struct Lost {
    /// The extract tasks whose rows its units wait for.
    pub tasks: BTreeSet<TaskNumber>,
    /// How often rows were lost, for the unit that lost rows most often.
    pub times: u32,
}

impl Units {
    /// No units yet; the first begins at this place.
    pub fn new(at: Position) -> Self {
        Units {
            open: Contents::new(at),
            closed: VecDeque::new(),
            first: UnitNumber::default(),
            bytes: 0,
        }
    }

    /// The bytes of rows and files in units, and of segments that wait for their turn.
    pub fn bytes(&self) -> u64 {
        self.open.row_bytes() + self.bytes
    }

    /// Whether all closed units are committed.
    pub fn are_committed(&self) -> bool {
        self.closed.is_empty()
    }

    /// The number of the first unit that is not committed.
    pub fn first(&self) -> UnitNumber {
        self.first
    }

    /// The number of the next unit to be closed.
    pub fn next(&self) -> UnitNumber {
        self.first.after(self.closed.len())
    }

    /// Adds a piece to the open unit: see [`Contents::add`].
    pub fn add(&mut self, piece: impl FnOnce(&Position) -> Piece, stashed_by: Option<&WorkerId>) {
        self.open.add(piece, stashed_by);
    }

    /// Ends a file in the open unit: see [`Contents::end_file`].
    pub fn end_file(&mut self, report: FileReport, slot: &str) {
        self.open.end_file(report, slot);
    }

    /// Forgets a block with the open unit: its last slice is placed, and more rows follow.
    pub fn forget_with_open(&mut self, rows: RowsKey) {
        self.open.forget.push(rows);
    }

    /// Forgets the last block of a task with the unit that has its last slice, which may be closed
    /// already.
    pub fn forget_with_last(&mut self, rows: RowsKey) {
        match self.closed.back_mut() {
            Some(unit) if self.open.is_empty() => unit.forget_after(rows),
            _ => self.open.forget.push(rows),
        }
    }

    /// Closes the open unit if it is full.
    pub fn close_if_full(&mut self) {
        if self.open.is_full() {
            self.close();
        }
    }

    /// Closes the last unit, full or not: no more rows come.
    pub fn close_last(&mut self) {
        if !self.open.is_empty() {
            self.close();
        }
    }

    fn close(&mut self) {
        // The next unit begins where this one ends.
        let next = Contents::new(self.open.end);
        let unit = Unit::close(self.next(), std::mem::replace(&mut self.open, next));

        self.bytes += unit.bytes();
        self.closed.push_back(unit);
    }

    /// The pending render tasks; each may have several units.
    pub fn pending(&self) -> BTreeSet<UnitNumber> {
        self.closed.iter().filter_map(Unit::task).collect()
    }

    /// The units of a pending render task.
    pub fn of_task(&self, task: UnitNumber) -> impl Iterator<Item = &Unit> {
        self.closed.iter().filter(move |unit| unit.task() == Some(task))
    }

    /// A render task as it was pushed; `None` if it is not pending.
    pub fn task(&self, task: UnitNumber) -> Option<RenderTask> {
        let stashed_by = self.of_task(task).next()?.stashed_by().cloned();
        let units = self.of_task(task).map(Unit::work).collect();

        Some(RenderTask { first: task, units, stashed_by })
    }

    /// Makes render tasks of the ready units from `from` on, which are pending then. Consecutive
    /// units for the same worker share a task, up to `task_bytes`: a task costs the queue the same,
    /// however large it is.
    pub fn push_ready(
        &mut self,
        from: UnitNumber,
        task_bytes: u64,
    ) -> Result<Vec<RenderTask>, IllegalMove> {
        let mut tasks: Vec<RenderTask> = Vec::new();
        let mut bytes = 0;
        let mut follows = false;

        for unit in self.closed.iter_mut().skip(from.places_after(self.first).unwrap_or_default()) {
            // A unit that is pending, rendered or waiting for rows ends the task before it.
            let before_was_ready = std::mem::replace(&mut follows, unit.is_ready());
            if !unit.is_ready() {
                continue;
            }

            bytes += unit.bytes();

            // A task takes the unit if it directly follows, has room, and the same worker stashed
            // its rows.
            let takes_it = |task: &RenderTask| {
                before_was_ready
                    && bytes <= task_bytes
                    && task.stashed_by.as_ref() == unit.stashed_by()
            };

            if !tasks.last().is_some_and(takes_it) {
                bytes = unit.bytes();
                let stashed_by = unit.stashed_by().cloned();
                tasks.push(RenderTask { first: unit.number(), units: Vec::new(), stashed_by });
            }

            let task = tasks.last_mut().expect("there is one by now");
            unit.push(task.first)?;
            task.units.push(unit.work());
        }

        Ok(tasks)
    }

    /// Takes the segments of a unit. If it is committed already, nothing changes.
    pub fn render(
        &mut self,
        number: UnitNumber,
        segments: Vec<Segment>,
    ) -> Result<(), IllegalMove> {
        // The task was done twice, and its first outcome is committed.
        let Some(index) = number.places_after(self.first) else { return Ok(()) };
        let Some(unit) = self.closed.get_mut(index) else {
            let thing = Thing::Unit(number);
            return Err(IllegalMove { thing, step: "be rendered", state: "is not closed" });
        };

        self.bytes -= unit.bytes();
        let rendered = unit.render(segments);
        self.bytes += unit.bytes();

        rendered
    }

    /// Marks rows that a render task did not find as lost. Its units wait for them, or are ready
    /// again. If the task is not pending, nothing changes.
    pub fn lose_rows(
        &mut self,
        task: UnitNumber,
        rows: &HashSet<RowsKey>,
    ) -> Result<Lost, IllegalMove> {
        let mut lost = Lost { tasks: BTreeSet::new(), times: 0 };
        for unit in self.closed.iter_mut().filter(|unit| unit.task() == Some(task)) {
            // A unit that names none of these rows lost nothing, and is ready again.
            let of_unit: BTreeSet<TaskNumber> =
                unit.rows().filter(|key| rows.contains(key)).map(|key| key.task.number).collect();

            lost.tasks.extend(&of_unit);
            lost.times = lost.times.max(unit.lose_rows(of_unit)?);
        }

        Ok(lost)
    }

    /// Takes the new place of rows that were extracted again.
    pub fn come_back(&mut self, task: TaskNumber, to: &RowsAt) {
        self.open.moved(task, to);
        for unit in &mut self.closed {
            unit.moved(task, to);
            unit.come_back(task);
        }
    }

    /// Whether the first unit can be committed.
    pub fn is_first_rendered(&self) -> bool {
        self.closed.front().is_some_and(Unit::is_rendered)
    }

    /// Removes the first unit, to be stored.
    pub fn commit_first(&mut self) -> Result<Commit, IllegalMove> {
        let Some(unit) = self.closed.pop_front() else {
            let thing = Thing::Unit(self.first);
            return Err(IllegalMove { thing, step: "be committed", state: "is not closed" });
        };

        self.bytes -= unit.bytes();
        self.first = self.first.next();
        unit.commit()
    }

    /// What [`Units::bytes`] must return.
    #[cfg(test)]
    pub fn sum(&self) -> u64 {
        self.open.row_bytes() + self.closed.iter().map(Unit::bytes).sum::<u64>()
    }
}
