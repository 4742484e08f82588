//! Visible skips: a test that cannot run here says so, and `tests/run` counts it apart.

use std::fs::OpenOptions;
use std::io::Write;
use std::process::{Command, Stdio};

/// The environment variable with the file to which skips are appended; cargo swallows what a
/// passing test prints.
pub const SKIP_LOG: &str = "SHEAF_SKIP_LOG";

/// Notes that the test `name` does not run on this machine, and why. The test then returns.
pub fn skip(name: &str, reason: &str) {
    #[expect(clippy::print_stdout, reason = "seen under --nocapture")]
    {
        println!("SKIPPED {name}: {reason}");
    }
    if let Some(path) = std::env::var_os(SKIP_LOG) {
        // One write of one line, so that lines of tests that run side by side do not mix.
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut log| log.write_all(format!("{name}: {reason}\n").as_bytes()));
        written.unwrap_or_else(|error| panic!("could not note a skip in {path:?}: {error}"));
    }
}

/// Skips the test `name` if a command of `commands` is not on this machine; true if it did.
pub fn skip_without(name: &str, commands: &[&str]) -> bool {
    let missing: Vec<&str> =
        commands.iter().copied().filter(|command| !is_there(command)).collect();
    if !missing.is_empty() {
        skip(name, &format!("`{}` is not installed", missing.join("`, `")));
    }
    !missing.is_empty()
}

fn is_there(command: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", "command -v \"$1\"", "sh", command])
        .stdout(Stdio::null())
        .status();
    found.is_ok_and(|status| status.success())
}
