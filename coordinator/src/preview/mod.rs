//! `sheaf preview`: the first rows of a file as a table in the terminal.

mod read;
mod table;

pub use read::read;
pub use table::{Preview, render_table};

use std::io::Write;

use crate::config::PreviewConfig;
use crate::errors::{Exit, Failure};
use crate::human::Paint;

/// Prints the table of what `rows` gives. `width`: the columns of the terminal.
///
/// `rows` reads the file with the settings it is given and keeps as many rows as these say; it counts them all.
///
/// # Errors
/// What `rows` says, and when `out` fails.
pub fn preview(
    config: &PreviewConfig,
    rows: impl FnOnce(&PreviewConfig) -> Result<Preview, Failure>,
    width: usize,
    paint: Paint,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let found = rows(config)?;
    let columns: Vec<&str> = config.spec.columns().collect();
    let table = render_table(&columns, &found, width, paint);
    out.write_all(table.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Failure::new(Exit::CouldNotRun, anyhow::Error::from(error).context("could not print")))
}
