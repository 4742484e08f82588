//! Writes the outputs from the spool, at the end of a job.

use std::io::{self, Read};

use anyhow::Context;
use sheaf_common::job::JobSpec;
use sheaf_common::outcome::{Stream, Target};
use sheaf_format::{Counts, Joined};

use crate::assemble::Sink;
use crate::config::Output;
use crate::ledger::Position;
use crate::report::Written;
use crate::run::interrupt::Interrupt;
use crate::spool::Spool;

/// Writes all outputs, in their order.
///
/// # Errors
/// When an output cannot be written, or the run is interrupted. The outputs before it are in place,
/// and the spool still holds everything.
pub fn write_outputs(
    spec: &JobSpec,
    outputs: &[Output],
    spool: &Spool,
    end: Position,
    interrupt: &Interrupt,
) -> anyhow::Result<Vec<Written>> {
    let counts = Counts { rows: end.rows, overflow: end.overflow };
    let write = |output: &Output| {
        // Before the output is written and is there in any case.
        let replaced = !output.is_standard_output() && output.path.is_file();
        let bytes = write_output(spec, output, spool, counts, interrupt)
            .with_context(|| format!("could not write `{}`", output.name()))?;

        let sheets = output.form.format.sheets(counts);
        let path =
            if output.is_standard_output() { output.name().into() } else { output.path.clone() };
        Ok(Written { path, bytes, sheets, replaced })
    };

    outputs.iter().map(write).collect()
}

fn write_output(
    spec: &JobSpec,
    output: &Output,
    spool: &Spool,
    counts: Counts,
    interrupt: &Interrupt,
) -> anyhow::Result<u64> {
    let target = Target::rendering(output.rendering_index);
    let mut part = |part| match spool.stream(Stream { target, part }) {
        Some(file) => file.joined().map(|joined| stoppable(joined, interrupt)),
        // No unit added to this stream.
        None => Ok(Joined::none()),
    };

    let mut sink =
        if output.is_standard_output() { Sink::standard_output() } else { Sink::at(&output.path)? };

    output.form.output_writer(spec).write(&mut sink, counts, &mut part)?;
    Ok(sink.finish()?)
}

/// The same segments; reading them fails once the run is interrupted.
fn stoppable<'r>(joined: Joined<'r>, interrupt: &'r Interrupt) -> Joined<'r> {
    Joined { bytes: Box::new(Stoppable { bytes: joined.bytes, interrupt }), ..joined }
}

struct Stoppable<'r> {
    bytes: Box<dyn Read + 'r>,
    interrupt: &'r Interrupt,
}

impl Read for Stoppable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.interrupt.pending_stop() {
            None => self.bytes.read(buffer),
            Some(stop) => Err(io::Error::other(format!("stopped by {}", stop.name()))),
        }
    }
}
