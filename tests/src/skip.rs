//! Visible skips: a test that cannot run here reports that, and `tests/run` counts it separately.

use std::fs::OpenOptions;
use std::io::Write;
use std::process::{Command, Stdio};

/// The environment variable for the file to which skips are appended. Cargo hides the output of a
/// passing test.
pub const SKIP_LOG: &str = "SHEAF_SKIP_LOG";

/// Reports that the test `name` cannot run on this machine, and why. The test must then return.
pub fn skip(name: &str, reason: &str) {
    #[expect(clippy::print_stdout, reason = "seen under --nocapture")]
    {
        println!("SKIPPED {name}: {reason}");
    }

    if let Some(path) = std::env::var_os(SKIP_LOG) {
        // One write for the line, so that lines of parallel tests do not mix.
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut log| log.write_all(format!("{name}: {reason}\n").as_bytes()));
        written.unwrap_or_else(|error| panic!("could not note a skip in {path:?}: {error}"));
    }
}

/// Skips the test `name` if one of the `commands` is missing on this machine; returns whether it
/// did.
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
