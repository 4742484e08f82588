//! The XML of a sheet around its rows (ECMA-376, part 1, 18.3.1.99). Before them: the range of the
//! sheet, the widths of columns, the height of rows, and the row of names. After them: the filter,
//! and the exception that numbers stored as text are no errors.
//!
//! The widths follow from the names and from the first rows of the workbook ([`Look`]). Where most
//! texts begin with blank lines, all rows are high enough to show the first line with text. This
//! height is a default of the sheet, so it costs no row a byte. (Rows with line feeds in their
//! texts have an attribute all the same: see [`RowWriter::row`].)

use std::fmt::Write;

use sheaf_common::cell::column_letters;
use sheaf_common::job::JobSpec;
use sheaf_common::recipe::Take;
use unicode_width::UnicodeWidthStr;

use super::Sheet;
use super::look::Look;
use super::rows::OVERFLOW_COLUMNS;
use super::styles::NAME_FORMAT;
use super::xml::RowWriter;

/// A column of a sheet.
pub struct Column {
    name: String,
    /// The limits of its width, in digits of the default font.
    least: usize,
    most: usize,
}

/// The least width of a column, in digits of the default font.
const NARROW: usize = 8;
/// The greatest widths: of a column of attributes, of texts, and of source files.
const ATTRIBUTE: usize = 50;
const TEXT: usize = 80;
const SOURCE: usize = 60;
/// The width of the filter's button in the row of names.
const BUTTON: usize = 3;
/// The margins of a cell as Excel adds them: 5 pixels at 7 a digit, in its steps of 1/256.
const MARGIN: f64 = 0.710_937_5;
/// The height of a line of the default font, in points.
const LINE: u32 = 15;

/// The beginning of every part.
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
/// Freezes the row of names, so that it stays in sight.
const FREEZE: &str = "<pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" \
                      state=\"frozen\"/><selection pane=\"bottomLeft\"/>";
/// The usual margins of a page, in inches.
const MARGINS: &str = "<pageMargins left=\"0.7\" right=\"0.7\" top=\"0.75\" bottom=\"0.75\" \
                       header=\"0.3\" footer=\"0.3\"/>";

/// The columns of a sheet.
pub fn columns_of(spec: &JobSpec, sheet: Sheet) -> Vec<Column> {
    match sheet {
        Sheet::Rows(_) => {
            let recipe = spec.recipe.columns.iter().map(|column| {
                let most = match column.value.take {
                    Take::Text => TEXT,
                    Take::Attribute(_) => ATTRIBUTE,
                };

                (&column.name, most)
            });

            let all = recipe.chain(spec.source_column.iter().map(|name| (name, SOURCE)));
            all.map(|(name, most)| Column { name: name.clone(), least: NARROW, most }).collect()
        }
        Sheet::Overflow(_) => {
            let widths = [18, NARROW, TEXT]; // `'rows 2'!C1048576`, a number, a long text.
            let columns = OVERFLOW_COLUMNS.into_iter().zip(widths);
            columns
                .map(|(name, width)| Column { name: name.into(), least: width, most: width })
                .collect()
        }
    }
}

/// The XML before the rows, the last of which has the number `end`. `selected`: the sheet is shown
/// when the workbook is opened. `look` is that of the first rows.
pub fn head(columns: &[Column], end: u64, selected: bool, look: Option<&Look>) -> String {
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let range = range(columns, end);
    let selected = if selected { " tabSelected=\"1\"" } else { "" };

    let mut head = format!(
        "{DECLARATION}<worksheet xmlns=\"{main}\" xmlns:r=\"{relations}\">\
         <dimension ref=\"{range}\"/>\
         <sheetViews><sheetView{selected} workbookViewId=\"0\">{FREEZE}</sheetView></sheetViews>"
    );
    head.push_str(&table_head(columns, look));
    head
}

/// The XML after the rows, the last of which has the number `end`.
pub fn tail(columns: &[Column], end: u64) -> String {
    let range = range(columns, end);
    let ignored = format!("<ignoredError sqref=\"{range}\" numberStoredAsText=\"1\"/>");

    // The schema has the ignored errors after the margins.
    format!(
        "</sheetData><autoFilter ref=\"{range}\"/>{MARGINS}\
         <ignoredErrors>{ignored}</ignoredErrors></worksheet>"
    )
}

