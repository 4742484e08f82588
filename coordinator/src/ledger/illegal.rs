//! Moves that the life of a task or a unit does not have.

use sheaf_common::numbers::{TaskNumber, UnitNumber};
use std::fmt;

/// What goes through a life of states.
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
