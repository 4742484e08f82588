//! `sheaf workers`.

use clap::Args;

use super::RedisArgs;

#[derive(Debug, Clone, Args)]
pub struct WorkersArgs {
    #[command(flatten)]
    pub redis: RedisArgs,

    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}
