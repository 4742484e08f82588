//! Writes an output to a file that appears whole, or to a pipe that takes bytes as they come.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;

use super::WholeFile;

/// The bytes that are gathered before a pipe gets them.
const BUFFER: usize = 256 << 10;

/// The place that an output is written to.
pub enum Sink {
    Whole(WholeFile),
    Flow(Flow),
}

/// A pipe, a device, standard output. If its reader goes away, the rest is dropped without an
/// error: the reader has had enough (`| head`).
pub struct Flow {
    out: BufWriter<Box<dyn Write>>,
    written: u64,
    reader_is_gone: bool,
}

impl Sink {
    pub fn standard_output() -> Self {
        Sink::Flow(Flow::new(Box::new(io::stdout())))
    }

    /// Opens a place for writing. With a named pipe, this waits for a reader.
    pub fn at(path: &Path) -> io::Result<Self> {
        if is_flow(path) {
            return Ok(Sink::Flow(Flow::new(Box::new(OpenOptions::new().write(true).open(path)?))));
        }

        Ok(Sink::Whole(WholeFile::create(path)?))
    }

    /// Ends the output; returns its size in bytes.
    pub fn finish(self) -> io::Result<u64> {
        match self {
            Sink::Whole(file) => file.finish(),
            Sink::Flow(mut flow) => flow.flush().map(|()| flow.written),
        }
    }
}

/// Whether this is a pipe or a device: bytes that were written there cannot be taken back.
pub fn is_flow(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

impl Flow {
    fn new(out: Box<dyn Write>) -> Self {
        Flow { out: BufWriter::with_capacity(BUFFER, out), written: 0, reader_is_gone: false }
    }

    /// The result of a write; `None` if the reader is gone.
    fn unless_gone<T>(&mut self, done: io::Result<T>) -> io::Result<Option<T>> {
        match done {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.reader_is_gone = true;
                Ok(None)
            }
            done => done.map(Some),
        }
    }
}

impl Write for Flow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = bytes.len();
        if !self.reader_is_gone {
            let done = self.out.write(bytes);
            written = self.unless_gone(done)?.unwrap_or(written);
        }

        // Bytes after the reader went away count, too: they are part of the output's size.
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.reader_is_gone {
            let done = self.out.flush();
            self.unless_gone(done)?;
        }

        Ok(())
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Sink::Whole(file) => file.write(bytes),
            Sink::Flow(flow) => flow.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Sink::Whole(file) => file.flush(),
            Sink::Flow(flow) => flow.flush(),
        }
    }
}