/// The range of all cells, from the names to the row `end`.
fn range(columns: &[Column], end: u64) -> String {
    format!("A1:{}{end}", column_letters(columns.len() - 1))
}

/// The XML from the settings of rows and columns to the end of the row of names.
fn table_head(columns: &[Column], look: Option<&Look>) -> String {
    let lines = look.map_or(1, |look| u32::from(look.lines));
    let (default, of_names) = match lines {
        // The usual height needs no attribute of a row.
        1 => (format!("defaultRowHeight=\"{LINE}\""), String::new()),
        _ => {
            let height = lines * LINE;
            // The row of names stays as low as usual.
            let of_names = format!(" ht=\"{LINE}\" customHeight=\"1\"");
            (format!("defaultRowHeight=\"{height}\" customHeight=\"1\""), of_names)
        }
    };

    let mut head = format!("<sheetFormatPr {default}/><cols>");
    for (index, column) in columns.iter().enumerate() {
        let number = index + 1;
        let shown = look.and_then(|look| look.widths.get(index));
        let width = column.width(shown.map_or(0, |width| usize::from(*width))) as f64 + MARGIN;
        write!(
            head,
            "<col min=\"{number}\" max=\"{number}\" width=\"{width}\" customWidth=\"1\"/>"
        )
        .expect("writing to memory does not fail");
    }

    head.push_str("</cols><sheetData>");
    let mut row = Vec::new();
    let names = columns.iter().map(|column| column.name.as_str());
    RowWriter::new(columns.len()).header(&mut row, &of_names, NAME_FORMAT, names);
    head.push_str(std::str::from_utf8(&row).expect("written from text"));

    head
}

impl Column {
    fn width(&self, shown: usize) -> usize {
        let name = self.name.lines().map(UnicodeWidthStr::width).max().unwrap_or(0);
        (name + BUTTON).max(shown + 1).clamp(self.least, self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(sheet: Sheet, look: Option<Look>) -> String {
        let spec = JobSpec { source_column: Some("a_x0041\r".into()), ..JobSpec::default() };
        table_head(&columns_of(&spec, sheet), look.as_ref())
    }

    fn widths(head: &str) -> Vec<&str> {
        head.split("width=\"")
            .skip(1)
            .map(|rest| rest.split_once(".7109375\"").unwrap().0)
            .collect()
    }

    #[test]
    fn column_widths_fit_names_and_rows_within_limits() {
        let look = |widths: [u8; 4]| Some(Look { widths: widths.into(), lines: 1 });
        assert_eq!(widths(&head(Sheet::Rows(0), None)), ["8", "8", "8", "11"]);
        assert_eq!(widths(&head(Sheet::Rows(0), look([2, 20, 30, 9]))), ["8", "21", "31", "11"]);
        assert_eq!(widths(&head(Sheet::Rows(1), look([80, 80, 80, 80]))), ["50", "50", "80", "60"]);
        assert_eq!(widths(&head(Sheet::Overflow(0), None)), ["18", "8", "80"]);
    }

    #[test]
    fn rows_are_as_high_as_the_look_needs() {
        let look = |lines| Some(Look { widths: vec![1, 1, 1, 1], lines });
        let low = head(Sheet::Rows(0), look(1));
        assert!(low.starts_with("<sheetFormatPr defaultRowHeight=\"15\"/><cols>"), "{low}");
        assert!(
            low.contains(
                "<sheetData><row r=\"1\"><c r=\"A1\" s=\"1\" t=\"inlineStr\"><is><t>id</t>"
            ),
            "{low}"
        );
        let high = head(Sheet::Rows(0), look(3));
        assert!(
            high.starts_with("<sheetFormatPr defaultRowHeight=\"45\" customHeight=\"1\"/>"),
            "{high}"
        );

        assert!(high.contains("<row r=\"1\" ht=\"15\" customHeight=\"1\">"), "{high}");
    }

    #[test]
    fn names_are_escaped_as_cells_are() {
        assert!(
            head(Sheet::Rows(0), None).ends_with("<is><t>a_x005F_x0041_x000D_</t></is></c></row>")
        );
    }
}
