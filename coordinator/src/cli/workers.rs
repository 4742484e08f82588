//! `sheaf workers`.

use clap::Args;

use super::RedisArgs;

#[derive(Debug, Clone, Args)]
pub struct WorkersArgs {
    #[command(flatten)]
    pub redis: RedisArgs,

    /// Exit with 1 if fewer workers are there that a run of this version could have
    #[arg(long, value_name = "N")]
    pub expect: Option<usize>,

    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}
