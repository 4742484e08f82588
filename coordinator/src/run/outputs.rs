//! The end of a job: the outputs, from what the spool holds.

use std::io::{self, Read};

use anyhow::Context;
use sheaf_common::job::{JobSpec, Rendering};
use sheaf_common::outcome::Stream;

use crate::assemble::{Counts, Rows, Sink, WorkbookWriter, write_text};
use crate::config::Output;
use crate::ledger::Position;
use crate::report::Written;
use crate::run::interrupt::Interrupt;
use crate::spool::Spool;

/// Writes all outputs, in their order.
///
/// # Errors
/// When one cannot be written, or the run is told to stop meanwhile. Those before it are in place;
/// the spool still holds everything.
pub fn write_outputs(
    spec: &JobSpec,
    outputs: &[Output],
    spool: &Spool,
    end: Position,
    interrupt: &Interrupt,
) -> anyhow::Result<Vec<Written>> {
    let counts = Counts { rows: end.rows, overflow: end.overflow };
    let write = |output: &Output| {
        let replaced = !output.is_standard_output() && output.path.is_file();
        let bytes = write_output(spec, output, spool, counts, interrupt)
            .with_context(|| format!("could not write `{}`", output.name()))?;

        let sheets = match spec.renderings[output.rendering_index] {
            Rendering::Xlsx => counts.sheets().len() as u32,
            Rendering::Csv(_) | Rendering::Tsv(_) | Rendering::JsonLines(_) => 0,
        };

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
    let rows = |stream| match spool.stream(stream) {
        Some(file) => file.rows().map(|rows| stoppable(rows, interrupt)),
        // No unit has added to this stream.
        None => Ok(Rows::none()),
    };

    let mut sink =
        if output.is_standard_output() { Sink::standard_output() } else { Sink::at(&output.path)? };

    match spec.renderings[output.rendering_index] {
        Rendering::Xlsx => {
            WorkbookWriter::new(spec)
                .write(&mut sink, counts, |sheet| rows(Stream::Sheet(sheet)))?;
        }
        rendering @ (Rendering::Csv(_) | Rendering::Tsv(_) | Rendering::JsonLines(_)) => {
            let stream = Stream::Text { rendering: output.rendering_index as u16 };
            write_text(&mut sink, spec, rendering, rows(stream)?)?;
        }
    }

    Ok(sink.finish()?)
}

/// The same rows, which end with an error once the run is told to stop.
fn stoppable<'r>(rows: Rows<'r>, interrupt: &'r Interrupt) -> Rows<'r> {
    Rows { bytes: Box::new(Stoppable { bytes: rows.bytes, interrupt }), ..rows }
}

struct Stoppable<'r> {
    bytes: Box<dyn Read + 'r>,
    interrupt: &'r Interrupt,
}

impl Read for Stoppable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.interrupt.told() {
            None => self.bytes.read(buffer),
            Some(stop) => Err(io::Error::other(format!("stopped by {}", stop.name()))),
        }
    }
}
