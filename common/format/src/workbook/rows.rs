//! Rows → the row XML of a workbook's sheets. Decides on which sheet a row is, and where its long
//! texts go on.

use sheaf_common::cell::{self, SHEET_DATA_ROWS, column_letters, sheet_name};
use sheaf_common::job::{JobSpec, LongCells};

use super::look::{FIRST_ROWS, Look, Measure};
use super::xml::RowWriter;
use super::{Sheet, sheet_index};
use crate::{Packer, PartSegment, Place, UnitWriter};

/// The name of the sheet for the rest of long texts.
pub const OVERFLOW_SHEET: &str = "overflow";
/// Its columns: the cell that is continued, the number of the part (the head in the cell is part
/// 1), and the text of the part.
pub const OVERFLOW_COLUMNS: [&str; 3] = ["cell", "part", "text"];

/// Collects the XML of consecutive rows of one workbook, sheet by sheet.
pub struct WorkbookRows<'a> {
    spec: &'a JobSpec,
    rows: RowWriter,
    overflow: RowWriter,
    /// The place of the next row among all rows of the workbook, from 0.
    next_row: u64,
    next_overflow: u64,
    /// The XML so far; the sheet in use is the last of its kind.
    sheets: Vec<(Sheet, Vec<u8>)>,
    /// Measures the first rows of the workbook, if the rows begin with them.
    measure: Option<Measure>,
}

impl<'a> WorkbookRows<'a> {
    /// For rows that begin at this place in the workbook.
    pub fn new(spec: &'a JobSpec, place: Place) -> Self {
        let Place { first_row, first_overflow } = place;
        WorkbookRows {
            spec,
            rows: RowWriter::new(spec.width()),
            overflow: RowWriter::new(OVERFLOW_COLUMNS.len()),
            next_row: first_row,
            next_overflow: first_overflow,
            sheets: Vec::new(),
            measure: (first_row == 0).then(|| Measure::new(spec.width())),
        }
    }

    /// Adds a row; the rest of long texts goes to the overflow sheet, if the job says so.
    fn add(&mut self, cells: &[Option<&str>]) {
        if let Some(measure) = self.measure.as_mut().filter(|_| self.next_row < FIRST_ROWS) {
            measure.row(cells.iter().map(|text| text.unwrap_or_default()));
        }

        let (sheet, number) = place(self.next_row);
        self.next_row += 1;

        // The cell has the head of a long text in every mode: the rest overflows, or is cut.
        let heads = cells
            .iter()
            .map(|text| text.and_then(|text| cell::parts(text).next()).unwrap_or_default());
        let many_lines = cells.iter().flatten().any(|text| text.contains('\n'));
        self.rows.row(xml_of(&mut self.sheets, Sheet::Rows(sheet)), number, many_lines, heads);

        if self.spec.long_cells == LongCells::Overflow {
            for (column, text) in cells.iter().enumerate() {
                if let Some(text) = text.filter(|text| cell::overflow_rows(text) > 0) {
                    self.carry_on(text, sheet, column, number);
                }
            }
        }
    }

    /// Writes the parts of a text after its head.
    fn carry_on(&mut self, text: &str, sheet: u32, column: usize, number: u64) {
        let name = quoted(&sheet_name(&self.spec.sheet_name, sheet));
        let reference = format!("{name}!{}{number}", column_letters(column));

        for (index, part) in cell::parts(text).enumerate().skip(1) {
            let (sheet, number) = place(self.next_overflow);
            self.next_overflow += 1;

            let cells = [reference.as_str(), &(index + 1).to_string(), part];
            let xml = xml_of(&mut self.sheets, Sheet::Overflow(sheet));
            self.overflow.row(xml, number, part.contains('\n'), cells.into_iter());
        }
    }

    /// The XML of each sheet that got rows. The first sheet of the workbook comes with the look of
    /// its first rows, if these are included.
    fn sheets(self) -> Vec<(Sheet, Vec<u8>, Option<Look>)> {
        let look = self.measure.and_then(|measure| measure.look());
        let look_of = |sheet| if sheet == Sheet::Rows(0) { look.clone() } else { None };
        self.sheets.into_iter().map(|(sheet, xml)| (sheet, xml, look_of(sheet))).collect()
    }
}

