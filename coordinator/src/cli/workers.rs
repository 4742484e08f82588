//! `sheaf workers`.

use clap::Args;

use super::RedisArgs;

#[derive(Debug, Clone, Args)]
pub struct WorkersArgs {
    #[command(flatten)]
    pub redis: RedisArgs,

    /// Exit with 1 if there are fewer workers than this that a run of this version could use
    #[arg(long, value_name = "N")]
    pub expect: Option<usize>,

    /// One JSON object per line
    #[arg(long)]
    pub json: bool,
}
