//! Segments → output files. It runs at the speed of the disk: nothing is compressed here but a header and an end.
//!
//! * [`shell`]: the workbook around the rows, made by rust_xlsxwriter. [`workbook`]: shell + segments → `.xlsx`.
//! * [`text`]: `.csv`, `.jsonl`, plain or packed. [`whole`]: a file that appears whole or not at all.

mod shell;
mod text;
mod whole;
mod workbook;

use std::io::{self, Read};

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

impl Rows<'_> {
    /// No rows at all.
    pub fn none() -> Self {
        Rows { content: Content::default(), bytes: Box::new(io::empty()) }
    }
}
