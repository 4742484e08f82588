//! What a format must say of itself, and what it must do.

use std::fmt;
use std::io::{self, Write};

use sheaf_common::job::{JobSpec, Packing};
use sheaf_common::outcome::{Segment, Stream, Target};

use crate::{Joined, Packer};

/// A form in which rows are written, as a workbook or CSV.
///
/// It works at two places. The worker has the rows of each unit rendered to segments, by a
/// [`UnitWriter`]; the coordinator has the joined segments made an output, by an [`OutputWriter`].
pub trait Format: Send + Sync {
    /// Its name in [`sheaf_common::job::Rendering`]; no two formats have the same.
    fn name(&self) -> &'static str;

    /// What people call it, in the middle of a sentence.
    fn title(&self) -> &'static str;

    /// The extensions that mean it, in lower case and with their dot, the usual one first.
    fn extensions(&self) -> &'static [&'static str];

    /// How its outputs may be compressed as a whole, besides [`Packing::Plain`].
    fn packings(&self) -> &'static [Packing];

    /// The sheets of an output with so many rows. `None`: the format has no sheets; its cells hold
    /// texts of any length, and its outputs any number of rows.
    fn sheets(&self, counts: Counts) -> Option<u32>;

    /// What of [`JobSpec::csv`] it goes by.
    fn csv_use(&self) -> CsvUse {
        CsvUse::Nothing
    }

    /// What writes consecutive rows, the first of which has this place.
    fn unit_writer<'a>(
        &self,
        spec: &'a JobSpec,
        packing: Packing,
        place: Place,
    ) -> Box<dyn UnitWriter + 'a>;

    /// What writes the outputs of a job.
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
    /// Adds the next row; `None` is a cell that its record did not have.
    fn row(&mut self, cells: &[Option<&str>]);

    /// The segments of the rows, at most one for each part of the output.
    fn finish(self: Box<Self>, packer: &mut Packer) -> Vec<PartSegment>;
}

/// Turns joined segments into outputs; what it makes for one may serve for the next.
pub trait OutputWriter: Send {
    /// Writes an output of so many rows to `out`. `parts` gives the joined segments of a part of it:
    /// none for a part to which no unit has added. It may be asked more than once.
    ///
    /// # Errors
    /// When `out` or a stream fails, or what segments say of themselves cannot be read.
    fn write(
        &mut self,
        out: &mut dyn Write,
        counts: Counts,
        parts: &mut Parts<'_, '_>,
    ) -> anyhow::Result<()>;
}

/// Gives the joined segments of a part of an output.
pub type Parts<'p, 'j> = dyn FnMut(u32) -> io::Result<Joined<'j>> + 'p;

/// Where rows stand in their output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The place of the first of them among all rows, from 0.
    pub first_row: u64,
    /// The place of their first overflow row among all overflow rows, from 0.
    pub first_overflow: u64,
}

/// The rows and overflow rows of an output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub rows: u64,
    pub overflow: u64,
}

/// What of [`sheaf_common::job::CsvStyle`] a format goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CsvUse {
    Nothing,
    /// All but the delimiter: it has one of its own.
    OwnDelimiter,
    All,
}

/// A segment of a part of an output, before it is known which output that is.
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
    /// The same, as it goes to the coordinator.
    pub fn of(self, target: Target) -> Segment {
        let PartSegment { part, bytes, crc32, length, meta } = self;
        Segment { stream: Stream { target, part }, bytes, crc32, length, meta }
    }
}
