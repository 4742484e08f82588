//! `sheaf`: parse, resolve, run, exit code.
//!
//! [`commands`] has a function for each command, [`process`] what they need of this process. All
//! else is in the library.

mod commands;
mod process;

use std::io;
use std::process::ExitCode;

use sheaf::cli::{Cli, Command};
use sheaf::errors::{Exit, reader_is_gone};

fn main() -> ExitCode {
    sheaf_common::allocator::reuse_freed_memory();

    // The child processes of the pool are this program, too. Clap does not know the word, so no
    // help shows it.
    if std::env::args_os().nth(1).is_some_and(|word| word == commands::SLOT) {
        return sheaf_worker::pool::child::main();
    }

    let command = Cli::of_this_process().command;

    // A run handles a reader that goes away itself: its outputs may be pipes.
    let prints = !matches!(&command, Command::Run(args) if !args.dry_run);

    match commands::execute(command) {
        Ok(exit) => exit.into(),
        // Rust ignores SIGPIPE (the coordinator must outlive its children), so a reader that went
        // away is an error here. It has what it wanted.
        Err(failure) if prints && reader_is_gone(failure.error.as_ref()) => Exit::Done.into(),
        Err(failure) => {
            // If standard error is gone, too, only the exit code is left.
            let _ = failure.write(&mut io::stderr().lock(), process::paint(&io::stderr()));
            failure.exit.into()
        }
    }
}
