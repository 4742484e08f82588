//! `sheaf preview`.

use std::io;

use sheaf::cli::PreviewArgs;
use sheaf::config::PreviewConfig;
use sheaf::errors::{Exit, Failure};
use sheaf::preview;
use sheaf_worker::pool::Program;

use super::SLOT;
use crate::process::{paint, stdout, terminal_width};

/// Shows the first rows of a file.
pub fn preview(args: &PreviewArgs) -> Result<Exit, Failure> {
    let config = PreviewConfig::resolve(args)?;
    let width = terminal_width();

    let rows = |config: &PreviewConfig| preview::read(config, Program::this(SLOT));
    preview::preview(&config, rows, width, paint(&io::stdout()), &mut stdout())?;

    Ok(Exit::Done)
}
