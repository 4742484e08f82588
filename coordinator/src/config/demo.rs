//! The settings of `sheaf demo`.

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::time::Duration;

use sheaf_common::queue::RedisConfig;

use super::{UsageError, redis, units};
use crate::cli::DemoArgs;

/// The default number of processes without Redis.
const PROCESSES: NonZeroUsize = NonZeroUsize::new(6).expect("not zero");

/// The settings of a demo, checked.
#[derive(Clone)]
pub struct DemoConfig {
    pub items: NonZeroUsize,
    /// Processes of this machine. `None`: other machines do the work.
    pub processes: Option<NonZeroUsize>,
    /// The server of the queue. `None`: the queue is in memory.
    pub redis: Option<RedisConfig>,
    /// How long a task sleeps, both ends included.
    pub length: RangeInclusive<Duration>,
    /// The seed of the random lengths.
    pub seed: u64,
}

impl DemoConfig {
    /// Checks the arguments. `chance` is the seed if none was given.
    ///
    /// # Errors
    /// The first argument that cannot be used.
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
