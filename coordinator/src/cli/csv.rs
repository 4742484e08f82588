//! How CSV is written: options of `run`.

use clap::{Args, ValueEnum};
use sheaf_common::job::Newline;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "How CSV is written")]
pub struct CsvArgs {
    /// Begin .csv and .tsv with a byte order mark: without one, Excel on Windows shows Korean as
    /// mojibake
    #[arg(long)]
    pub csv_bom: bool,

    /// What stands between the cells of .csv: one character, or the word `tab` [default: ,]
    #[arg(long, value_name = "CHARACTER", allow_hyphen_values = true)]
    pub csv_delimiter: Option<String>,

    /// What ends a row [default: crlf in .csv, lf in .tsv]
    #[arg(long, value_enum, value_name = "END")]
    pub csv_newline: Option<NewlineArg>,

    /// What to do with cells that a spreadsheet would take for formulas: CSV cannot say that `=1+1`
    /// is text [default: keep]
    #[arg(long, value_enum, value_name = "HOW")]
    pub csv_formulas: Option<FormulasArg>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NewlineArg {
    /// A line feed
    Lf,
    /// A carriage return and a line feed, as RFC 4180 has it
    Crlf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormulasArg {
    /// Write every text as it is
    Keep,
    /// Put an apostrophe before a text whose first visible character is one of = + - @
    Escape,
}

impl From<NewlineArg> for Newline {
    fn from(typed: NewlineArg) -> Self {
        match typed {
            NewlineArg::Lf => Newline::Lf,
            NewlineArg::Crlf => Newline::CrLf,
        }
    }
}
