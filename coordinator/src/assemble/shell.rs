//! The workbook around the rows: rust_xlsxwriter makes it, with header rows, styles, widths, filters and properties, and
//! it is taken apart here, so that rows can be put in.

use std::collections::HashMap;
use std::io::Read;

use anyhow::{Context, ensure};
use rawzip::{CompressionMethod, ZipArchive};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook};
use sheaf_common::cell::{SHEET_DATA_ROWS, SHEET_ROWS, column_letters, sheet_name};
use sheaf_common::job::JobSpec;
use sheaf_common::outcome::Sheet;
use sheaf_common::recipe::Take;
use sheaf_worker::render::workbook::{OVERFLOW_COLUMNS, OVERFLOW_SHEET};

/// The rows and overflow rows of a workbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub rows: u64,
    pub overflow: u64,
}

impl Counts {
    /// The sheets that these rows need, in their order; the first one is there even without rows.
    pub fn sheets(self) -> Vec<Sheet> {
        let of = |rows: u64| rows.div_ceil(SHEET_DATA_ROWS) as u32;
        let rows = (0..of(self.rows).max(1)).map(Sheet::Rows);
        rows.chain((0..of(self.overflow)).map(Sheet::Overflow)).collect()
    }

    /// The data rows of one of the sheets.
    fn rows_of(self, sheet: Sheet) -> u64 {
        let (rows, index) = match sheet {
            Sheet::Rows(index) => (self.rows, index),
            Sheet::Overflow(index) => (self.overflow, index),
        };
        (rows - u64::from(index) * SHEET_DATA_ROWS).min(SHEET_DATA_ROWS)
    }
}

/// Makes shells for the workbooks of a job; one that has the same sheets as another is made once.
pub struct Shells<'a> {
    spec: &'a JobSpec,
    made: HashMap<Vec<Sheet>, Vec<RawPart>>,
}

/// A part of a shell as rust_xlsxwriter wrote it.
struct RawPart {
    name: String,
    text: String,
    /// The sheet that the part is, with the letters of its last column.
    sheet: Option<(Sheet, String)>,
}

/// A part of a workbook's archive.
pub struct Part<'a> {
    pub name: &'a str,
    /// All of it, or what stands before the rows.
    pub head: String,
    /// For a sheet: which one, and what stands after its rows.
    pub rows: Option<(Sheet, &'a str)>,
    /// The row number in the end of the sheet that stands for the last row.
    filter_end: u64,
}

const ROWS_END: &str = "</sheetData>";

/// The last row of the filter of the sheet with this index in a shell: a number of its own, in whose place the real one
/// is written. Less than the limit: a range that is the whole of its columns is written without row numbers.
fn filter_end(index: usize) -> u64 {
    SHEET_ROWS - 1 - index as u64
}

impl<'a> Shells<'a> {
    pub fn new(spec: &'a JobSpec) -> Self {
        Shells { spec, made: HashMap::new() }
    }

    /// The parts of a workbook that is to hold these rows, in the order of the archive.
    pub fn parts(&mut self, counts: Counts) -> anyhow::Result<Vec<Part<'_>>> {
        let sheets = counts.sheets();
        if !self.made.contains_key(&sheets) {
            let parts = make(self.spec, &sheets).context("could not make the workbook's frame")?;
            self.made.insert(sheets.clone(), parts);
        }
        let parts = &self.made[&sheets];
        Ok(parts.iter().map(|part| part.with_rows(counts, &sheets)).collect())
    }
}

