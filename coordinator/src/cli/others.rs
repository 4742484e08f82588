//! `sheaf status`, `sheaf completions`, `sheaf man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use super::{ServiceArgs, help};

#[derive(Debug, Clone, Args)]
#[command(after_help = help::STATUS, after_long_help = help::STATUS)]
pub struct StatusArgs {
    /// The first output of a run, as it was given to `sheaf run`; or a job of a service: `last`,
    /// an id, a unique beginning of one, or a range such as `4-9`
    #[arg(value_name = "OUTPUT|JOB", default_value = "final.xlsx")]
    pub subjects: Vec<PathBuf>,

    /// One JSON object per run or job
    ///
    /// Of a run: files, bytes, rows, seconds, and whether it runs. Of a job: all that the service
    /// knows about it.
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub service: ServiceArgs,
}

#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

#[derive(Debug, Clone, Args)]
pub struct ManArgs {
    /// Where the pages go
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
}
