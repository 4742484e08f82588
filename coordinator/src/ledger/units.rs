//! The units that are not committed: one that is open, and those that are closed, in order.

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
    /// The sum of [`Unit::bytes`]: it is asked for whenever a task is planned.
    bytes: u64,
}

/// The contents of a render task.
pub struct RenderTask {
    /// Its first unit, which names it.
    pub first: UnitNumber,
    pub units: Vec<RenderUnit>,
    pub stashed_by: Option<WorkerId>,
}

/// What is to be done about rows that a render task did not find.
pub struct Lost {
    /// The tasks whose rows its units wait for.
    pub tasks: BTreeSet<TaskNumber>,
    /// How often the unit that lost most has lost rows.
    pub times: u32,
}

impl Units {
    /// The units from a place on.
    pub fn new(at: Position) -> Self {
        Units {
            open: Contents::new(at),
            closed: VecDeque::new(),
            first: UnitNumber::default(),
            bytes: 0,
        }
    }

    /// The bytes of rows and of segments that wait for their turn.
    pub fn bytes(&self) -> u64 {
        self.open.row_bytes() + self.bytes
    }

    /// Whether all units that were closed are committed.
    pub fn are_committed(&self) -> bool {
        self.closed.is_empty()
    }

    /// The number of the first unit that is not committed.
    pub fn first(&self) -> UnitNumber {
        self.first
    }

    /// The number that the next unit gets when it is closed.
    pub fn next(&self) -> UnitNumber {
        self.first.after(self.closed.len())
    }

    /// As [`Contents::add`] to the open unit.
    pub fn add(&mut self, piece: impl FnOnce(&Position) -> Piece, stashed_by: Option<&WorkerId>) {
        self.open.add(piece, stashed_by);
    }

    /// As [`Contents::end_file`] of the open unit.
    pub fn end_file(&mut self, report: FileReport, slot: &str) {
        self.open.end_file(report, slot);
    }

    /// A block has had its last slice, and more is added: it goes with the open unit.
    pub fn forget_with_open(&mut self, rows: RowsKey) {
        self.open.forget.push(rows);
    }

    /// A block has had its last slice, and nothing was added since: it goes with the unit that has
    /// this slice, which may be closed already.
    pub fn forget_with_last(&mut self, rows: RowsKey) {
        match self.closed.back_mut() {
            Some(unit) if self.open.is_empty() => unit.forget_after(rows),
            _ => self.open.forget.push(rows),
        }
    }

    pub fn close_if_full(&mut self) {
        if self.open.is_full() {
            self.close();
        }
    }

    /// Nothing comes any more: the last unit is closed though it is not full.
    pub fn close_last(&mut self) {
        if !self.open.is_empty() {
            self.close();
        }
    }

    fn close(&mut self) {
        // The next one begins where this ends.
        let next = Contents::new(self.open.end);
        let unit = Unit::close(self.next(), std::mem::replace(&mut self.open, next));

        self.bytes += unit.bytes();
        self.closed.push_back(unit);
    }

    /// The render tasks that are pending; several units may wait for one.
    pub fn pending(&self) -> BTreeSet<UnitNumber> {
        self.closed.iter().filter_map(Unit::task).collect()
    }

    /// The units that a pending render task is to bring.
    pub fn of_task(&self, task: UnitNumber) -> impl Iterator<Item = &Unit> {
        self.closed.iter().filter(move |unit| unit.task() == Some(task))
    }

    /// A render task, if it is pending.
    pub fn task(&self, task: UnitNumber) -> Option<RenderTask> {
        let stashed_by = self.of_task(task).next()?.stashed_by().cloned();
        let units = self.of_task(task).map(Unit::work).collect();

        Some(RenderTask { first: task, units, stashed_by })
    }

    /// The tasks for what is ready of the units from `from` on; they are pending now. Units that
    /// follow each other and are for the same worker are one task, up to `task_bytes`: a task costs
    /// the queue the same, however much is in it.
    pub fn push_ready(
        &mut self,
        from: UnitNumber,
        task_bytes: u64,
    ) -> Result<Vec<RenderTask>, IllegalMove> {
        let mut tasks: Vec<RenderTask> = Vec::new();
        let mut bytes = 0;
        let mut follows = false;

        for unit in self.closed.iter_mut().skip(from.places_after(self.first).unwrap_or_default()) {
            // What is not ready is pushed or rendered already, or waits for rows: it parts tasks.
            let before_was_ready = std::mem::replace(&mut follows, unit.is_ready());
            if !unit.is_ready() {
                continue;
            }

            bytes += unit.bytes();
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

    /// A unit was rendered; nothing changes if it is committed already.
    pub fn render(
        &mut self,
        number: UnitNumber,
        segments: Vec<Segment>,
    ) -> Result<(), IllegalMove> {
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

    /// A render task did not find these rows; its units wait for them, or are ready. If the task is
    /// not pending, nothing changes.
    pub fn lose_rows(
        &mut self,
        task: UnitNumber,
        rows: &HashSet<RowsKey>,
    ) -> Result<Lost, IllegalMove> {
        let mut lost = Lost { tasks: BTreeSet::new(), times: 0 };
        for unit in self.closed.iter_mut().filter(|unit| unit.task() == Some(task)) {
            let of_unit: BTreeSet<TaskNumber> =
                unit.rows().filter(|key| rows.contains(key)).map(|key| key.task.number).collect();

            lost.tasks.extend(&of_unit);
            lost.times = lost.times.max(unit.lose_rows(of_unit)?);
        }

        Ok(lost)
    }

    /// The rows of a task came back, and are elsewhere now.
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

    /// Takes the first unit, to be stored.
    pub fn commit_first(&mut self) -> Result<Commit, IllegalMove> {
        let Some(unit) = self.closed.pop_front() else {
            let thing = Thing::Unit(self.first);
            return Err(IllegalMove { thing, step: "be committed", state: "is not closed" });
        };

        self.bytes -= unit.bytes();
        self.first = self.first.next();
        unit.commit()
    }

    /// What [`Units::bytes`] must say.
    #[cfg(test)]
    pub fn sum(&self) -> u64 {
        self.open.row_bytes() + self.closed.iter().map(Unit::bytes).sum::<u64>()
    }
}
