//! Segments → output files. It runs at the speed of the disk: nothing is compressed here but a header and an end.
//!
//! * [`shell`]: the workbook around the rows, made by rust_xlsxwriter. [`workbook`]: shell + segments → `.xlsx`.
//! * [`text`]: `.csv`, `.jsonl`, plain or packed. [`whole`]: a file that appears whole or not at all.

mod shell;
mod text;
mod whole;
mod workbook;

use std::io::{self, BufReader, Read, Write};

pub use shell::Counts;
pub use text::write_text;
pub use whole::{WholeFile, unfinished_name};
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
