//! Segments → output files. It runs at the speed of the disk: nothing is compressed here but a
//! header and an end.
//!
//! * [`shell`]: the workbook around the rows, made by rust_xlsxwriter. [`look`]: its columns and
//!   row heights. [`workbook`]: shell + segments → `.xlsx`. [`archive`]: the ZIP around its parts.
//! * [`text`]: `.csv`, `.tsv`, `.jsonl`, plain or packed.
//! * [`whole`]: a file that appears whole or not at all. [`sink`]: that, or a pipe.

mod archive;
mod look;
mod shell;
mod sink;
mod text;
mod whole;
mod workbook;

use std::io::{self, BufReader, Read, Write};

pub use shell::Counts;
pub use sink::{Sink, is_flow};
pub use text::write_text;
pub use whole::{WholeFile, followed, unfinished_name};
pub use workbook::WorkbookWriter;

use crate::spool::Content;

/// The joined segments of a stream.
pub struct Rows<'a> {
    pub content: Content,
    pub bytes: Box<dyn Read + 'a>,
}

/// The bytes that are copied at once: few system calls, and they stay in the processor's cache.
const COPY: usize = 256 << 10;

impl Rows<'_> {
    /// Writes the segments to `out`.
    pub fn copy_to(&mut self, out: &mut impl Write) -> io::Result<u64> {
        io::copy(&mut BufReader::with_capacity(COPY, &mut self.bytes), out)
    }

    /// No rows at all.
    pub fn none() -> Self {
        Rows { content: Content::default(), bytes: Box::new(io::empty()) }
    }
}
