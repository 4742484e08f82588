//! `sheaf demo`.

use std::num::NonZeroUsize;

use clap::Args;
use sheaf_common::units::at_least_one;

use super::{RedisArgs, help};

#[derive(Debug, Clone, Args)]
#[command(after_help = help::DEMO, after_long_help = help::DEMO)]
pub struct DemoArgs {
    /// How many tasks there are
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true, default_value = "10")]
    pub items: NonZeroUsize,

    /// How many processes of this machine work on them [default: 6; with --redis none]
    #[arg(short, long, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true, visible_short_alias = 'j', visible_alias = "jobs")]
    pub processes: Option<NonZeroUsize>,

    /// How long a task sleeps: a random time from A to B seconds
    #[arg(long, value_name = "A..B", default_value = "1..9")]
    pub seconds: String,

    /// Draw the same random times again
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    #[command(flatten)]
    pub redis: RedisArgs,
}
