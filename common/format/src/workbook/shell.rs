//! The workbook around the rows: rust_xlsxwriter makes it, with styles, filters and properties, and
//! it is taken apart here, so that rows can be put in. [`super::head`] writes what stands between:
//! widths, heights, the row of names.

use std::collections::HashMap;
use std::io::Read;

use anyhow::{Context, ensure};
use rawzip::{CompressionMethod, ZipArchive};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatAlign, IgnoreError, Workbook};
use sheaf_common::cell::{SHEET_ROWS, column_letters, sheet_name};
use sheaf_common::job::JobSpec;

use super::Sheet;
use super::head::{Column, columns_of, table_head};
use super::look::Look;
use super::rows::OVERFLOW_SHEET;
use crate::Counts;

/// Makes shells for the workbooks of a job; one that has the same sheets as another is made once.
pub struct Shells<'a> {
    spec: &'a JobSpec,
    made: HashMap<Vec<Sheet>, Vec<RawPart>>,
}

/// A part of a shell as rust_xlsxwriter wrote it.
struct RawPart {
    name: String,
    content: RawContent,
}

enum RawContent {
    Plain(String),
    Sheet(RawSheet),
}

/// A sheet without its settings of columns and rows, and without rows.
struct RawSheet {
    sheet: Sheet,
    columns: Vec<Column>,
    /// The text before the settings, and from the end of the rows on.
    front: String,
    back: String,
    /// The number in the two that stands for the last row.
    placeholder: u64,
}

/// A part of a workbook's archive.
pub struct Part<'a> {
    pub name: &'a str,
    /// All of it, or the text before the rows.
    pub head: String,
    /// For a sheet: which one, and what stands after its rows.
    pub rows: Option<(Sheet, String)>,
}

const SETTINGS: &str = "<sheetFormatPr ";
const ROWS_END: &str = "</sheetData>";

/// The last row of the sheet with this index in a shell: a number of its own, in whose place the
/// real one is written. Less than the limit: a range that is the whole of its columns is written
/// without row numbers.
fn placeholder(index: usize) -> u64 {
    SHEET_ROWS - 1 - index as u64
}

impl<'a> Shells<'a> {
    pub fn new(spec: &'a JobSpec) -> Self {
        Shells { spec, made: HashMap::new() }
    }

    /// The parts of a workbook that is to hold these rows, in the order of the archive; `look` is
    /// that of its first rows.
    pub fn parts(&mut self, counts: Counts, look: Option<&Look>) -> anyhow::Result<Vec<Part<'_>>> {
        let sheets = Sheet::of(counts);
        if !self.made.contains_key(&sheets) {
            let parts = make(self.spec, &sheets).context("could not make the workbook's frame")?;
            self.made.insert(sheets.clone(), parts);
        }

        let parts = &self.made[&sheets];
        Ok(parts.iter().map(|part| part.with_rows(counts, &sheets, look)).collect())
    }
}

impl RawPart {
    /// Writes the numbers of rows where the shell has those that stand for them.
    fn with_rows(&self, counts: Counts, sheets: &[Sheet], look: Option<&Look>) -> Part<'_> {
        match &self.content {
            RawContent::Plain(text) if self.name == "xl/workbook.xml" => {
                Part { name: &self.name, head: filters_for(text, counts, sheets), rows: None }
            }
            RawContent::Plain(text) => Part { name: &self.name, head: text.clone(), rows: None },
            RawContent::Sheet(raw) => {
                let end = (raw.sheet.rows(counts) + 1).to_string();
                let filled = |text: &str| text.replace(&raw.placeholder.to_string(), &end);
                let head =
                    filled(&raw.front) + &table_head(&raw.columns, look.filter(|_| raw.is_rows()));
                Part { name: &self.name, head, rows: Some((raw.sheet, filled(&raw.back))) }
            }
        }
    }
}

