//! `sheaf submit`.

use std::path::PathBuf;

use clap::Args;

use super::{InputArgs, LimitArgs, OutputArgs, RecipeArgs, ServiceArgs, help};
use crate::api::{FailureBudget, JobId, Priority};

#[derive(Debug, Clone, Args)]
#[command(after_help = help::SUBMIT, after_long_help = help::SUBMIT)]
pub struct SubmitArgs {
    #[command(flatten)]
    pub inputs: InputArgs,

    #[command(flatten)]
    pub recipe: RecipeArgs,

    #[command(flatten)]
    pub output: OutputArgs,

    /// A name for people; need not be unique
    #[arg(long, value_name = "TEXT", help_heading = "The job")]
    pub name: Option<String>,

    /// Which jobs the workers serve first
    #[arg(long, value_enum, value_name = "CLASS", default_value_t, help_heading = "The job")]
    pub priority: Priority,

    /// Your own id for the job; if there is one with it, that one is the answer: safe in cron
    ///
    /// 1 to 128 letters, digits or `._:@+-`. Given again, the command uploads nothing, says that
    /// the job is already there, prints its id, and exits with 0.
    #[arg(long, value_name = "ID", help_heading = "The job")]
    pub id: Option<JobId>,

    /// End the job early when more files fail than this: a number, or a share such as `5%`
    #[arg(long, value_name = "N|P%", help_heading = "The job")]
    pub max_failures: Option<FailureBudget>,

    /// Upload nothing: the service reads these paths itself, below its `--root` folders
    #[arg(long, help_heading = "The job")]
    pub by_path: bool,

    /// Wait for the job, with progress, and write the outputs as `run` would
    #[arg(long, help_heading = "The job")]
    pub wait: bool,

    /// With --wait: write one line per file, as `run` does
    #[arg(long, value_name = "FILE", requires = "wait", help_heading = "What to write")]
    pub joblog: Option<PathBuf>,

    /// With --wait: write a summary for programs, as `run` does
    #[arg(long, value_name = "FILE.json", requires = "wait", help_heading = "What to write")]
    pub summary: Option<PathBuf>,

    #[command(flatten)]
    pub limits: LimitArgs,

    /// How often a file is tried again after its process died or was killed
    #[arg(long, value_name = "N", default_value_t = 2, help_heading = "Limits")]
    pub retries: u32,

    #[command(flatten)]
    pub service: ServiceArgs,

    /// Say nothing but the id, problems and errors
    #[arg(short, long)]
    pub quiet: bool,
}
