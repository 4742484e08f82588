//! Workbooks: sheets of rows, and a sheet for the rest of texts that are too long for a cell.
//!
//! * [`rows`]: rows → the row XML of sheets; [`xml`]: one row of it. [`look`]: the room that the
//!   first rows need, which travels with the segment that begins a workbook.
//! * [`sheet`]: the XML of a sheet before and after its rows; [`styles`]: the formats of its cells.
//!   [`shell`]: the workbook around the sheets, made by rust_xlsxwriter.
//! * [`writer`]: shell + joined segments → `.xlsx`. [`archive`]: the ZIP of its parts.

mod archive;
mod look;
mod rows;
mod sheet;
mod shell;
mod styles;
mod writer;
mod xml;

use sheaf_common::cell::SHEET_DATA_ROWS;
use sheaf_common::fit;
use sheaf_common::job::{JobSpec, Packing};

use crate::{Counts, Format, OutputWriter, Place, UnitWriter};
use rows::WorkbookRows;
use writer::WorkbookWriter;

/// The format of `.xlsx`.
pub struct Workbook;

impl Format for Workbook {
    fn name(&self) -> &'static str {
        "xlsx"
    }

    fn title(&self) -> &'static str {
        "workbook"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[".xlsx"]
    }

    fn media_type(&self) -> &'static str {
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    }

    /// None, as its parts are deflated already.
    fn packings(&self) -> &'static [Packing] {
        &[]
    }

    fn sheets(&self, counts: Counts) -> Option<u32> {
        Some(fit::count(Sheet::of(counts).len()))
    }

    fn unit_writer<'a>(
        &self,
        spec: &'a JobSpec,
        _packing: Packing,
        place: Place,
    ) -> Box<dyn UnitWriter + 'a> {
        Box::new(WorkbookRows::new(spec, place))
    }

    fn output_writer<'a>(
        &self,
        spec: &'a JobSpec,
        _packing: Packing,
    ) -> Box<dyn OutputWriter + 'a> {
        Box::new(WorkbookWriter::new(spec))
    }
}

/// A sheet of a workbook. Rows past the limit of a sheet go on in the next, so each kind is
/// numbered from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Sheet {
    Rows(u32),
    Overflow(u32),
}

/// The index of a sheet among those of its kind, or how many there are.
fn sheet_index(index: u64) -> u32 {
    u32::try_from(index).expect("2^32 sheets have more rows than any disk")
}

impl Sheet {
    /// The sheets for these rows, in order; there is always a first one, even without rows.
    fn of(counts: Counts) -> Vec<Sheet> {
        let needed = |rows: u64| sheet_index(rows.div_ceil(SHEET_DATA_ROWS));
        let rows = (0..needed(counts.rows).max(1)).map(Sheet::Rows);
        rows.chain((0..needed(counts.overflow)).map(Sheet::Overflow)).collect()
    }

    /// The number of its part: even for sheets of rows, odd for overflow sheets.
    fn part(self) -> u32 {
        match self {
            Sheet::Rows(index) => 2 * index,
            Sheet::Overflow(index) => 2 * index + 1,
        }
    }

    /// The number of data rows on it, if the workbook has `counts`.
    fn rows(self, counts: Counts) -> u64 {
        let (rows, index) = match self {
            Sheet::Rows(index) => (counts.rows, index),
            Sheet::Overflow(index) => (counts.overflow, index),
        };

        (rows - u64::from(index) * SHEET_DATA_ROWS).min(SHEET_DATA_ROWS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sheets_follow_from_the_rows() {
        let sheets = |rows, overflow| Sheet::of(Counts { rows, overflow });
        assert_eq!(sheets(0, 0), [Sheet::Rows(0)]);
        assert_eq!(sheets(SHEET_DATA_ROWS, 0), [Sheet::Rows(0)]);
        assert_eq!(
            sheets(SHEET_DATA_ROWS + 1, 2),
            [Sheet::Rows(0), Sheet::Rows(1), Sheet::Overflow(0)]
        );
    }

    #[test]
    fn every_sheet_is_a_part_of_its_own() {
        let counts = Counts { rows: 5 * SHEET_DATA_ROWS, overflow: 3 * SHEET_DATA_ROWS };
        let mut parts: Vec<u32> = Sheet::of(counts).into_iter().map(Sheet::part).collect();
        parts.sort_unstable();
        parts.dedup();
        assert_eq!(parts.len(), 8);
    }
}
