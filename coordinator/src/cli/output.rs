//! What to write: options that `run` and `submit` share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{CsvArgs, help};

#[derive(Debug, Clone, Args)]
pub struct OutputArgs {
    #[arg(
        short,
        long = "output",
        value_name = "FILE",
        allow_hyphen_values = true,
        help = help::OUTPUT,
        long_help = help::output(),
        help_heading = "What to write"
    )]
    pub outputs: Vec<PathBuf>,

    /// What to do with texts longer than the 32,767 characters that a cell of a workbook holds
    #[arg(long, value_enum, value_name = "HOW", default_value_t = LongCellsArg::Overflow, help_heading = "What to write")]
    pub long_cells: LongCellsArg,

    #[command(flatten)]
    pub csv: CsvArgs,

    /// The name of the sheet that holds the rows
    #[arg(long, value_name = "NAME", default_value = "rows", help_heading = "What to write")]
    pub sheet_name: String,

    /// Compress for speed or for size
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = CompressionArg::Balanced, help_heading = "What to write")]
    pub compression: CompressionArg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LongCellsArg {
    /// Carry them on in the sheet `overflow`: nothing is lost
    Overflow,
    /// Cut them, and say how many
    Truncate,
    /// The file that holds one fails
    Fail,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CompressionArg {
    /// The fastest; the file is a tenth larger
    Fast,
    /// About the size that other programs write
    Balanced,
    /// The smallest
    Small,
}
