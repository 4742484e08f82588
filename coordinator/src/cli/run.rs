//! `sheaf run`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sheaf_common::units::at_least_one;

use super::{InputArgs, LimitArgs, OutputArgs, RecipeArgs, RedisArgs, help};

#[derive(Debug, Clone, Args)]
#[command(after_help = help::RUN, after_long_help = help::RUN)]
pub struct RunArgs {
    #[command(flatten)]
    pub inputs: InputArgs,

    #[command(flatten)]
    pub recipe: RecipeArgs,

    #[command(flatten)]
    pub output: OutputArgs,

    /// Also write one workbook per file into this folder, `<file name>.xlsx`
    #[arg(long, value_name = "DIR", help_heading = "What to write")]
    pub per_file: Option<PathBuf>,

    /// Write one line per file: path, status, kind, reason, rows, encoding, time
    ///
    /// The kind of a failure is `gone`, `changed`, `not-a-file`, `not-allowed`, `unreadable`,
    /// `too-large`, `damaged`, `misnamed`, `not-text`, `foreign`, `encoding`, `long-cell`,
    /// `time-limit`, `memory-limit`, `crashed` or `task`.
    #[arg(long, value_name = "FILE", help_heading = "What to write")]
    pub joblog: Option<PathBuf>,

    /// Write a summary for programs: JSON with files, rows, outputs, seconds, notes, and what failed
    ///
    /// Its field `summary_version` is 1; fields may be added to it, but none changes its meaning.
    #[arg(long, value_name = "FILE.json", help_heading = "What to write")]
    pub summary: Option<PathBuf>,

    /// How many processes of this machine read files at once [default: the number of cores; with
    /// --redis none]
    #[arg(
        short,
        long,
        value_name = "N", value_parser = at_least_one, allow_negative_numbers = true,
        visible_short_alias = 'j',
        visible_alias = "jobs",
        help_heading = "How to run"
    )]
    pub processes: Option<NonZeroUsize>,

    #[command(flatten)]
    pub limits: LimitArgs,

    /// How often a file is tried again after its process died or was killed
    #[arg(long, value_name = "N", default_value_t = 2, help_heading = "Limits")]
    pub retries: u32,

    #[command(flatten)]
    pub redis: RedisArgs,

    /// Let the workers open the files themselves, below their --root, instead of shipping them
    #[arg(long, requires = "redis", help_heading = "Many machines")]
    pub by_path: bool,

    /// How long to wait when there are no workers, such as `10m`; then the run stops with exit code
    /// 3, and the same command goes on [default: for ever]
    #[arg(
        long,
        value_name = "TIME",
        env = "SHEAF_WAIT_FOR_WORKERS",
        help_heading = "Many machines"
    )]
    pub wait_for_workers: Option<String>,

    /// Compress files before sending them to workers: worth it when the network, not this CPU, is
    /// the bottleneck; `auto`: when more than 16 processes work
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = PackArg::Auto, env = "SHEAF_PACK", help_heading = "Many machines")]
    pub pack: PackArg,

    /// How many bytes the run may have in Redis at once: files, rows, finished parts of the sheet.
    /// `auto` is 256 MiB, and with more than 8 processes 32 MiB for each, but at most half of what
    /// Redis may hold
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "auto",
        env = "SHEAF_REDIS_BUDGET",
        help_heading = "Many machines"
    )]
    pub redis_budget: String,

    /// Read only what has changed since the last run with --changed; go on with an interrupted run
    /// even if its inputs have changed
    ///
    /// The folder OUTPUT.sheaf stays beside the first output, with the rows of all files. The next
    /// run with --changed and the same recipe reuses those of files whose content is the same,
    /// wherever they are now; the outputs are the same as of a run that reads everything. Files that
    /// failed are tried again. A file of the same path, size and time counts as unchanged. The same
    /// command without --changed reads everything, and removes the folder.
    ///
    /// Of an interrupted run, the results of the files at the front that are still the same are
    /// kept; if the recipe or the outputs differ, it starts over. With this or with --fresh, a
    /// scheduled job never needs a human.
    #[arg(long, conflicts_with = "fresh", help_heading = "How to run")]
    pub changed: bool,

    /// Start over, even if an interrupted run could go on
    #[arg(long, help_heading = "How to run")]
    pub fresh: bool,

    /// Only say what would be read and written
    #[arg(long, help_heading = "How to run")]
    pub dry_run: bool,

    /// No progress and no summary; report only problems and errors
    #[arg(short, long, conflicts_with = "verbose", help_heading = "How to run")]
    pub quiet: bool,

    /// Say more
    #[arg(short, long, help_heading = "How to run")]
    pub verbose: bool,
}

/// When files are compressed before they are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PackArg {
    Auto,
    Always,
    Never,
}
