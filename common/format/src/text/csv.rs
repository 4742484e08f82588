//! CSV (RFC 4180). Cells hold texts of any length.

use sheaf_common::job::{CsvStyle, JobSpec, Newline};

use super::{TextFormat, WriteRow};
use crate::CsvUse;

/// The format of `.csv`.
pub struct Csv;

impl TextFormat for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn title(&self) -> &'static str {
        "CSV"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[".csv"]
    }

    fn media_type(&self) -> &'static str {
        "text/csv; charset=utf-8"
    }

    fn csv_use(&self) -> CsvUse {
        CsvUse::All
    }

    fn head(&self, spec: &JobSpec) -> Vec<u8> {
        writer(&spec.csv).names(spec)
    }

    fn depends_on_place(&self) -> bool {
        false
    }

    fn rows(&self, spec: &JobSpec, _first_row: u64) -> Box<WriteRow> {
        writer(&spec.csv).into_write_row()
    }
}

fn writer(style: &CsvStyle) -> CsvWriter {
    CsvWriter::new(style, style.delimiter, Newline::CrLf)
}

/// Characters that begin a formula in a spreadsheet, in both widths (OWASP, "CSV Injection").
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Writes rows of CSV or of tab-separated text.
pub struct CsvWriter {
    delimiter: String,
    newline: &'static [u8],
    bom: bool,
    escape_formulas: bool,
}

impl CsvWriter {
    /// A writer in `style`, with this delimiter; `usual` ends the rows unless the style has an end.
    pub fn new(style: &CsvStyle, delimiter: char, usual: Newline) -> Self {
        let newline: &[u8] = match style.newline.unwrap_or(usual) {
            Newline::Lf => b"\n",
            Newline::CrLf => b"\r\n",
        };

        CsvWriter {
            delimiter: delimiter.into(),
            newline,
            bom: style.bom,
            escape_formulas: style.escape_formulas,
        }
    }

    /// The head of the outputs of a job.
    pub fn names(&self, spec: &JobSpec) -> Vec<u8> {
        let columns: Vec<&str> = spec.columns().collect();
        self.head(columns.into_iter())
    }

    /// The writer as a closure that appends rows.
    pub fn into_write_row(self) -> Box<WriteRow> {
        Box::new(move |csv, cells| {
            self.row(csv, cells.iter().map(|cell| cell.unwrap_or_default()));
        })
    }