impl RawPart {
    /// Writes the numbers of rows where the shell has those that stand for them.
    fn with_rows(&self, counts: Counts, sheets: &[Sheet]) -> Part<'_> {
        let Some((sheet, last_column)) = &self.sheet else {
            let head = if self.name == "xl/workbook.xml" {
                filters_for(&self.text, counts, sheets)
            } else {
                self.text.clone()
            };
            return Part { name: &self.name, head, rows: None, filter_end: 0 };
        };
        let (head, tail) = self.text.split_at(self.text.find(ROWS_END).expect("checked when it was made"));
        let range = format!("A1:{last_column}{}", counts.rows_of(*sheet) + 1);
        let head = head.replacen(
            &format!("<dimension ref=\"A1:{last_column}1\"/>"),
            &format!("<dimension ref=\"{range}\"/>"),
            1,
        );
        let index = sheets.iter().position(|known| known == sheet).expect("made for these sheets");
        Part { name: &self.name, head, rows: Some((*sheet, tail)), filter_end: filter_end(index) }
    }
}

impl Part<'_> {
    /// What stands after the rows, with the filter over them.
    pub fn tail(&self, counts: Counts) -> String {
        let Some((sheet, tail)) = self.rows else { return String::new() };
        tail.replacen(&self.filter_end.to_string(), &(counts.rows_of(sheet) + 1).to_string(), 1)
    }
}

/// The names of the filtered ranges stand in the workbook part, one a sheet.
fn filters_for(text: &str, counts: Counts, sheets: &[Sheet]) -> String {
    sheets.iter().enumerate().fold(text.to_string(), |text, (index, sheet)| {
        text.replacen(&filter_name_end(index), &format!("${}<", counts.rows_of(*sheet) + 1), 1)
    })
}

/// How the name of a sheet's filtered range ends in a shell.
fn filter_name_end(index: usize) -> String {
    format!("${}<", filter_end(index))
}

/// Widths of columns, in characters.
const WIDTH: f64 = 18.0;
const TEXT_WIDTH: f64 = 80.0;
const SOURCE_WIDTH: f64 = 30.0;

/// Has rust_xlsxwriter make a workbook of these sheets, and takes it apart.
fn make(spec: &JobSpec, sheets: &[Sheet]) -> anyhow::Result<Vec<RawPart>> {
    let mut workbook = Workbook::new();
    // The bytes of an output depend on its content alone: no clock.
    let created = ExcelDateTime::from_ymd(2000, 1, 1)?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&created));
    let header = Format::new().set_bold();
    let mut columns_of = Vec::new();
    for (index, sheet) in sheets.iter().enumerate() {
        let (name, columns) = match sheet {
            Sheet::Rows(index) => (sheet_name(&spec.sheet_name, *index), columns(spec)),
            Sheet::Overflow(index) => {
                let widths = [WIDTH, 8.0, TEXT_WIDTH];
                (
                    sheet_name(OVERFLOW_SHEET, *index),
                    OVERFLOW_COLUMNS.map(String::from).into_iter().zip(widths).collect(),
                )
            }
        };
        let page = workbook.add_worksheet();
        page.set_name(name)?.set_freeze_panes(1, 0)?;
        for (index, (column, width)) in (0u16..).zip(&columns) {
            page.write_string_with_format(0, index, column, &header)?.set_column_width(index, *width)?;
        }
        page.autofilter(0, 0, filter_end(index) as u32 - 1, columns.len() as u16 - 1)?;
        columns_of.push(columns.len());
    }
    let bytes = workbook.save_to_buffer()?;
    let mut parts = Vec::new();
    for (name, text) in unzip(&bytes)? {
        let number = name.strip_prefix("xl/worksheets/sheet").and_then(|rest| rest.strip_suffix(".xml"));
        let sheet = match number {
            None => None,
            Some(number) => {
                let index = number.parse::<usize>()?.checked_sub(1).context("sheets count from 1")?;
                let last_column = column_letters(columns_of.get(index).context("a sheet too many")? - 1);
                let dimension = format!("<dimension ref=\"A1:{last_column}1\"/>");
                let dimension_alone =
                    if last_column == "A" { "<dimension ref=\"A1\"/>".into() } else { dimension.clone() };
                let text = text.replacen(&dimension_alone, &dimension, 1);
                ensure!(
                    text.contains(&dimension) && text.contains(ROWS_END),
                    "rust_xlsxwriter writes other sheets now"
                );
                parts.push(RawPart { name, text, sheet: Some((sheets[index], last_column)) });
                continue;
            }
        };
        parts.push(RawPart { name, text, sheet });
    }
    let named =
        |index| parts.iter().any(|part| part.name == "xl/workbook.xml" && part.text.contains(&filter_name_end(index)));
    ensure!((0..sheets.len()).all(named), "rust_xlsxwriter writes other filters now");
    Ok(parts)
}

