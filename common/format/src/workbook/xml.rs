//! Rows as the XML of a sheet (ECMA-376, part 1, 18.3.1).
//!
//! Rows and cells have their references, as gnumeric and ExcelJS do not read a sheet without them.
//! Texts are inline strings, as a table of shared strings would tie all segments together.

use std::io::Write;

use sheaf_common::cell::column_letters;
use sheaf_common::escape::{self, escape_at};

/// Writes rows of text cells.
pub struct RowWriter {
    /// The beginning of a cell for each column, `<c r="B`: made once, as every row needs it.
    openings: Vec<Vec<u8>>,
}

impl RowWriter {
    pub fn new(width: usize) -> Self {
        let openings = (0..width)
            .map(|index| format!("<c r=\"{}", column_letters(index)).into_bytes())
            .collect();
        RowWriter { openings }
    }

    /// Appends the row with this number (1 is the header's). Empty texts are empty cells, which are
    /// not written.
    ///
    /// `many_lines`: the row has a text with a line feed. It then declares its usual height as
    /// intended, as LibreOffice would draw the text over the row below otherwise.
    pub fn row<'a>(
        &self,
        xml: &mut Vec<u8>,
        number: u64,
        many_lines: bool,
        cells: impl Iterator<Item = &'a str>,
    ) {
        let of_row: &[u8] = if many_lines { b" customHeight=\"1\"" } else { b"" };
        self.write(xml, number, of_row, b"", cells);
    }

    /// Appends the header, row 1. `row` are further attributes of the row, `cell` those of each
    /// cell; both begin with a blank.
    pub fn header<'a>(
        &self,
        xml: &mut Vec<u8>,
        row: &str,
        cell: &str,
        names: impl Iterator<Item = &'a str>,
    ) {
        self.write(xml, 1, row.as_bytes(), cell.as_bytes(), names);
    }

    #[inline]
    fn write<'a>(
        &self,
        xml: &mut Vec<u8>,
        number: u64,
        of_row: &[u8],
        of_cell: &[u8],
        cells: impl Iterator<Item = &'a str>,
    ) {
        let number = number.to_string();
        xml.extend_from_slice(b"<row r=\"");
        xml.extend_from_slice(number.as_bytes());
        xml.push(b'"');
        xml.extend_from_slice(of_row);
        xml.push(b'>');

        for (opening, text) in self.openings.iter().zip(cells) {
            // An empty cell is simply absent: the references tell where the others belong.
            if text.is_empty() {
                continue;
            }

            xml.extend_from_slice(opening);
            xml.extend_from_slice(number.as_bytes());
            xml.push(b'"');
            xml.extend_from_slice(of_cell);
            xml.extend_from_slice(b" t=\"inlineStr\"><is><t");
            if needs_space(text) {
                xml.extend_from_slice(b" xml:space=\"preserve\"");
            }
            xml.push(b'>');
            escape(xml, text);
            xml.extend_from_slice(b"</t></is></c>");
        }

        xml.extend_from_slice(b"</row>");
    }
}

/// Whether white space at either end would be lost without `xml:space`.
fn needs_space(text: &str) -> bool {
    let white = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t' | b'\n'));
    white(text.as_bytes().first()) || white(text.as_bytes().last())
}

/// The bytes that [`escape()`] checks together: a multiple of the size of vector registers.
const CHUNK: usize = 64;

/// Appends `text`, escaped for a sheet: markup as entities, and the characters that
/// [`sheaf_common::escape`] finds as `_xHHHH_`.
pub fn escape(xml: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    xml.reserve(bytes.len());
    let mut at = 0;

    while at < bytes.len() {
        let end = (at + CHUNK).min(bytes.len());
        // Most chunks need no escape: one pass, without a branch, that the compiler vectorizes, and
        // one copy.
        let special = bytes[at..end].iter().fold(false, |any, byte| any | is_special(*byte));

        if special {
            at = escape_bytes(xml, bytes, at, end);
        } else {
            xml.extend_from_slice(&bytes[at..end]);
            at = end;
        }
    }
}

