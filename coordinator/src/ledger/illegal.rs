//! Illegal moves in the life of a task or a unit.

use sheaf_common::numbers::{TaskNumber, UnitNumber};
use std::fmt;

/// Something with a life of states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    Task(TaskNumber),
    Unit(UnitNumber),
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Thing::Task(number) => write!(f, "extract task {number}"),
            Thing::Unit(number) => write!(f, "unit {number}"),
        }
    }
}

/// A move that the current state of a task or a unit does not allow. Outcomes are checked before
/// they move anything, so this is always a mistake of the ledger, never of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{thing} cannot {step}, as it {state}")]
pub struct IllegalMove {
    pub thing: Thing,
    /// The move, as `be placed`.
    pub step: &'static str,
    /// The state, as `is pending`.
    pub state: &'static str,
}
