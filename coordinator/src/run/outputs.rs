//! The end of a job: the outputs, from what the spool holds.

use std::io::{self, Read};
use std::path::PathBuf;

use anyhow::Context;
use sheaf_common::job::{JobSpec, Rendering};
use sheaf_common::outcome::Stream;

use crate::assemble::{Counts, Rows, WholeFile, WorkbookWriter, write_text};
use crate::config::Output;
use crate::ledger::Position;
use crate::run::interrupt::Interrupt;
use crate::spool::Spool;

/// Writes all outputs; returns each with its size in bytes.
///
/// # Errors
/// When one cannot be written, or the run is told to stop meanwhile. Those before it are in place; the spool still holds everything.
pub fn write_outputs(
    spec: &JobSpec,
    outputs: &[Output],
    spool: &Spool,
    end: Position,
    interrupt: &Interrupt,
) -> anyhow::Result<Vec<(PathBuf, u64)>> {
    let mut written = Vec::with_capacity(outputs.len());
    for output in outputs {
        let size = write_output(spec, output, spool, end, interrupt)
            .with_context(|| format!("could not write `{}`", output.path.display()))?;
        written.push((output.path.clone(), size));
    }
    Ok(written)
}

fn write_output(
    spec: &JobSpec,
    output: &Output,
    spool: &Spool,
    end: Position,
    interrupt: &Interrupt,
) -> anyhow::Result<u64> {
    let rows = |stream| match spool.stream(stream) {
        Some(file) => file.rows().map(|rows| stoppable(rows, interrupt)),
        None => Ok(Rows::none()),
    };
    let mut file = WholeFile::create(&output.path)?;
    match spec.renderings[output.rendering_index] {
        Rendering::Xlsx => {
            let counts = Counts { rows: end.rows, overflow: end.overflow };
            WorkbookWriter::new(spec).write(&mut file, counts, |sheet| rows(Stream::Sheet(sheet)))?;
        }
        rendering @ (Rendering::Csv(_) | Rendering::JsonLines(_)) => {
            let stream = Stream::Text { rendering: output.rendering_index as u16 };
            write_text(&mut file, spec, rendering, rows(stream)?)?;
        }
    }
    Ok(file.finish()?)
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
