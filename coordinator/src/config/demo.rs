//! The settings of `sheaf demo`.

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::time::Duration;

use sheaf_common::queue::RedisConfig;

use super::{UsageError, redis, units};
use crate::cli::DemoArgs;

/// How many processes there are without Redis if nothing is said.
const PROCESSES: NonZeroUsize = NonZeroUsize::new(6).expect("not zero");

/// The settings of a demo, checked.
#[derive(Clone)]
pub struct DemoConfig {
    pub items: NonZeroUsize,
    /// Processes of this machine; `None`: others must work.
    pub processes: Option<NonZeroUsize>,
    /// Where the queue is, if it is in Redis.
    pub redis: Option<RedisConfig>,
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
        let redis = redis::server(&args.redis)?;
        let processes = args.processes.or(if redis.is_some() { None } else { Some(PROCESSES) });

        Ok(DemoConfig {
            items: args.items,
            processes,
            redis,
            length,
            seed: args.seed.unwrap_or(chance),
        })
    }
}
