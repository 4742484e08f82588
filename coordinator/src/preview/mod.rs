//! `sheaf preview`: the first rows of a file as a table in the terminal.

mod cell;
mod read;
mod table;
mod vertical;

pub use read::read;
pub use table::{Preview, render_table};
pub use vertical::render_vertical;

use std::io::Write;

use crate::cli::ViewArg;
use crate::config::PreviewConfig;
use crate::errors::{Exit, Failure};
use crate::human::Paint;

/// Prints the rows that `rows` returns. `width`: the columns of the terminal.
///
/// `rows` reads the file with these settings. It returns as many rows as they say, and counts all.
///
/// # Errors
/// Those of `rows`, and when `out` fails.
pub fn preview(
    config: &PreviewConfig,
    rows: impl FnOnce(&PreviewConfig) -> Result<Preview, Failure>,
    width: usize,
    paint: Paint,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let found = rows(config)?;
    let columns: Vec<&str> = config.spec.columns().collect();
    let text = match config.view {
        // In a table with too many columns too little of each cell can be read.
        ViewArg::Auto if table::fits(&columns, &found, width) => {
            render_table(&columns, &found, width, paint)
        }
        ViewArg::Table => render_table(&columns, &found, width, paint),
        ViewArg::Auto | ViewArg::Vertical => render_vertical(&columns, &found, width, paint),
    };

    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| {
        Failure::new(Exit::CouldNotRun, anyhow::Error::from(error).context("could not print"))
    })
}