    /// The bytes before the rows: the byte order mark, if wanted, and the row of names.
    fn head<'a>(&self, names: impl ExactSizeIterator<Item = &'a str>) -> Vec<u8> {
        let mut head = Vec::from(if self.bom { "\u{feff}" } else { "" });

        let alone = names.len() == 1;
        for (index, name) in names.enumerate() {
            // Excel takes a file that begins with `ID` for SYLK, and refuses it; quotes prevent
            // that.
            self.cell(
                &mut head,
                index,
                name,
                (index == 0 && name.starts_with("ID")) || (alone && name.is_empty()),
            );
        }

        head.extend_from_slice(self.newline);
        head
    }

    /// Appends a row. CSV does not tell a missing cell from an empty one.
    fn row<'a>(&self, csv: &mut Vec<u8>, cells: impl ExactSizeIterator<Item = &'a str>) {
        let alone = cells.len() == 1;
        for (index, text) in cells.enumerate() {
            // Readers skip an empty line, so a row of one empty cell needs quotes.
            self.cell(csv, index, text, alone && text.is_empty());
        }
        csv.extend_from_slice(self.newline);
    }

    fn cell(&self, csv: &mut Vec<u8>, index: usize, text: &str, quote: bool) {
        if index > 0 {
            csv.extend_from_slice(self.delimiter.as_bytes());
        }

        // Spreadsheets skip white space before a formula.
        let formula = self.escape_formulas && text.trim_start().starts_with(FORMULA);
        if !(quote || formula || self.needs_quotes(text)) {
            csv.extend_from_slice(text.as_bytes());
            return;
        }

        // The apostrophe is within the quotes, as it is part of the text for other readers.
        csv.push(b'"');
        if formula {
            csv.push(b'\'');
        }

        for (index, run) in text.split('"').enumerate() {
            if index > 0 {
                csv.extend_from_slice(b"\"\"");
            }
            csv.extend_from_slice(run.as_bytes());
        }

        csv.push(b'"');
    }

    fn needs_quotes(&self, text: &str) -> bool {
        // Compares only the first byte of the delimiter: too many quotes do no harm.
        let delimiter = self.delimiter.as_bytes()[0];
        let special =
            |byte: u8| (byte == delimiter) | (byte == b'"') | (byte == b'\r') | (byte == b'\n');

        // With escaped formulas, a program that splits cells at another delimiter must not find a
        // formula within a cell.
        let parts =
            |byte: u8| self.escape_formulas & ((byte == b',') | (byte == b';') | (byte == b'\t'));

        text.bytes().any(|byte| special(byte) | parts(byte))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tsv::Tsv;
    use super::*;

    const CSV: &dyn TextFormat = &Csv;
    const TSV: &dyn TextFormat = &Tsv;

    fn row(style: CsvStyle, format: &dyn TextFormat, cells: &[&str]) -> String {
        let spec = JobSpec { csv: style, ..JobSpec::default() };
        let cells: Vec<Option<&str>> = cells.iter().copied().map(Some).collect();

        let mut bytes = Vec::new();
        format.rows(&spec, 0)(&mut bytes, &cells);
        String::from_utf8(bytes).unwrap()
    }

    fn head(style: CsvStyle, names: &[&str]) -> String {
        String::from_utf8(writer(&style).head(names.iter().copied())).unwrap()
    }

    #[test]
    fn csv_quotes_what_rfc_4180_wants_quoted() {
        let csv = |cells: &[&str]| row(CsvStyle::default(), CSV, cells);
        assert_eq!(csv(&["a", " b ", ""]), "a, b ,\r\n");
        assert_eq!(
            csv(&["a,b", "say \"hi\"", "two\nlines", "\r"]),
            "\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",\"\r\"\r\n"
        );
        assert_eq!(csv(&["=1+1", "a;b", "a\tb"]), "=1+1,a;b,a\tb\r\n");
        assert_eq!(csv(&[""]), "\"\"\r\n");
    }

    #[test]
    fn delimiters_and_line_ends_follow_style_and_format() {
        let style = CsvStyle { delimiter: ';', ..CsvStyle::default() };
        assert_eq!(row(style, CSV, &["a;b", "c,d", "e"]), "\"a;b\";c,d;e\r\n");
        assert_eq!(row(style, TSV, &["a;b", "c\td"]), "a;b\t\"c\td\"\n");

        let style = CsvStyle { delimiter: '¦', newline: Some(Newline::Lf), ..CsvStyle::default() };
        assert_eq!(row(style, CSV, &["a¦b", "c"]), "\"a¦b\"¦c\n");
        let style = CsvStyle { newline: Some(Newline::CrLf), ..CsvStyle::default() };
        assert_eq!(row(style, TSV, &["a", "b"]), "a\tb\r\n");
    }

    #[test]
    fn formulas_are_escaped_where_that_is_asked_for() {
        let style = CsvStyle { escape_formulas: true, ..CsvStyle::default() };
        for text in
            ["=1+1", "+1", "-1", "@a", "\t=1", "\r=1", "\n \n=1", " =1", "＝1", "＋1", "－1", "＠a"]
        {
            assert_eq!(row(style, CSV, &[text, "x"]), format!("\"'{text}\",x\r\n"), "{text:?}");
        }

        assert_eq!(
            row(style, CSV, &["a=1", "007", "'=1", "x;=1", "x\t=1"]),
            "a=1,007,'=1,\"x;=1\",\"x\t=1\"\r\n"
        );

        assert_eq!(head(style, &["=a", "b"]), "\"'=a\",b\r\n");
    }

    #[test]
    fn the_head_writes_a_bom_and_avoids_sylk() {
        let bom = CsvStyle { bom: true, ..CsvStyle::default() };
        assert_eq!(head(bom, &["id", "a"]), "\u{feff}id,a\r\n");
        assert_eq!(head(bom, &["ID", "ID"]), "\u{feff}\"ID\",ID\r\n");
        assert_eq!(head(CsvStyle::default(), &["IDENT"]), "\"IDENT\"\r\n");
    }
}