/// Whether a byte may begin something that must be escaped.
#[inline(always)]
fn is_special(byte: u8) -> bool {
    escape::may_begin(byte) | (byte == b'<') | (byte == b'>') | (byte == b'&')
}

/// Escapes `bytes[from..to]`, with a last character that may end past `to`; returns where it
/// stopped.
fn escape_bytes(xml: &mut Vec<u8>, bytes: &[u8], from: usize, to: usize) -> usize {
    let mut at = from;
    while at < to {
        match bytes[at] {
            b'<' => xml.extend_from_slice(b"&lt;"),
            b'>' => xml.extend_from_slice(b"&gt;"),
            b'&' => xml.extend_from_slice(b"&amp;"),
            byte => match escape_at(bytes, at) {
                // It may have several bytes, and so end past `to`.
                Some(escape) => {
                    write!(xml, "_x{:04X}_", escape.code).expect("writing to memory does not fail");
                    at = escape.end();
                    continue;
                }
                None => xml.push(byte),
            },
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut xml = Vec::new();
        escape(&mut xml, text);
        String::from_utf8(xml).unwrap()
    }

    #[test]
    fn markup_controls_and_literal_escapes_are_escaped() {
        assert_eq!(escaped("a < b && c > d"), "a &lt; b &amp;&amp; c &gt; d");
        assert_eq!(escaped("\r\n\t\u{1}\u{1f}"), "_x000D_\n\t_x0001__x001F_");
        assert_eq!(escaped("_x0041_ _x004_ _X0041_"), "_x005F_x0041_ _x004_ _X0041_");
        assert_eq!(escaped("file_x0041\u{c}_x000Ab"), "file_x005F_x0041_x000C__x000Ab");
        assert_eq!(escaped("_x0041_x0042_"), "_x005F_x0041_x005F_x0042_");
        assert_eq!(escaped("\u{fffe}\u{ffff}\u{fffd}\u{feff}"), "_xFFFE__xFFFF_\u{fffd}\u{feff}");
    }

    #[test]
    fn where_a_text_is_chunked_makes_no_difference() {
        for special in ["<", "_x0041_", "_x0041\r", "\u{ffff}", "\u{1}", "한", "😀", "\u{ff0c}"]
        {
            for before in 0..2 * CHUNK {
                let text = format!("{}{special}{}", "a".repeat(before), "b".repeat(CHUNK));
                let expected =
                    format!("{}{}{}", "a".repeat(before), escaped(special), "b".repeat(CHUNK));
                assert_eq!(escaped(&text), expected);
            }
        }
    }

    #[test]
    fn rows_carry_references_and_keep_outer_white_space() {
        let mut xml = Vec::new();
        RowWriter::new(3).row(&mut xml, 7, false, [" a", "", "=1+1"].into_iter());
        assert_eq!(
            String::from_utf8(xml).unwrap(),
            "<row r=\"7\"><c r=\"A7\" t=\"inlineStr\"><is><t xml:space=\"preserve\"> a</t></is></c>\
             <c r=\"C7\" t=\"inlineStr\"><is><t>=1+1</t></is></c></row>"
        );

        let mut xml = Vec::new();
        RowWriter::new(1).row(&mut xml, 8, true, ["a\nb"].into_iter());
        assert_eq!(
            String::from_utf8(xml).unwrap(),
            "<row r=\"8\" customHeight=\"1\"><c r=\"A8\" t=\"inlineStr\"><is><t>a\nb</t></is></c>\
             </row>"
        );

        let mut xml = Vec::new();
        RowWriter::new(2).header(&mut xml, " ht=\"15\"", " s=\"1\"", ["a", "_x0041\r"].into_iter());
        assert_eq!(
            String::from_utf8(xml).unwrap(),
            "<row r=\"1\" ht=\"15\"><c r=\"A1\" s=\"1\" t=\"inlineStr\"><is><t>a</t></is></c>\
             <c r=\"B1\" s=\"1\" t=\"inlineStr\"><is><t>_x005F_x0041_x000D_</t></is></c></row>"
        );
    }
}
