//! Writes a workbook: shell + joined segments.

use std::io::Write;

use anyhow::Context;
use sheaf_common::job::{Compression, JobSpec};

use super::Sheet;
use super::archive::{Archive, Entry};
use super::look::Look;
use super::shell::Shells;
use crate::packing::{Deflater, END};
use crate::{Content, Counts, Joined, OutputWriter, Parts};

/// Writes the workbooks of a job; reuses their shells.
pub struct WorkbookWriter<'a> {
    shells: Shells<'a>,
    deflater: Deflater,
}

impl<'a> WorkbookWriter<'a> {
    pub fn new(spec: &'a JobSpec) -> Self {
        WorkbookWriter { shells: Shells::new(spec), deflater: Deflater::new(Compression::Balanced) }
    }
}

impl OutputWriter for WorkbookWriter<'_> {
    /// Writes the parts of the shell, and into each sheet its joined segments.
    fn write(
        &mut self,
        out: &mut dyn Write,
        counts: Counts,
        parts: &mut Parts<'_, '_>,
    ) -> anyhow::Result<()> {
        // It travels with the first rows, and the shell needs it before any part is written.
        let look = look_of(&parts(Sheet::Rows(0).part())?.content)?;

        let mut archive = Archive::new(out);
        for part in self.shells.parts(counts, look.as_ref())? {
            let mut content = Content::default();
            let head = joinable(&mut self.deflater, &part.head, &mut content);

            // In the order of the bytes, as the checksums combine in that order.
            let (mut joined, tail) = match &part.rows {
                None => (Joined::none(), Vec::new()),
                Some((sheet, tail)) => {
                    let joined = parts(sheet.part())?;
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

/// The look of the first rows, from the metadata of their segment; `None`: there are no rows.
fn look_of(first_sheet: &Content) -> anyhow::Result<Option<Look>> {
    let meta = first_sheet.metas.first();
    let look = meta.map(|meta| Look::from_meta(&meta.bytes)).transpose();
    look.context("the look of the first rows is damaged")
}

/// Compresses a text to a segment, and adds it to `content`.
fn joinable(deflater: &mut Deflater, text: &str, content: &mut Content) -> Vec<u8> {
    let bytes = deflater.joinable(text.as_bytes());
    let crc32 = crc32fast::hash(text.as_bytes());
    content.add(bytes.len() as u64, text.len() as u64, crc32, &[]);
    bytes
}
