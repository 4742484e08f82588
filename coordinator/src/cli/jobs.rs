//! The commands about jobs of a service.

use std::path::PathBuf;

use clap::Args;

use super::{ServiceArgs, help};
use crate::api::{Priority, State};

/// Jobs that a command is about.
#[derive(Debug, Clone, Args)]
pub struct SelectArgs {
    /// `last`, an id, a beginning that only one id has, or a range of numbers such as `4-9`
    #[arg(value_name = "JOB", required = true)]
    pub jobs: Vec<String>,
}

/// The one job that a command is about.
#[derive(Debug, Clone, Args)]
pub struct SelectOneArgs {
    /// `last`, an id, or a beginning that only one id has
    #[arg(value_name = "JOB")]
    pub job: String,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = help::JOBS, after_long_help = help::JOBS)]
pub struct JobsArgs {
    /// Only jobs in one of these states
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = state)]
    pub state: Vec<State>,

    /// Only jobs whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,

    /// Only jobs that were submitted within this time, as `2d`, `12h`, `30m`
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,

    /// At most N jobs, the newest
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,

    /// All jobs [default: those that are active, and the last 20]
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,

    #[command(flatten)]
    pub service: ServiceArgs,

    /// Only the ids, one a line
    #[arg(short, long, conflicts_with = "json")]
    pub quiet: bool,

    /// One JSON object per line
    #[arg(long)]
    pub json: bool,
}

fn state(typed: &str) -> Result<State, String> {
    State::of_word(typed).ok_or_else(|| {
        let words: Vec<&str> = State::ALL.iter().map(|state| state.word()).collect();
        format!("the states are {}", words.join(", "))
    })
}

#[derive(Debug, Clone, Args)]
pub struct WatchArgs {
    #[command(flatten)]
    pub select: SelectOneArgs,

    #[command(flatten)]
    pub service: ServiceArgs,
}

#[derive(Debug, Clone, Args)]
pub struct LogsArgs {
    #[command(flatten)]
    pub select: SelectOneArgs,

    /// Only the files that failed, a line each: kind, path, reason
    #[arg(long)]
    pub failed: bool,

    /// Only the files that failed for this kind of problem, such as `time-limit`
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,

    /// One JSON object per file
    #[arg(long)]
    pub json: bool,

    /// Go on until the job is finished, as `tail -f` does
    #[arg(short, long, conflicts_with_all = ["failed", "kind", "json"])]
    pub follow: bool,

    #[command(flatten)]
    pub service: ServiceArgs,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = help::FETCH, after_long_help = help::FETCH)]
pub struct FetchArgs {
    #[command(flatten)]
    pub select: SelectOneArgs,

    /// Where to write, one for each output in their order, or a folder for all; `-` is standard
    /// output [default: their names, in this folder]
    #[arg(short, long = "output", value_name = "FILE", allow_hyphen_values = true)]
    pub outputs: Vec<PathBuf>,

    #[command(flatten)]
    pub service: ServiceArgs,

    /// Report only errors
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = help::WAIT, after_long_help = help::WAIT)]
pub struct WaitArgs {
    #[command(flatten)]
    pub select: SelectArgs,

    /// Give up after this time, as `10m`: exit code 4; the jobs go on
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<String>,

    #[command(flatten)]
    pub service: ServiceArgs,

    /// Say nothing about the jobs: the exit code tells
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Clone, Args)]
pub struct CancelArgs {
    #[command(flatten)]
    pub select: SelectArgs,

    /// Why; shown to everybody who asks about the job
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,

    #[command(flatten)]
    pub service: ServiceArgs,

    #[command(flatten)]
    pub form: FormArgs,
}

#[derive(Debug, Clone, Args)]
pub struct ManyArgs {
    #[command(flatten)]
    pub select: SelectArgs,

    #[command(flatten)]
    pub service: ServiceArgs,

    #[command(flatten)]
    pub form: FormArgs,
}

#[derive(Debug, Clone, Args)]
pub struct RetryArgs {
    #[command(flatten)]
    pub select: SelectArgs,

    /// Only the files that failed for this kind of problem, such as `time-limit`; repeatable
    #[arg(long, value_name = "KIND")]
    pub kind: Vec<String>,

    #[command(flatten)]
    pub service: ServiceArgs,

    #[command(flatten)]
    pub form: FormArgs,
}

#[derive(Debug, Clone, Args)]
#[group(id = "changes", required = true, multiple = true, args = ["name", "priority"])]
pub struct SetArgs {
    #[command(flatten)]
    pub select: SelectArgs,

    /// Another name
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,

    /// Another priority
    #[arg(long, value_enum, value_name = "CLASS")]
    pub priority: Option<Priority>,

    #[command(flatten)]
    pub service: ServiceArgs,

    #[command(flatten)]
    pub form: FormArgs,
}

#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    #[command(flatten)]
    pub select: SelectArgs,

    #[command(flatten)]
    pub service: ServiceArgs,

    /// One JSON object per job
    #[arg(long)]
    pub json: bool,
}

/// How the jobs that a command changed are printed.
#[derive(Debug, Clone, Args)]
pub struct FormArgs {
    /// Only the ids of the jobs that were changed, one a line
    #[arg(short, long, conflicts_with = "json")]
    pub quiet: bool,

    /// One JSON object per job
    #[arg(long)]
    pub json: bool,
}
