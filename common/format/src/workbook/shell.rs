//! The shell of a workbook: everything but the sheets, which [`super::sheet`] makes.
//! rust_xlsxwriter writes it: the names of sheets and filters, properties, theme and relations.

use std::collections::HashMap;
use std::io::Read;

use anyhow::{Context, ensure};
use rawzip::{CompressionMethod, ZipArchive};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook};
use sheaf_common::cell::{SHEET_ROWS, sheet_name};
use sheaf_common::job::JobSpec;

use super::Sheet;
use super::look::Look;
use super::rows::OVERFLOW_SHEET;
use super::sheet::{self, Column, columns_of};
use super::styles::STYLES;
use crate::Counts;

/// Makes the shells for the workbooks of a job, one for each list of sheets.
pub struct Shells<'a> {
    spec: &'a JobSpec,
    made: HashMap<Vec<Sheet>, Vec<RawPart>>,
}

/// A part of a shell, without the texts that depend on the number of rows.
struct RawPart {
    name: String,
    content: RawContent,
}

enum RawContent {
    /// A text that is the same for all workbooks with these sheets.
    Fixed(String),
    /// The text with the names of the filtered ranges, which end at placeholders.
    Names(String),
    Sheet(Sheet, Vec<Column>),
}

/// A part of a workbook's archive.
pub struct Part<'a> {
    pub name: &'a str,
    /// The whole part, or for a sheet the text before its rows.
    pub head: String,
    /// For a sheet: which one, and the text after its rows.
    pub rows: Option<(Sheet, String)>,
}

/// The placeholder for the last row of a sheet's filter in a shell: a number for each sheet, which
/// the real one replaces. Below the limit of rows, as a range of whole columns is written without
/// row numbers.
fn placeholder(index: usize) -> u64 {
    SHEET_ROWS - 1 - index as u64
}

/// The end of the name of a sheet's filtered range in a shell.
fn filter_name_end(index: usize) -> String {
    format!("${}<", placeholder(index))
}

impl<'a> Shells<'a> {
    pub fn new(spec: &'a JobSpec) -> Self {
        Shells { spec, made: HashMap::new() }
    }

    /// The parts of a workbook for these rows, in the order of the archive; `look` is that of its
    /// first rows.
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
    /// The part for a workbook of `counts` rows.
    fn with_rows(&self, counts: Counts, sheets: &[Sheet], look: Option<&Look>) -> Part<'_> {
        let (head, rows) = match &self.content {
            RawContent::Fixed(text) => (text.clone(), None),
            RawContent::Names(text) => (filters_for(text, counts, sheets), None),
            RawContent::Sheet(sheet, columns) => {
                let end = sheet.rows(counts) + 1;
                let look = look.filter(|_| matches!(sheet, Sheet::Rows(_)));
                let head = sheet::head(columns, end, *sheet == sheets[0], look);
                (head, Some((*sheet, sheet::tail(columns, end))))
            }
        };

        Part { name: &self.name, head, rows }
    }
}

/// Replaces the placeholders by the ends of the filtered ranges. In one pass, as the end of one
/// range may equal the placeholder of another.
fn filters_for(text: &str, counts: Counts, sheets: &[Sheet]) -> String {
    let mut filled = String::with_capacity(text.len());
    for piece in text.split_inclusive('<') {
        match placeholder_at_end(piece).and_then(|(front, index)| Some((front, sheets.get(index)?)))
        {
            Some((front, sheet)) => {
                let end = sheet.rows(counts) + 1;
                filled.push_str(&format!("{front}${end}<"));
            }
            None => filled.push_str(piece),
        }
    }

    filled
}

/// Splits the placeholder off the end of a text. Returns the text before it, and the index of its
/// sheet.
fn placeholder_at_end(text: &str) -> Option<(&str, usize)> {
    let (front, number) = text.strip_suffix('<')?.rsplit_once('$')?;
    let index = (SHEET_ROWS - 1).checked_sub(number.parse().ok()?)?;
    Some((front, usize::try_from(index).ok()?))
}

