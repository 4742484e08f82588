//! `sheaf queue`.

use clap::{Args, Subcommand};

use super::RedisArgs;

#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct QueueArgs {
    #[command(subcommand)]
    pub command: Option<QueueCommand>,

    #[command(flatten)]
    pub redis: RedisArgs,

    /// One JSON object per line
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Subcommand)]
pub enum QueueCommand {
    /// Remove a job, or all whose runs are gone
    Purge(PurgeArgs),
}

#[derive(Debug, Clone, Args)]
pub struct PurgeArgs {
    #[command(flatten)]
    pub redis: RedisArgs,

    /// The job, as `sheaf queue` lists it; a run that is still there puts it on the queue again
    #[arg(value_name = "JOB", required_unless_present = "abandoned")]
    pub job: Option<String>,

    /// All jobs whose run has given no sign of life for a minute
    #[arg(long, conflicts_with = "job")]
    pub abandoned: bool,
}
