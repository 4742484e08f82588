//! The settings of `sheaf demo`.

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::{UsageError, units};
use crate::cli::DemoArgs;

/// The settings of a demo, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoConfig {
    pub items: NonZeroUsize,
    pub processes: NonZeroUsize,
    /// How long a task sleeps, both ends included.
    pub length: RangeInclusive<Duration>,
    /// Decides the lengths.
    pub seed: u64,
}

impl DemoConfig {
    /// `chance` is the seed if none is typed.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn resolve(args: &DemoArgs, chance: u64) -> Result<Self, UsageError> {
        let length = units::seconds("--seconds", &args.seconds)?;
        Ok(DemoConfig { items: args.items, processes: args.processes, length, seed: args.seed.unwrap_or(chance) })
    }
}