/// Lets rust_xlsxwriter make a workbook of these sheets, and takes its parts.
fn make(spec: &JobSpec, sheets: &[Sheet]) -> anyhow::Result<Vec<RawPart>> {
    let mut workbook = Workbook::new();

    // The bytes of an output must not depend on the clock.
    let created = ExcelDateTime::from_ymd(2000, 1, 1)?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&created));

    for (index, sheet) in sheets.iter().enumerate() {
        let name = match sheet {
            Sheet::Rows(index) => sheet_name(&spec.sheet_name, *index),
            Sheet::Overflow(index) => sheet_name(OVERFLOW_SHEET, *index),
        };

        let last_row = u32::try_from(placeholder(index) - 1)?;
        let last_column = u16::try_from(columns_of(spec, *sheet).len() - 1)?;
        workbook.add_worksheet().set_name(name)?.autofilter(0, 0, last_row, last_column)?;
    }

    let parts = unzip(&workbook.save_to_buffer()?)?.into_iter().map(|(name, text)| {
        let number =
            name.strip_prefix("xl/worksheets/sheet").and_then(|rest| rest.strip_suffix(".xml"));
        let content = match (name.as_str(), number) {
            (_, Some(number)) => {
                let index = number.parse::<usize>()?.checked_sub(1);
                let sheet = index.and_then(|index| sheets.get(index));
                let sheet = *sheet.context("rust_xlsxwriter numbers sheets in another way now")?;
                RawContent::Sheet(sheet, columns_of(spec, sheet))
            }
            ("xl/workbook.xml", None) => {
                // Without its placeholder, a filter would silently cover the wrong rows.
                let named = (0..sheets.len()).all(|index| text.contains(&filter_name_end(index)));
                ensure!(named, "rust_xlsxwriter writes other filters now");
                RawContent::Names(text)
            }
            ("xl/styles.xml", None) => RawContent::Fixed(STYLES.into()),
            (_, None) => RawContent::Fixed(text),
        };

        Ok(RawPart { name, content })
    });

    parts.collect()
}

/// The parts of an archive: names and texts, in their order.
fn unzip(bytes: &[u8]) -> anyhow::Result<Vec<(String, String)>> {
    let archive = ZipArchive::from_slice(bytes)?;
    let mut parts = Vec::new();
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry()? {
        let name = std::str::from_utf8(entry.file_path().as_ref())?.to_string();
        let data = archive.get_entry(entry.wayfinder())?;

        // rust_xlsxwriter deflates its parts; a stored one would do as well.
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
    use rust_xlsxwriter::{Format, FormatAlign, IgnoreError};
    use sheaf_common::cell::SHEET_DATA_ROWS;

    use super::*;

    #[test]
    fn dimension_filter_and_ignored_errors_cover_all_rows() {
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
    fn a_range_ending_at_anothers_placeholder_is_kept() {
        let spec = JobSpec { sheet_name: "a".into(), ..JobSpec::default() };
        let mut shells = Shells::new(&spec);
        let counts = Counts { rows: placeholder(1) - 1, overflow: placeholder(0) - 1 };
        let parts = shells.parts(counts, None).unwrap();
        let names = &parts.iter().find(|part| part.name == "xl/workbook.xml").unwrap().head;
        for range in ["a!$A$1:$C$1048574<", "overflow!$A$1:$C$1048575<"] {
            assert!(names.contains(range), "{names}");
        }
    }

    #[test]
    fn a_single_column_sheet_has_its_ranges() {
        let mut spec = JobSpec::default();
        spec.recipe.columns.truncate(1);
        let mut shells = Shells::new(&spec);
        let parts = shells.parts(Counts { rows: 0, overflow: 0 }, None).unwrap();
        let sheet = parts.iter().find(|part| part.rows.is_some()).unwrap();
        assert!(sheet.head.contains("<dimension ref=\"A1:A1\"/>"), "{}", sheet.head);
        assert!(sheet.rows.as_ref().unwrap().1.contains("sqref=\"A1:A1\""));
    }

    #[test]
    fn the_normal_style_aligns_cells_to_the_top() {
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
    fn styles_and_sheets_match_those_of_rust_xlsxwriter() {
        let top = Format::new().set_align(FormatAlign::Top);
        let mut workbook = Workbook::new();
        workbook.set_default_format(&top, 20, 64).unwrap();
        let page = workbook.add_worksheet().set_freeze_panes(1, 0).unwrap();
        page.write_blank(0, 0, &top.clone().set_bold()).unwrap();
        page.autofilter(0, 0, 4, 2).unwrap();
        page.ignore_error_range(0, 0, 4, 2, IgnoreError::NumberStoredAsText).unwrap();

        let theirs = unzip(&workbook.save_to_buffer().unwrap()).unwrap();
        let theirs = |name| &theirs.iter().find(|(theirs, _)| theirs == name).unwrap().1;
        let aligned = "<xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\"";
        let styles = theirs("xl/styles.xml");
        assert_eq!(styles.replacen(aligned, &format!("{aligned} applyAlignment=\"1\""), 1), STYLES);

        let sheet = theirs("xl/worksheets/sheet1.xml");
        let columns = columns_of(&JobSpec::default(), Sheet::Rows(0));
        let (front, _) = sheet.split_once("<sheetFormatPr ").unwrap();
        let (_, back) = sheet.split_once("</sheetData>").unwrap();
        // They say that the sheet ends where the last text is.
        let front = front.replace("<dimension ref=\"A1\"/>", "<dimension ref=\"A1:C5\"/>");
        assert!(sheet::head(&columns, 5, true, None).starts_with(&front), "{front}");
        assert_eq!(sheet::tail(&columns, 5), format!("</sheetData>{back}"));
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
