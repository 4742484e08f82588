//! `sheaf workers`: the workers of a queue.

use std::io::{self, Write};

use sheaf_common::VERSION;
use sheaf_common::fit;
use sheaf_common::queue::WorkerSeen;

use crate::errors::{Exit, Failure};
use crate::human::{count, number, shown, size, table, time};

/// Checks that at least `expected` workers of this build are there.
///
/// # Errors
/// [`Exit::SomeFailed`] when there are fewer: workers of other builds get no tasks of this one.
pub fn check(workers: &[WorkerSeen], expected: Option<usize>) -> Result<Exit, Failure> {
    let of_this_build = workers.iter().filter(|worker| worker.info.is_of_this_build()).count();
    let Some(expected) = expected.filter(|expected| of_this_build < *expected) else {
        return Ok(Exit::Done);
    };

    // Often the reason: the workers were not updated together with this program.
    let others = match workers.len() - of_this_build {
        0 => String::new(),
        others => format!(" ({} of another build than {VERSION})", count(others as u64, "other")),
    };

    let there = match of_this_build {
        1 => "1 is".to_owned(),
        some => format!("{} are", number(some as u64)),
    };
    let error =
        anyhow::anyhow!("expected {}, {there} there{others}", count(expected as u64, "worker"));

    Err(Failure::new(Exit::SomeFailed, error))
}

/// Prints a header and a line for each worker, or a sentence if there is none.
///
/// # Errors
/// Those of `out`.
pub fn print_table(workers: &[WorkerSeen], out: &mut dyn Write) -> io::Result<()> {
    if workers.is_empty() {
        writeln!(out, "no worker is connected")?;
        return out.flush();
    }

    let rows = workers.iter().map(|WorkerSeen { info, ago }| {
        [
            shown(info.id.as_bytes()),
            shown(info.host.as_bytes()),
            shown(info.version.as_bytes()),
            format!("{} of {}", info.busy, info.slots),
            number(info.files_done),
            size(info.bytes_done),
            format!("{} ago", time(*ago)),
        ]
    });

    write!(
        out,
        "{}",
        table(["WORKER", "HOST", "VERSION", "BUSY", "FILES", "BYTES", "SEEN"], rows)
    )?;

    out.flush()
}

/// Prints a line with a JSON object for each worker: what it announced, and how long ago
/// (`seen_ms`).
///
/// # Errors
/// Those of `out`.
pub fn print_json(workers: &[WorkerSeen], out: &mut dyn Write) -> io::Result<()> {
    for WorkerSeen { info, ago } in workers {
        let mut object = serde_json::to_value(info)?;
        object["seen_ms"] = fit::millis(*ago).into();
        writeln!(out, "{object}")?;
    }

    out.flush()
}
