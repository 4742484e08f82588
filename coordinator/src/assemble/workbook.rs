//! Shell + joined segments → a workbook.

use std::io::{self, Write};

use anyhow::Context;
use sheaf_common::job::{Compression, JobSpec};
use sheaf_common::outcome::Sheet;
use sheaf_worker::render::deflate::{Deflater, END};

use super::Rows;
use super::archive::{Archive, Entry};
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

    /// Writes a workbook to `out`: the shell's parts, and in each sheet the joined segments that
    /// `rows` gives for it.
    ///
    /// # Errors
    /// When `out` or a stream fails.
    pub fn write<'r>(
        &mut self,
        out: &mut impl Write,
        counts: Counts,
        mut rows: impl FnMut(Sheet) -> io::Result<Rows<'r>>,
    ) -> anyhow::Result<()> {
        let look = rows(Sheet::Rows(0))?.content.look;

        let mut archive = Archive::new(out);
        for part in self.shells.parts(counts, look.as_ref())? {
            let mut content = Content::default();
            let head = joinable(&mut self.deflater, &part.head, &mut content);

            // In the order of the bytes: their checksums are combined.
            let (mut joined, tail) = match &part.rows {
                None => (Rows::none(), Vec::new()),
                Some((sheet, tail)) => {
                    let joined = rows(*sheet)?;
                    content.join(&joined.content);
                    let tail = joinable(&mut self.deflater, tail, &mut content);
                    (joined, tail)
                }
            };

            let packed = content.packed + END.len() as u64;
            let crc32 = content.crc.finalize();
            let entry = Entry { name: part.name, crc32, packed, length: content.length };
            let write = archive.entry(&entry, |out| {
                out.write_all(&head)?;
                joined.copy_to(out)?;
                out.write_all(&tail)?;
                out.write_all(&END)
            });

            write.with_context(|| format!("could not write the part `{}`", part.name))?;
        }

        archive.finish()?;
        Ok(())
    }
}

/// Compresses a text to a segment, and adds it to `content`.
fn joinable(deflater: &mut Deflater, text: &str, content: &mut Content) -> Vec<u8> {
    let bytes = deflater.joinable(text.as_bytes());
    content.add(bytes.len() as u64, text.len() as u64, crc32fast::hash(text.as_bytes()));
    bytes
}
