//! Shell + joined segments → a workbook.

use std::io::{self, Write};

use anyhow::Context;
use rawzip::{CompressionMethod, DataDescriptorOutput, ZipArchiveWriter};
use sheaf_common::job::{Compression, JobSpec};
use sheaf_common::outcome::Sheet;
use sheaf_worker::render::deflate::{Deflater, END};

use super::Rows;
use super::shell::{Counts, Shells};
use crate::spool::Content;

/// Writes the workbooks of a job; keeps the shells that it made.
pub struct WorkbookWriter<'a> {
    shells: Shells<'a>,
    deflater: Deflater,
}

impl<'a> WorkbookWriter<'a> {
    pub fn new(spec: &'a JobSpec) -> Self {
        WorkbookWriter { shells: Shells::new(spec), deflater: Deflater::new(Compression::Balanced) }
    }

    /// Writes a workbook to `out`: the shell's parts, and in each sheet the joined segments that `rows` gives for it.
    ///
    /// # Errors
    /// When `out` or a stream fails.
    pub fn write<'r>(
        &mut self,
        out: &mut impl Write,
        counts: Counts,
        mut rows: impl FnMut(Sheet) -> io::Result<Rows<'r>>,
    ) -> anyhow::Result<()> {
        let mut archive = ZipArchiveWriter::new(out);
        for part in self.shells.parts(counts)? {
            let file = archive.new_file(part.name).compression_method(CompressionMethod::DEFLATE);
            let (mut entry, _) = file.start().with_context(|| format!("could not begin the part `{}`", part.name))?;
            let mut content = Content::default();
            entry.write_all(&joinable(&mut self.deflater, &part.head, &mut content))?;
            if let Some((sheet, _)) = part.rows {
                let mut joined = rows(sheet)?;
                content.join(&joined.content);
                joined.copy_to(&mut entry)?;
                entry.write_all(&joinable(&mut self.deflater, &part.tail(counts), &mut content))?;
            }
            entry.write_all(&END)?;
            entry.finish(DataDescriptorOutput::new(content.crc.finalize(), content.length))?;
        }
        archive.finish()?.flush()?;
        Ok(())
    }
}

/// Compresses a text to a segment, and adds it to `content`.
fn joinable(deflater: &mut Deflater, text: &str, content: &mut Content) -> Vec<u8> {
    let bytes = deflater.joinable(text.as_bytes());
    content.add(bytes.len() as u64, text.len() as u64, crc32fast::hash(text.as_bytes()));
    bytes
}
