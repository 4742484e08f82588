//! `sheaf status`, `sheaf completions`, `sheaf man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    /// The first output of the run, as it was given to `sheaf run`
    #[arg(value_name = "OUTPUT", default_value = "final.xlsx")]
    pub output: PathBuf,

    /// One JSON object: files, bytes, rows, seconds, and whether it runs
    #[arg(long)]
    pub json: bool,
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
