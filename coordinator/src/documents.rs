//! Documents that are generated from the options: completions for shells, and manual pages.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::errors::{Exit, Failure};

/// Writes the completions of `sheaf` for a shell.
///
/// # Errors
/// Those of `out`.
pub fn completions(shell: Shell, out: &mut dyn Write) -> io::Result<Exit> {
    // In memory first: the generator panics when its output fails.
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "sheaf", &mut text);
    out.write_all(&text)?;
    out.flush()?;

    Ok(Exit::Done)
}

/// Writes the manual pages of both programs into a folder: `sheaf.1`, a page for each command,
/// `sheaf-worker.1`.
///
/// # Errors
/// When they cannot be written.
pub fn man(folder: &Path) -> Result<Exit, Failure> {
    let write = || {
        fs::create_dir_all(folder)?;
        clap_mangen::generate_to(Cli::command().disable_help_subcommand(true), folder)?;
        clap_mangen::generate_to(sheaf_worker::cli::Cli::command(), folder)
    };

    let failed = |error: io::Error| {
        let error = anyhow::Error::from(error)
            .context(format!("could not write into `{}`", folder.display()));
        Failure::new(Exit::CouldNotRun, error)
    };

    write().map(|()| Exit::Done).map_err(failed)
}
