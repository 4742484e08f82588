//! Text outputs, plain or packed: a head, the rows, and a tail.
//!
//! * [`csv`], [`tsv`], [`json_lines`]: the formats.

pub mod csv;
pub mod json_lines;
pub mod tsv;

use std::io::{self, Write};

use sheaf_common::job::{JobSpec, Packing};

use crate::packing::{Deflater, END, zstd_frame};
use crate::{
    Content, Counts, CsvUse, Format, Joined, OutputWriter, Packer, PartSegment, Parts, Place,
    UnitWriter,
};

/// The number of a text's only part.
const WHOLE: u32 = 0;

/// The header of a gzip file (RFC 1952): deflate, no name, no time, system unknown, as outputs must
/// not depend on the clock or the machine.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Appends a row to a text; `None`: the record did not have this cell.
pub type WriteRow = dyn FnMut(&mut Vec<u8>, &[Option<&str>]);

/// A format that is nothing but text. Its outputs may be packed.
pub trait TextFormat: Send + Sync {
    /// As [`Format::name`].
    fn name(&self) -> &'static str;

    /// As [`Format::title`].
    fn title(&self) -> &'static str;

    /// As [`Format::extensions`].
    fn extensions(&self) -> &'static [&'static str];

    /// As [`Format::media_type`].
    fn media_type(&self) -> &'static str;

    /// Whether the text of rows depends on how many are before them.
    fn depends_on_place(&self) -> bool {
        true
    }

    /// As [`Format::csv_use`].
    fn csv_use(&self) -> CsvUse {
        CsvUse::Nothing
    }

    /// The text before the rows.
    fn head(&self, _spec: &JobSpec) -> Vec<u8> {
        Vec::new()
    }

    /// The writer for consecutive rows; `first_row` is the place of the first among all rows, from
    /// 0.
    fn rows(&self, spec: &JobSpec, first_row: u64) -> Box<WriteRow>;

    /// The text after the rows.
    fn tail(&self, _spec: &JobSpec) -> Vec<u8> {
        Vec::new()
    }
}

/// Makes a [`TextFormat`] a [`Format`].
pub struct Text<T>(pub T);

impl<T: TextFormat> Format for Text<T> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn title(&self) -> &'static str {
        self.0.title()
    }

    fn extensions(&self) -> &'static [&'static str] {
        self.0.extensions()
    }

    fn media_type(&self) -> &'static str {
        self.0.media_type()
    }

    fn packings(&self) -> &'static [Packing] {
        &[Packing::Gzip, Packing::Zstd]
    }

    fn sheets(&self, _counts: Counts) -> Option<u32> {
        None
    }

    fn depends_on_place(&self) -> bool {
        self.0.depends_on_place()
    }

    fn csv_use(&self) -> CsvUse {
        self.0.csv_use()
    }

    fn unit_writer<'a>(
        &self,
        spec: &'a JobSpec,
        packing: Packing,
        place: Place,
    ) -> Box<dyn UnitWriter + 'a> {
        let write_row = self.0.rows(spec, place.first_row);
        Box::new(TextRows { packing, write_row, text: Vec::new() })
    }

    fn output_writer<'a>(&self, spec: &'a JobSpec, packing: Packing) -> Box<dyn OutputWriter + 'a> {
        Box::new(TextOutput { spec, packing, head: self.0.head(spec), tail: self.0.tail(spec) })
    }
}

/// The text of consecutive rows.
struct TextRows {
    packing: Packing,
    write_row: Box<WriteRow>,
    text: Vec<u8>,
}

impl UnitWriter for TextRows {
    fn row(&mut self, cells: &[Option<&str>]) {
        (self.write_row)(&mut self.text, cells);
    }

    fn finish(self: Box<Self>, packer: &mut Packer) -> Vec<PartSegment> {
        vec![packer.pack(self.packing, WHOLE, self.text)]
    }
}

/// Puts head and tail around the rows.
struct TextOutput<'a> {
    spec: &'a JobSpec,
    packing: Packing,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl OutputWriter for TextOutput<'_> {
    fn write(
        &mut self,
        out: &mut dyn Write,
        _counts: Counts,
        parts: &mut Parts<'_, '_>,
    ) -> anyhow::Result<()> {
        let rows = parts(WHOLE)?;
        match self.packing {
            Packing::Plain => self.write_plain(out, rows)?,
            Packing::Gzip => self.write_gzip(out, rows)?,
            Packing::Zstd => self.write_zstd(out, rows)?,
        }

        Ok(())
    }
}

impl TextOutput<'_> {
    fn write_plain(&self, out: &mut dyn Write, mut rows: Joined<'_>) -> io::Result<()> {
        out.write_all(&self.head)?;
        rows.copy_to(out)?;
        out.write_all(&self.tail)
    }

    fn write_zstd(&self, out: &mut dyn Write, mut rows: Joined<'_>) -> io::Result<()> {
        let frame = |text: &[u8]| zstd_frame(text, self.spec.compression);

        // An empty output needs an empty frame, as no bytes at all are not a Zstandard file.
        let is_empty = rows.content.packed == 0 && self.tail.is_empty();
        if !self.head.is_empty() || is_empty {
            out.write_all(&frame(&self.head))?;
        }

        rows.copy_to(out)?;
        if !self.tail.is_empty() {
            out.write_all(&frame(&self.tail))?;
        }

        Ok(())
    }

    fn write_gzip(&self, out: &mut dyn Write, mut rows: Joined<'_>) -> io::Result<()> {
        let mut deflater = Deflater::new(self.spec.compression);

        // In the order of the bytes, as the checksums combine in that order.
        let mut content = Content::default();
        add_text(&mut content, &self.head);
        content.join(&rows.content);
        add_text(&mut content, &self.tail);

        out.write_all(&GZIP_HEADER)?;
        out.write_all(&deflater.joinable(&self.head))?;
        rows.copy_to(out)?;
        if !self.tail.is_empty() {
            out.write_all(&deflater.joinable(&self.tail))?;
        }
        out.write_all(&END)?;

        out.write_all(&content.crc.finalize().to_le_bytes())?;

        // The format has the length modulo 2^32.
        let [low @ .., _, _, _, _] = content.length.to_le_bytes();
        out.write_all(&low)
    }
}

/// Adds a text to the sums: only its length and checksum matter here.
fn add_text(content: &mut Content, text: &[u8]) {
    content.add(0, text.len() as u64, crc32fast::hash(text), &[]);
}

#[cfg(test)]
mod tests;
