//! The numbers of the ledger, as types of their own: none can stand for another.

/// The number of an extract task, and of the repair that does it once more: `TaskId::number` of
/// both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskNumber(pub u64);

impl TaskNumber {
    pub fn next(self) -> Self {
        TaskNumber(self.0 + 1)
    }
}

/// The place of a unit among those of this run, from 0. A render task is named by its first unit:
/// `TaskId::number` of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitNumber(pub u64);

impl UnitNumber {
    pub fn next(self) -> Self {
        UnitNumber(self.0 + 1)
    }
}
