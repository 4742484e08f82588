//! Rows as the XML of a sheet (ECMA-376, part 1, 18.3.1).
//!
//! Rows and cells carry their references: gnumeric and ExcelJS do not read a sheet without them. Texts are inline
//! strings: a table of shared strings would bind all segments together.

use sheaf_common::cell::column_letters;

/// Writes rows of text cells; keeps what every row needs: the letters of its columns.
pub struct RowWriter {
    /// `<c r="B`, for each column.
    openings: Vec<Vec<u8>>,
}

impl RowWriter {
    pub fn new(width: usize) -> Self {
        let openings = (0..width).map(|index| format!("<c r=\"{}", column_letters(index)).into_bytes()).collect();
        RowWriter { openings }
    }

    /// Appends the row with this number (from 1, the header's). An empty text is an empty cell, which is not written.
    pub fn row<'a>(&self, xml: &mut Vec<u8>, number: u64, cells: impl Iterator<Item = &'a str>) {
        let number = number.to_string();
        xml.extend_from_slice(b"<row r=\"");
        xml.extend_from_slice(number.as_bytes());
        xml.extend_from_slice(b"\">");
        for (opening, text) in self.openings.iter().zip(cells) {
            if text.is_empty() {
                continue;
            }
            xml.extend_from_slice(opening);
            xml.extend_from_slice(number.as_bytes());
            xml.extend_from_slice(b"\" t=\"inlineStr\"><is><t");
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

/// Whether white space at an end would be lost.
fn needs_space(text: &str) -> bool {
    let white = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t' | b'\n'));
    white(text.as_bytes().first()) || white(text.as_bytes().last())
}

/// The bytes that [`escape`] looks at together; a power of two that vector registers divide.
const CHUNK: usize = 64;

/// Appends `text` so that a reader of the sheet gets it back: markup as entities, characters that XML cannot hold as
/// `_xHHHH_`, and a literal `_xHHHH_` with its underscore escaped likewise (ECMA-376, part 1, 22.9.2.19 ST_Xstring).
pub fn escape(xml: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    xml.reserve(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = (at + CHUNK).min(bytes.len());
        // Most chunks need nothing: one pass that the compiler turns into vector code, then one copy.
        let special = bytes[at..end].iter().fold(false, |any, byte| any | is_special(*byte));
        if special {
            at = escape_bytes(xml, bytes, at, end);
        } else {
            xml.extend_from_slice(&bytes[at..end]);
            at = end;
        }
    }
}

/// Whether a byte may begin something that must not stand as it is.
#[inline(always)]
fn is_special(byte: u8) -> bool {
    (byte < b' ') & (byte != b'\n') & (byte != b'\t')
        | (byte == b'<')
        | (byte == b'>')
        | (byte == b'&')
        | (byte == b'_')
        | (byte == 0xef)
}

/// Escapes `bytes[from..to]`, and a character that goes past `to`; returns where it stopped.
fn escape_bytes(xml: &mut Vec<u8>, bytes: &[u8], from: usize, to: usize) -> usize {
    let mut at = from;
    while at < to {
        match bytes[at] {
            b'<' => xml.extend_from_slice(b"&lt;"),
            b'>' => xml.extend_from_slice(b"&gt;"),
            b'&' => xml.extend_from_slice(b"&amp;"),
            b'_' if looks_escaped(&bytes[at..]) => xml.extend_from_slice(b"_x005F_"),
            control @ (0..=8 | 11..=31) => xml.extend_from_slice(format!("_x{control:04X}_").as_bytes()),
            0xef if matches!(bytes.get(at + 1..at + 3), Some([0xbf, 0xbe | 0xbf])) => {
                xml.extend_from_slice(if bytes[at + 2] == 0xbe { b"_xFFFE_" } else { b"_xFFFF_" });
                at += 2;
            }
            plain => xml.push(plain),
        }
        at += 1;
    }
    at
}

/// Whether the text begins as an escape does: `_xHHHH_`.
fn looks_escaped(bytes: &[u8]) -> bool {
    matches!(bytes.get(..7), Some([b'_', b'x', hex @ .., b'_']) if hex.iter().all(u8::is_ascii_hexdigit))
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
        assert_eq!(escaped("\u{fffe}\u{ffff}\u{fffd}\u{feff}"), "_xFFFE__xFFFF_\u{fffd}\u{feff}");
    }

    #[test]
    fn where_a_text_is_chunked_makes_no_difference() {
        for special in ["<", "_x0041_", "\u{ffff}", "\u{1}", "한", "😀", "\u{ff0c}"] {
            for before in 0..2 * CHUNK {
                let text = format!("{}{special}{}", "a".repeat(before), "b".repeat(CHUNK));
                let expected = format!("{}{}{}", "a".repeat(before), escaped(special), "b".repeat(CHUNK));
                assert_eq!(escaped(&text), expected);
            }
        }
    }

    #[test]
    fn rows_carry_references_and_keep_outer_white_space() {
        let mut xml = Vec::new();
        RowWriter::new(3).row(&mut xml, 7, [" a", "", "=1+1"].into_iter());
        assert_eq!(
            String::from_utf8(xml).unwrap(),
            "<row r=\"7\"><c r=\"A7\" t=\"inlineStr\"><is><t xml:space=\"preserve\"> a</t></is></c>\
             <c r=\"C7\" t=\"inlineStr\"><is><t>=1+1</t></is></c></row>"
        );
    }
}
