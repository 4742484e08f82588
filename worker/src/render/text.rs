//! Rows as CSV (RFC 4180), tab-separated text and JSON lines. All hold every text whole.

use std::io;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CompactFormatter, Formatter};
use sheaf_common::job::{CsvStyle, Newline, Rendering};

/// Characters that a spreadsheet takes for the beginning of a formula, in both widths (OWASP, "CSV
/// Injection").
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Writes rows of CSV or of tab-separated text.
pub struct CsvWriter {
    delimiter: String,
    newline: &'static [u8],
    bom: bool,
    escape_formulas: bool,
}

impl CsvWriter {
    /// In the form of `rendering`, which is one of the two.
    pub fn new(style: &CsvStyle, rendering: Rendering) -> Self {
        let (delimiter, usual) = match rendering {
            Rendering::Tsv(_) => ('\t', Newline::Lf),
            Rendering::Xlsx | Rendering::Csv(_) | Rendering::JsonLines(_) => {
                (style.delimiter, Newline::CrLf)
            }
        };

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

    /// The bytes before the rows: the byte order mark, if one is wanted, and the row of names.
    pub fn head<'a>(&self, names: impl ExactSizeIterator<Item = &'a str>) -> Vec<u8> {
        let mut head = Vec::from(if self.bom { "\u{feff}" } else { "" });

        let alone = names.len() == 1;
        for (index, name) in names.enumerate() {
            // Excel takes a file that begins with `ID` for SYLK, and does not open it.
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

    /// Appends a row. A missing cell and an empty one are alike here.
    pub fn row<'a>(&self, csv: &mut Vec<u8>, cells: impl ExactSizeIterator<Item = &'a str>) {
        let alone = cells.len() == 1;
        for (index, text) in cells.enumerate() {
            // A line with nothing on it would be no row at all.
            self.cell(csv, index, text, alone && text.is_empty());
        }
        csv.extend_from_slice(self.newline);
    }

    fn cell(&self, csv: &mut Vec<u8>, index: usize, text: &str, quote: bool) {
        if index > 0 {
            csv.extend_from_slice(self.delimiter.as_bytes());
        }

        let formula = self.escape_formulas && text.trim_start().starts_with(FORMULA);
        if !(quote || formula || self.needs_quotes(text)) {
            csv.extend_from_slice(text.as_bytes());
            return;
        }

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
        // The first byte of the delimiter is enough: quoting more than necessary does no harm.
        let delimiter = self.delimiter.as_bytes()[0];
        let special =
            |byte: u8| (byte == delimiter) | (byte == b'"') | (byte == b'\r') | (byte == b'\n');

        // Where formulas are feared, no program that parts cells elsewhere may find one inside a
        // cell.
        let parts =
            |byte: u8| self.escape_formulas & ((byte == b',') | (byte == b';') | (byte == b'\t'));

        text.bytes().any(|byte| special(byte) | parts(byte))
    }
}

/// Writes rows as JSON objects, one a line; keeps the keys ready.
pub struct JsonLines {
    /// `"id":`, for each column.
    keys: Vec<Vec<u8>>,
}

impl JsonLines {
    pub fn new<'a>(columns: impl Iterator<Item = &'a str>) -> Self {
        let key = |name| {
            let mut key = Vec::new();
            write_json(&mut key, Some(name));
            key.push(b':');
            key
        };
        JsonLines { keys: columns.map(key).collect() }
    }

    /// Appends a row; a missing cell is `null`.
    pub fn row(&self, json: &mut Vec<u8>, cells: &[Option<&str>]) {
        json.push(b'{');
        for (index, (key, text)) in self.keys.iter().zip(cells).enumerate() {
            if index > 0 {
                json.push(b',');
            }
            json.extend_from_slice(key);
            write_json(json, *text);
        }
        json.extend_from_slice(b"}\n");
    }
}

fn write_json(json: &mut Vec<u8>, text: Option<&str>) {
    text.serialize(&mut Serializer::with_formatter(json, OneLine))
        .expect("writing to memory does not fail");
}

/// Writes JSON in which nothing ends a line: many programs part lines at U+0085, U+2028 and U+2029
/// too.
struct OneLine;

impl Formatter for OneLine {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // Their first bytes in UTF-8; most fragments hold neither.
        let suspect =
            fragment.bytes().fold(false, |any, byte| any | (byte == 0xc2) | (byte == 0xe2));
        if !suspect {
            return CompactFormatter.write_string_fragment(out, fragment);
        }

        let mut rest = fragment;
        while let Some(at) = rest.find(['\u{85}', '\u{2028}', '\u{2029}']) {
            let (plain, from) = rest.split_at(at);
            let end = from.chars().next().expect("found there");
            write!(out, "{plain}\\u{:04x}", u32::from(end))?;
            rest = &from[end.len_utf8()..];
        }

        out.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use sheaf_common::job::Packing;

    use super::*;

    const CSV: Rendering = Rendering::Csv(Packing::Plain);
    const TSV: Rendering = Rendering::Tsv(Packing::Plain);

    fn row(style: CsvStyle, rendering: Rendering, cells: &[&str]) -> String {
        let mut bytes = Vec::new();
        CsvWriter::new(&style, rendering).row(&mut bytes, cells.iter().copied());
        String::from_utf8(bytes).unwrap()
    }

    fn head(style: CsvStyle, names: &[&str]) -> String {
        String::from_utf8(CsvWriter::new(&style, CSV).head(names.iter().copied())).unwrap()
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
    fn delimiter_and_line_end_are_as_asked_and_tabs_have_their_own() {
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
    fn the_head_may_have_a_mark_and_is_no_sylk() {
        let bom = CsvStyle { bom: true, ..CsvStyle::default() };
        assert_eq!(head(bom, &["id", "a"]), "\u{feff}id,a\r\n");
        assert_eq!(head(bom, &["ID", "ID"]), "\u{feff}\"ID\",ID\r\n");
        assert_eq!(head(CsvStyle::default(), &["IDENT"]), "\"IDENT\"\r\n");
    }

    #[test]
    fn json_lines_tell_missing_from_empty() {
        let mut json = Vec::new();
        JsonLines::new(["a\"", "b", "c"].into_iter())
            .row(&mut json, &[Some("한\n\u{1}"), None, Some("")]);
        assert_eq!(
            String::from_utf8(json).unwrap(),
            "{\"a\\\"\":\"한\\n\\u0001\",\"b\":null,\"c\":\"\"}\n"
        );
    }

    #[test]
    fn nothing_in_json_ends_a_line() {
        let mut json = Vec::new();
        let text = "\u{85}a\u{2028}\u{2029}\"é€\u{2027}";
        JsonLines::new(["k\u{2028}"].into_iter()).row(&mut json, &[Some(text)]);

        let json = String::from_utf8(json).unwrap();
        assert_eq!(json, "{\"k\\u2028\":\"\\u0085a\\u2028\\u2029\\\"é€\u{2027}\"}\n");

        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read["k\u{2028}"], text);
    }
}