impl RawSheet {
    /// Takes a sheet apart.
    fn new(
        sheet: Sheet,
        columns: Vec<Column>,
        text: &str,
        placeholder: u64,
    ) -> anyhow::Result<Self> {
        let changed = "rust_xlsxwriter writes other sheets now";
        let (front, rest) = text.split_once(SETTINGS).context(changed)?;
        let (_, back) = rest.split_once(ROWS_END).context(changed)?;

        // Only names were written, so the sheet is said to end with their row; the filter and the
        // ignored errors reach to the last row already.
        let range = |end| format!("\"A1:{}{end}\"", column_letters(columns.len() - 1));
        let row_1 = if columns.len() == 1 { "\"A1\"".into() } else { range(1) };
        ensure!(front.contains(&row_1) && back.matches(&range(placeholder)).count() == 2, changed);
        let front = front.replacen(&row_1, &range(placeholder), 1);

        Ok(RawSheet { sheet, columns, front, back: format!("{ROWS_END}{back}"), placeholder })
    }

    fn is_rows(&self) -> bool {
        matches!(self.sheet, Sheet::Rows(_))
    }
}

/// The names of the filtered ranges stand in the workbook part, one a sheet.
fn filters_for(text: &str, counts: Counts, sheets: &[Sheet]) -> String {
    sheets.iter().enumerate().fold(text.to_string(), |text, (index, sheet)| {
        text.replacen(&filter_name_end(index), &format!("${}<", sheet.rows(counts) + 1), 1)
    })
}

/// How the name of a sheet's filtered range ends in a shell.
fn filter_name_end(index: usize) -> String {
    format!("${}<", placeholder(index))
}

/// Has rust_xlsxwriter make a workbook of these sheets, and takes it apart.
fn make(spec: &JobSpec, sheets: &[Sheet]) -> anyhow::Result<Vec<RawPart>> {
    let mut workbook = Workbook::new();

    // Every cell has the Normal style, so this shows the first line of each, at no byte of cost.
    let top = Format::new().set_align(FormatAlign::Top);
    let header = top.clone().set_bold();
    workbook.set_default_format(&top, ROW_PIXELS, COLUMN_PIXELS)?;

    // The bytes of an output depend on its content alone: no clock.
    let created = ExcelDateTime::from_ymd(2000, 1, 1)?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&created));

    for (index, sheet) in sheets.iter().enumerate() {
        let name = match sheet {
            Sheet::Rows(index) => sheet_name(&spec.sheet_name, *index),
            Sheet::Overflow(index) => sheet_name(OVERFLOW_SHEET, *index),
        };

        let last_row = placeholder(index) as u32 - 1;
        let last_column = columns_of(spec, *sheet).len() as u16 - 1;

        let page = workbook.add_worksheet();
        page.set_name(name)?.set_freeze_panes(1, 0)?;
        for column in 0..=last_column {
            page.write_blank(0, column, &header)?;
        }

        page.autofilter(0, 0, last_row, last_column)?;
        page.ignore_error_range(0, 0, last_row, last_column, IgnoreError::NumberStoredAsText)?;
    }

    let bytes = workbook.save_to_buffer()?;

    let mut parts = Vec::new();
    for (name, mut text) in unzip(&bytes)? {
        if name == "xl/styles.xml" {
            // rust_xlsxwriter leaves it out of the format of cells that have none of their own.
            text = text.replacen(
                "xfId=\"0\"><alignment ",
                "xfId=\"0\" applyAlignment=\"1\"><alignment ",
                1,
            );
        }

        let number =
            name.strip_prefix("xl/worksheets/sheet").and_then(|rest| rest.strip_suffix(".xml"));
        let content = match number {
            None => RawContent::Plain(text),
            Some(number) => {
                let index =
                    number.parse::<usize>()?.checked_sub(1).context("sheets count from 1")?;
                let sheet = *sheets.get(index).context("a sheet too many")?;
                RawContent::Sheet(RawSheet::new(
                    sheet,
                    columns_of(spec, sheet),
                    &text,
                    placeholder(index),
                )?)
            }
        };

        parts.push(RawPart { name, content });
    }

    check(&parts, sheets.len())?;
    Ok(parts)
}

/// Makes sure that the parts are as what is written into them needs them.
fn check(parts: &[RawPart], sheets: usize) -> anyhow::Result<()> {
    let text_of = |name| {
        parts.iter().find_map(|part| match &part.content {
            RawContent::Plain(text) if part.name == name => Some(text.as_str()),
            _ => None,
        })
    };

    let names = text_of("xl/workbook.xml").unwrap_or_default();
    let named = (0..sheets).all(|index| names.contains(&filter_name_end(index)));
    ensure!(named, "rust_xlsxwriter writes other filters now");

    let styles = text_of("xl/styles.xml").unwrap_or_default();
    let tops =
        |before: &str| styles.matches(&format!("{before}><alignment vertical=\"top\"/>")).count();
    ensure!(
        tops("") == 3 && tops(" applyAlignment=\"1\"") == 2,
        "rust_xlsxwriter writes other styles now"
    );

    Ok(())
}

