//! `sheaf preview`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::{LimitArgs, RecipeArgs, help};

#[derive(Debug, Clone, Args)]
#[command(after_help = help::PREVIEW, after_long_help = help::PREVIEW)]
pub struct PreviewArgs {
    /// The file to look into
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// How many rows to show
    #[arg(short = 'n', long, value_name = "N", default_value = "10")]
    pub rows: NonZeroUsize,

    #[command(flatten)]
    pub recipe: RecipeArgs,

    #[command(flatten)]
    pub limits: LimitArgs,
}
