//! The traits of a format: its properties, and its writers.

use std::fmt;
use std::io::{self, Write};

use sheaf_common::job::{JobSpec, Packing};
use sheaf_common::outcome::{Segment, Stream, Target};

use crate::{Joined, Packer};

/// A format in which rows are written, such as workbook or CSV.
///
/// It works at two places. On a worker, a [`UnitWriter`] renders the rows of each unit to segments;
/// in the coordinator, an [`OutputWriter`] turns the joined segments into an output.
pub trait Format: Send + Sync {
    /// Its name in [`sheaf_common::job::Rendering`]; no two formats have the same.
    fn name(&self) -> &'static str;

    /// Its name for people, within a sentence.
    fn title(&self) -> &'static str;

    /// The extensions of its outputs, in lower case and with their dot, the usual one first.
    fn extensions(&self) -> &'static [&'static str];

    /// The media type of its outputs, without packing, as HTTP names it.
    fn media_type(&self) -> &'static str;

    /// How its outputs may be compressed as a whole, besides [`Packing::Plain`].
    fn packings(&self) -> &'static [Packing];

    /// The number of sheets of an output with these rows. `None`: the format has no sheets, and so
    /// no limits on the length of texts or the number of rows.
    fn sheets(&self, counts: Counts) -> Option<u32>;

    /// Whether the segments of rows depend on [`Place`]: on how many rows are before them.
    fn depends_on_place(&self) -> bool {
        true
    }

    /// The parts of [`JobSpec::csv`] that it uses.
    fn csv_use(&self) -> CsvUse {
        CsvUse::Nothing
    }

    /// The writer for consecutive rows that begin at `place`.
    fn unit_writer<'a>(
        &self,
        spec: &'a JobSpec,
        packing: Packing,
        place: Place,
    ) -> Box<dyn UnitWriter + 'a>;

    /// The writer for the outputs of a job.
    fn output_writer<'a>(&self, spec: &'a JobSpec, packing: Packing) -> Box<dyn OutputWriter + 'a>;
}

impl fmt::Debug for dyn Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for dyn Format {
    fn eq(&self, other: &dyn Format) -> bool {
        self.name() == other.name()
    }
}

impl Eq for dyn Format {}

/// Turns consecutive rows of an output into their segments.
pub trait UnitWriter {
    /// Adds the next row; `None`: the record did not have this cell.
    fn row(&mut self, cells: &[Option<&str>]);

    /// The segments of the rows, at most one for each part of the output.
    fn finish(self: Box<Self>, packer: &mut Packer) -> Vec<PartSegment>;
}

/// Turns joined segments into outputs; it may reuse for one output what it made for another.
pub trait OutputWriter: Send {
    /// Writes an output of `counts` rows to `out`. `parts` gives the joined segments of a part,
    /// empty for a part that no unit added to. It may be called more than once for a part.
    ///
    /// # Errors
    /// When `out` or a stream fails, or the metadata of segments cannot be read.
    fn write(
        &mut self,
        out: &mut dyn Write,
        counts: Counts,
        parts: &mut Parts<'_, '_>,
    ) -> anyhow::Result<()>;
}

/// Gives the joined segments of a part of an output.
pub type Parts<'p, 'j> = dyn FnMut(u32) -> io::Result<Joined<'j>> + 'p;

/// The place of rows in their output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The place of the first row among all rows, from 0.
    pub first_row: u64,
    /// The place of the first overflow row among all overflow rows, from 0.
    pub first_overflow: u64,
}

/// The rows and overflow rows of an output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub rows: u64,
    pub overflow: u64,
}

/// The parts of [`sheaf_common::job::CsvStyle`] that a format uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CsvUse {
    Nothing,
    /// All but the delimiter, which the format fixes.
    OwnDelimiter,
    All,
}

/// A segment of a part of an output that is not yet known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartSegment {
    /// As in [`Stream::part`].
    pub part: u32,
    /// As in [`Segment`].
    pub bytes: Vec<u8>,
    pub crc32: u32,
    pub length: u64,
    pub meta: Vec<u8>,
}

impl PartSegment {
    /// The segment of this part of `target`, as it goes to the coordinator.
    pub fn of(self, target: Target) -> Segment {
        let PartSegment { part, bytes, crc32, length, meta } = self;
        Segment { stream: Stream { target, part }, bytes, crc32, length, meta }
    }
}