/// The columns of the sheet of rows, each with its width.
fn columns(spec: &JobSpec) -> Vec<(String, f64)> {
    let width = |take: &Take| match take {
        Take::Text => TEXT_WIDTH,
        Take::Attribute(_) => WIDTH,
    };
    let recipe = spec.recipe.columns.iter().map(|column| (column.name.clone(), width(&column.value.take)));
    recipe.chain(spec.source_column.clone().map(|name| (name, SOURCE_WIDTH))).collect()
}

/// The parts of an archive: names and texts, in their order.
fn unzip(bytes: &[u8]) -> anyhow::Result<Vec<(String, String)>> {
    let archive = ZipArchive::from_slice(bytes)?;
    let mut parts = Vec::new();
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry()? {
        let name = std::str::from_utf8(entry.file_path().as_ref())?.to_string();
        let data = archive.get_entry(entry.wayfinder())?;
        let mut text = String::new();
        match entry.compression_method() {
            CompressionMethod::DEFLATE => flate2::read::DeflateDecoder::new(data.data()).read_to_string(&mut text)?,
            _ => data.data().read_to_string(&mut text)?,
        };
        parts.push((name, text));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sheets_follow_from_the_rows() {
        let sheets = |rows, overflow| Counts { rows, overflow }.sheets();
        assert_eq!(sheets(0, 0), [Sheet::Rows(0)]);
        assert_eq!(sheets(SHEET_DATA_ROWS, 0), [Sheet::Rows(0)]);
        assert_eq!(sheets(SHEET_DATA_ROWS + 1, 2), [Sheet::Rows(0), Sheet::Rows(1), Sheet::Overflow(0)]);
    }

    #[test]
    fn dimensions_and_filters_cover_the_rows_of_each_sheet() {
        let spec = JobSpec::default();
        let mut shells = Shells::new(&spec);
        let counts = Counts { rows: SHEET_DATA_ROWS + 4, overflow: 7 };
        let parts = shells.parts(counts).unwrap();
        let part = |name: &str| parts.iter().find(|part| part.name == name).unwrap();
        for (name, range) in [("sheet1", "A1:C1048576"), ("sheet2", "A1:C5"), ("sheet3", "A1:C8")] {
            let sheet = part(&format!("xl/worksheets/{name}.xml"));
            assert!(sheet.head.contains(&format!("<dimension ref=\"{range}\"/>")), "{}", sheet.head);
            assert!(sheet.tail(counts).contains(&format!("<autoFilter ref=\"{range}\"/>")), "{}", sheet.tail(counts));
        }
        let workbook = &part("xl/workbook.xml").head;
        for range in ["rows!$A$1:$C$1048576<", "'rows 2'!$A$1:$C$5<", "overflow!$A$1:$C$8<"] {
            assert!(workbook.contains(range), "{workbook}");
        }
    }

    #[test]
    fn a_shell_is_the_same_every_time() {
        let spec = JobSpec::default();
        let heads = || {
            let mut shells = Shells::new(&spec);
            let parts = shells.parts(Counts { rows: 1, overflow: 0 }).unwrap();
            parts.into_iter().map(|part| (part.name.to_string(), part.head)).collect::<Vec<_>>()
        };
        assert_eq!(heads(), heads());
    }
}