impl UnitWriter for WorkbookRows<'_> {
    fn row(&mut self, cells: &[Option<&str>]) {
        self.add(cells);
    }

    fn finish(self: Box<Self>, packer: &mut Packer) -> Vec<PartSegment> {
        let sheets = self.sheets().into_iter().map(|(sheet, xml, look)| {
            let meta = look.map_or(Vec::new(), |look| look.to_meta());
            packer.joinable(sheet.part(), &xml, meta)
        });
        sheets.collect()
    }
}

/// The sheet of the row with this place in the workbook, and its row number there.
fn place(row: u64) -> (u32, u64) {
    (sheet_index(row / SHEET_DATA_ROWS), row % SHEET_DATA_ROWS + 2)
}

/// The XML of a sheet, begun if it got no rows so far.
fn xml_of(sheets: &mut Vec<(Sheet, Vec<u8>)>, sheet: Sheet) -> &mut Vec<u8> {
    // From the end: nearly always it is the last of its kind.
    let index = sheets.iter().rposition(|(known, _)| *known == sheet).unwrap_or_else(|| {
        sheets.push((sheet, Vec::new()));
        sheets.len() - 1
    });
    &mut sheets[index].1
}

/// A sheet's name within a reference: in quotes, unless it is a plain word that cannot be taken for
/// a cell.
fn quoted(name: &str) -> String {
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase()) && name.len() > 3;
    if plain { name.into() } else { format!("'{}'", name.replace('\'', "''")) }
}

#[cfg(test)]
mod tests {
    use sheaf_common::cell::CELL_UNITS;

    use super::*;

    fn at(first_row: u64, first_overflow: u64) -> Place {
        Place { first_row, first_overflow }
    }

    fn text(sheets: &[(Sheet, Vec<u8>, Option<Look>)], sheet: Sheet) -> String {
        let (_, xml, _) =
            sheets.iter().find(|(known, ..)| *known == sheet).expect("the sheet has rows");
        String::from_utf8(xml.clone()).unwrap()
    }

    #[test]
    fn rows_past_the_limit_go_to_another_sheet() {
        let spec = JobSpec::default();
        let mut workbook = WorkbookRows::new(&spec, at(SHEET_DATA_ROWS - 1, 0));
        workbook.add(&[Some("last"), None, None]);
        workbook.add(&[Some("first"), None, None]);

        let sheets = workbook.sheets();
        assert!(text(&sheets, Sheet::Rows(0)).starts_with("<row r=\"1048576\"><c r=\"A1048576\""));
        assert!(text(&sheets, Sheet::Rows(1)).starts_with("<row r=\"2\"><c r=\"A2\""));
    }

    #[test]
    fn overflow_rows_name_the_cell_of_their_text() {
        let spec = JobSpec::default();
        let long = "y".repeat(2 * CELL_UNITS + 1);
        let mut workbook = WorkbookRows::new(&spec, at(SHEET_DATA_ROWS, 5));
        workbook.add(&[None, None, Some(&long)]);

        let sheets = workbook.sheets();
        let overflow = text(&sheets, Sheet::Overflow(0));
        assert!(
            overflow.starts_with("<row r=\"7\"><c r=\"A7\" t=\"inlineStr\"><is><t>'rows 2'!C2</t>"),
            "{overflow:.200}"
        );
        assert_eq!(overflow.matches("<row ").count(), 2);
        assert!(overflow.ends_with("<t>y</t></is></c></row>"));
    }

    #[test]
    fn only_a_workbooks_first_rows_carry_its_look() {
        let spec = JobSpec::default();
        let looks = |first_row, long: &str| {
            let mut workbook = WorkbookRows::new(&spec, at(first_row, 0));
            workbook.add(&[Some("12"), None, Some(long)]);
            workbook.sheets().into_iter().map(|(sheet, _, look)| (sheet, look)).collect::<Vec<_>>()
        };

        let look = Look { widths: vec![2, 0, 5], lines: 2 };
        assert_eq!(looks(0, "\ntext."), [(Sheet::Rows(0), Some(look))]);
        assert_eq!(looks(1, "text"), [(Sheet::Rows(0), None)]);

        let both = looks(0, &"y".repeat(CELL_UNITS + 1));
        assert!(both[0].1.is_some() && both[1] == (Sheet::Overflow(0), None));
    }

    #[test]
    fn truncated_texts_are_not_carried_on() {
        let spec = JobSpec { long_cells: LongCells::Truncate, ..JobSpec::default() };
        let mut workbook = WorkbookRows::new(&spec, at(0, 0));
        workbook.add(&[None, None, Some(&"y".repeat(CELL_UNITS + 1))]);
        assert_eq!(workbook.sheets().len(), 1);
    }
}
