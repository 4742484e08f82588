//! The queue and its server: the options that `run`, `demo`, `workers` and `queue` share.

use clap::Args;
use sheaf_worker::cli::ServerArgs;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Many machines")]
pub struct RedisArgs {
    #[command(flatten)]
    pub server: ServerArgs,

    /// The queue; its workers must have been given the same name
    #[arg(long, value_name = "NAME", env = "SHEAF_QUEUE", default_value = "default")]
    pub queue: String,
}
