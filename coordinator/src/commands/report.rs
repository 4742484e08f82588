//! Reports the end of a run: the summary, its file, and the exit code.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use sheaf::config::{RunConfig, Verbosity};
use sheaf::cpu::CpuUse;
use sheaf::discover::Sources;
use sheaf::errors::{Exit, Failure};
use sheaf::human::{count, number};
use sheaf::report::{Summary, SummaryFile, no_record};
use sheaf::run::{Cause, End, Finished};

use crate::process::paint;

/// Reports a run that did not fail.
///
/// # Errors
/// When the run was interrupted, no file has a record, or the summary file cannot be written.
pub fn report(config: &RunConfig, sources: &Sources, finished: &Finished) -> Result<Exit, Failure> {
    let tally = &finished.tally;
    let no_record = no_record(tally, &config.spec);

    let (written, end, exit) = match &finished.end {
        End::Written(written) if tally.failed > 0 || no_record.is_some() => {
            (written.as_slice(), "finished", Exit::SomeFailed)
        }
        End::Written(written) => (written.as_slice(), "finished", Exit::Done),
        End::Interrupted(_) => (&[][..], "interrupted", Exit::Interrupted),
    };

    let summary = Summary {
        tally,
        spec: &config.spec,
        left_out: sources.left_out,
        read_bytes: finished.read_bytes,
        elapsed: finished.elapsed,
        written,
        per_file: config.per_file.as_deref(),
        joblog: config.joblog.as_deref(),
        kept: finished.kept.as_ref().map(|kept| (kept.folder.as_path(), kept.bytes)),
    };

    if let Some(path) = &config.summary {
        let file = SummaryFile::new(&summary, sources.len() as u64, end, exit as u8);
        write_summary(&file, path)?;
    }

    if let End::Interrupted(cause) = finished.end {
        return Err(interrupted(cause, tally.files, sources.len(), config.go_on()));
    }

    say(&summary, config.verbosity, finished.slots_cpu);

    // Last, and as an error: the outputs are written, but hold no row.
    if let Some((message, hint)) = no_record {
        return Err(Failure::new(exit, anyhow::Error::msg(message)).with_hint(hint));
    }

    Ok(exit)
}

fn write_summary(file: &SummaryFile, path: &Path) -> Result<(), Failure> {
    file.write(path).map_err(|error| {
        let error =
            anyhow::Error::from(error).context(format!("could not write `{}`", path.display()));
        Failure::new(Exit::CouldNotRun, error)
    })
}

fn interrupted(cause: Cause, done: u64, all: usize, go_on: &'static str) -> Failure {
    let done = number(done);
    let all = count(all as u64, "file");
    let error = anyhow::anyhow!("interrupted by {}: {done} of {all} are done", cause.name());
    Failure::new(Exit::Interrupted, error).with_hint(cause.go_on(go_on))
}

/// Writes the summary to standard error. A failure to write it is ignored: the outputs are there.
fn say(summary: &Summary<'_>, verbosity: Verbosity, slots_cpu: Duration) {
    let paint = paint(&io::stderr());
    let said = match verbosity {
        // Problems are never silenced: a cron mail must say why the exit code is not 0.
        Verbosity::Quiet => {
            (summary.emptied(paint) + &summary.failed(paint)).trim_start().to_string()
        }
        Verbosity::Normal | Verbosity::Verbose => summary.text(paint),
    };

    let mut err = io::stderr().lock();
    let _ = err.write_all(said.as_bytes());

    if verbosity == Verbosity::Verbose {
        let cpu = CpuUse::of_this_process(slots_cpu);
        let own = cpu.coordinator.as_secs_f64();
        let all = cpu.all.as_secs_f64();
        let _ = writeln!(err, "coordinator CPU: {own:.2} s of {all:.2} s");
    }
}
