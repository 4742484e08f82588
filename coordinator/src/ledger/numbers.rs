//! The numbers of the ledger, apart from each other; and moves that the life of what they name does
//! not have.

use std::fmt;

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

/// What goes through a life of states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    Task(TaskNumber),
    Unit(UnitNumber),
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Thing::Task(number) => write!(f, "extract task {}", number.0),
            Thing::Unit(number) => write!(f, "unit {}", number.0),
        }
    }
}

/// A move that is not legal from the state that a task or a unit is in. Outcomes are looked at
/// before they move anything: so it is a mistake of the ledger, whatever workers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{thing} cannot {step}, as it {state}")]
pub struct IllegalMove {
    pub thing: Thing,
    /// As `be placed`.
    pub step: &'static str,
    /// As `is pending`.
    pub state: &'static str,
}