/// The usual size of a cell in pixels, which a default format must name.
const ROW_PIXELS: u32 = 20;
const COLUMN_PIXELS: u32 = 64;

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
            CompressionMethod::DEFLATE => {
                flate2::read::DeflateDecoder::new(data.data()).read_to_string(&mut text)?
            }
            _ => data.data().read_to_string(&mut text)?,
        };

        parts.push((name, text));
    }

    Ok(parts)
}

#[cfg(test)]
mod tests {
    use sheaf_common::cell::SHEET_DATA_ROWS;

    use super::*;

    #[test]
    fn dimensions_filters_and_ignored_errors_cover_the_rows_of_each_sheet() {
        let spec = JobSpec::default();
        let mut shells = Shells::new(&spec);
        let counts = Counts { rows: SHEET_DATA_ROWS + 4, overflow: 7 };
        let parts = shells.parts(counts, None).unwrap();
        let part = |name: &str| parts.iter().find(|part| part.name == name).unwrap();
        for (name, range) in [("sheet1", "A1:C1048576"), ("sheet2", "A1:C5"), ("sheet3", "A1:C8")] {
            let sheet = part(&format!("xl/worksheets/{name}.xml"));
            let (_, tail) = sheet.rows.as_ref().unwrap();
            assert!(
                sheet.head.contains(&format!("<dimension ref=\"{range}\"/>")),
                "{}",
                sheet.head
            );
            assert!(tail.contains(&format!("</sheetData><autoFilter ref=\"{range}\"/>")), "{tail}");
            // The order of the schema: after the margins.
            let ignored = format!(
                "<ignoredErrors><ignoredError sqref=\"{range}\" numberStoredAsText=\"1\"/>"
            );

            assert!(tail.contains(&format!("/>{ignored}</ignoredErrors></worksheet>")), "{tail}");
        }

        let workbook = &part("xl/workbook.xml").head;
        for range in ["rows!$A$1:$C$1048576<", "'rows 2'!$A$1:$C$5<", "overflow!$A$1:$C$8<"] {
            assert!(workbook.contains(range), "{workbook}");
        }
    }

    #[test]
    fn a_sheet_of_one_column_has_its_ranges_too() {
        let mut spec = JobSpec::default();
        spec.recipe.columns.truncate(1);
        let mut shells = Shells::new(&spec);
        let parts = shells.parts(Counts { rows: 0, overflow: 0 }, None).unwrap();
        let sheet = parts.iter().find(|part| part.rows.is_some()).unwrap();
        assert!(sheet.head.contains("<dimension ref=\"A1:A1\"/>"), "{}", sheet.head);
        assert!(sheet.rows.as_ref().unwrap().1.contains("sqref=\"A1:A1\""));
    }

    #[test]
    fn cells_are_aligned_to_the_top_by_the_normal_style() {
        let spec = JobSpec::default();
        let mut shells = Shells::new(&spec);
        let parts = shells.parts(Counts { rows: 1, overflow: 0 }, None).unwrap();
        let styles = &parts.iter().find(|part| part.name == "xl/styles.xml").unwrap().head;
        for list in ["cellStyleXfs", "cellXfs"] {
            let (_, first) = styles.split_once(&format!("<{list} ")).unwrap();
            let (first, _) = first.split_once("</xf>").unwrap();
            assert!(first.ends_with("><alignment vertical=\"top\"/>"), "{list}: {first}");
        }
    }

    #[test]
    fn a_shell_is_the_same_every_time() {
        let spec = JobSpec::default();
        let heads = || {
            let mut shells = Shells::new(&spec);
            let parts = shells.parts(Counts { rows: 1, overflow: 0 }, None).unwrap();
            parts.into_iter().map(|part| (part.name.to_string(), part.head)).collect::<Vec<_>>()
        };

        assert_eq!(heads(), heads());
    }
}
