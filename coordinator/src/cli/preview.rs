//! `sheaf preview`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sheaf_common::units::at_least_one;

use super::{LimitArgs, RecipeArgs, help};

#[derive(Debug, Clone, Args)]
#[command(after_help = help::PREVIEW, after_long_help = help::PREVIEW)]
pub struct PreviewArgs {
    /// The file to look into; a folder stands for its first file, `-` for markup on standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// How many rows to show
    #[arg(short = 'n', long, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true, default_value = "10")]
    pub rows: NonZeroUsize,

    /// How the rows are shown
    #[arg(long, value_enum, value_name = "VIEW", default_value_t = ViewArg::Auto)]
    pub view: ViewArg,

    #[command(flatten)]
    pub recipe: RecipeArgs,

    #[command(flatten)]
    pub limits: LimitArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ViewArg {
    /// A table where it fits the terminal, else one line per cell
    Auto,
    Table,
    /// One line per cell
    Vertical,
}
