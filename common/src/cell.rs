//! The limits of a spreadsheet, and how a text that is too long for a cell is cut into parts.
//!
//! Source: ECMA-376 leaves them open; these are Excel's published limits ("Excel specifications and
//! limits"), which LibreOffice, openpyxl and pandas share.

use crate::escape::{self, ESCAPE_UNITS};
use crate::fit;

/// The most UTF-16 code units that a cell holds, those of escapes included: by the reports of other
/// writers, Excel counts the text as it stands in the file.
pub const CELL_UNITS: usize = 32_767;
/// The most rows of a sheet, the header row included.
pub const SHEET_ROWS: u64 = 1_048_576;
/// The most data rows of a sheet: row 1 is the header.
pub const SHEET_DATA_ROWS: u64 = SHEET_ROWS - 1;
/// The most columns of a sheet.
pub const SHEET_COLUMNS: usize = 16_384;

/// A text of at most this many bytes fits a cell, whatever its characters are.
const SURE_BYTES: usize = CELL_UNITS / ESCAPE_UNITS;

/// The number of overflow rows that `text` needs: 0 when it fits its cell.
pub fn overflow_rows(text: &str) -> u32 {
    fit::count(parts(text).count() - 1)
}

/// The UTF-16 units that `text` takes in a cell, escapes included.
pub fn written_units(text: &str) -> usize {
    let mut at = 0;
    let mut units = 0;
    while let Some(escape) = escape::find(text.as_bytes(), at, text.len()) {
        units += count_units(&text[at..escape.at]) + ESCAPE_UNITS;
        at = escape.end();
    }

    units + count_units(&text[at..])
}

/// Cuts `text` into parts that fit a cell: first the head, then those for the overflow sheet.
///
/// Every part has at most [`CELL_UNITS`] UTF-16 units, as written. No surrogate pair and no escape
/// is cut, so a part may be some units short. An empty text is one empty part. The parts
/// concatenate to `text`.
pub fn parts(text: &str) -> Parts<'_> {
    Parts { rest: Some(text) }
}

/// Iterator of [`parts`].
pub struct Parts<'a> {
    rest: Option<&'a str>,
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.rest?;
        let cut = head_length(text);

        let (head, tail) = text.split_at(cut);
        self.rest = (!tail.is_empty()).then_some(tail);
        Some(head)
    }
}

/// Once fewer units than this are left, characters are counted one by one.
const FEW: usize = 64;

/// The length in bytes of the longest head of `text` that fits a cell.
fn head_length(text: &str) -> usize {
    if text.len() <= SURE_BYTES {
        return text.len();
    }

    let mut at = 0;
    let mut left = CELL_UNITS;
    while at < text.len() {
        // A unit is at most three bytes, so an escape beyond this window is beyond the cell.
        let window = text.len().min(at + 3 * left);

        let escape = escape::find(text.as_bytes(), at, window);
        let plain = &text[at..escape.map_or(text.len(), |escape| escape.at)];

        let (length, units) = fitting(plain, left);
        at += length;
        left -= units;

        match escape {
            // An escape goes into the cell as a whole, or not at all.
            Some(escape) if length == plain.len() && left >= ESCAPE_UNITS => {
                at = escape.end();
                left -= ESCAPE_UNITS;
            }
            _ => return at,
        }
    }
    at
}

/// The longest head of a text without escapes that has at most `room` UTF-16 units. Returns its
/// bytes and its units.
fn fitting(text: &str, room: usize) -> (usize, usize) {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut units = 0;

    // A byte is never more than one unit, so as many bytes as units are left always fit: they are
    // counted at once, which is faster, until few units are left.
    while room - units >= FEW && at < bytes.len() {
        let mut end = bytes.len().min(at + room - units);
        while !text.is_char_boundary(end) {
            end -= 1;
        }

        units += count_units(&text[at..end]);
        at = end;
    }

    while at < bytes.len() {
        // The first byte of a character tells its bytes, and whether it is a surrogate pair.
        let (length, width) = match bytes[at] {
            0x00..=0x7f => (1, 1),
            0x80..=0xdf => (2, 1),
            0xe0..=0xef => (3, 1),
            0xf0..=0xff => (4, 2),
        };

        if units + width > room {
            break;
        }

        units += width;
        at += length;
    }
    (at, units)
}

/// The most UTF-16 units of a sheet's name.
const SHEET_NAME_UNITS: usize = 31;

/// The name of the sheet with this index: `base`, then `base 2`, `base 3`, … For these, `base` is
/// shortened if the name would be too long.
pub fn sheet_name(base: &str, index: u32) -> String {
    if index == 0 {
        return base.into();
    }

    let suffix = format!(" {}", index + 1);
    let mut units = suffix.len();
    let fits = |c: &char| {
        units += c.len_utf16();
        units <= SHEET_NAME_UNITS
    };

    base.chars().take_while(fits).chain(suffix.chars()).collect()
}

const LETTERS: &[u8; 26] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The letters of the column with this index: 0 is `A`, 26 is `AA`.
pub fn column_letters(index: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = index + 1;
    while rest > 0 {
        letters.push(LETTERS[(rest - 1) % LETTERS.len()]);
        rest = (rest - 1) / LETTERS.len();
    }

    letters.reverse();
    String::from_utf8(letters).expect("letters are ASCII")
}

/// The UTF-16 units of `text`, counted many bytes at a time.
fn count_units(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.chars().count() + text.bytes().filter(|&byte| byte >= 0xf0).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_at_the_limit_is_one_part() {
        let text = "x".repeat(CELL_UNITS);
        assert_eq!(parts(&text).count(), 1);
        assert_eq!(overflow_rows(&text), 0);
        assert_eq!(overflow_rows(&format!("{text}y")), 1);
    }

    #[test]
    fn a_surrogate_pair_is_never_cut() {
        let text = format!("{}😀tail", "x".repeat(CELL_UNITS - 1));
        let cut: Vec<&str> = parts(&text).collect();
        assert_eq!(cut.len(), 2);
        assert_eq!(cut[0].len(), CELL_UNITS - 1);
        assert!(cut[1].starts_with('😀'));
    }

    #[test]
    fn parts_concatenate_to_the_text_and_each_fits() {
        for unit in ["x", "é", "한", "😀", "x한😀"] {
            let text = unit.repeat(40_000);
            let cut: Vec<&str> = parts(&text).collect();
            assert!(cut.iter().all(|part| part.encode_utf16().count() <= CELL_UNITS));
            assert_eq!(cut.concat(), text);
            assert_eq!(overflow_rows(&text) as usize, cut.len() - 1);
        }
    }

    #[test]
    fn the_cut_agrees_with_counting_every_character() {
        for pad in 0..70 {
            for unit in ["x", "é", "한", "😀", "x한😀", "xxxxxxxxxxxxxxxx😀"] {
                let text = "y".repeat(pad) + &unit.repeat(40_000);
                let mut units = 0;
                let fits = |character: &char| {
                    units += character.len_utf16();
                    units <= CELL_UNITS
                };
                let expected: usize = text.chars().take_while(fits).map(char::len_utf8).sum();
                assert_eq!(parts(&text).next().unwrap().len(), expected, "{pad} {unit}");
            }
        }
    }

    #[test]
    fn escapes_count_as_written_and_stay_whole() {
        // By the definition, character by character.
        let expected = |text: &str| {
            let mut at = 0;
            let mut left = CELL_UNITS;
            for c in text.chars() {
                let units =
                    escape::escape_at(text.as_bytes(), at).map_or(c.len_utf16(), |_| ESCAPE_UNITS);
                if units > left {
                    break;
                }
                left -= units;
                at += c.len_utf8();
            }
            at
        };
        let escapes =
            ["\r", "\u{ffff}", "_x0041_", "_x0041\r", "x한\u{1}😀", "__x000D_", "한_x004\u{fffe}"];
        for escaped in escapes {
            for pad in
                [0, 1, 6, 7, 63, 64, 65, 32_700, 32_759, 32_760, 32_761, 32_766, 32_767, 32_768]
            {
                let text = "y".repeat(pad) + &escaped.repeat(12_000);
                assert_eq!(
                    parts(&text).next().unwrap().len(),
                    expected(&text),
                    "{pad} {escaped:?}"
                );
            }
            let text = escaped.repeat(12_000);
            let cut: Vec<&str> = parts(&text).collect();
            assert_eq!(cut.concat(), text);
            assert!(cut.iter().all(|part| written_units(part) <= CELL_UNITS), "{escaped:?}");
        }
        assert_eq!(overflow_rows(&"\r".repeat(CELL_UNITS / ESCAPE_UNITS)), 0);
        assert_eq!(overflow_rows(&"\r".repeat(CELL_UNITS / ESCAPE_UNITS + 1)), 1);
    }

    #[test]
    fn wide_characters_count_by_utf16_units_not_bytes() {
        let text = "한".repeat(CELL_UNITS);
        assert_eq!(overflow_rows(&text), 0);
    }

    #[test]
    fn an_empty_text_is_one_empty_part() {
        assert_eq!(parts("").collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn numbered_sheet_names_fit_the_length_limit() {
        assert_eq!(sheet_name("rows", 0), "rows");
        assert_eq!(sheet_name("rows", 1), "rows 2");
        assert_eq!(sheet_name(&"x".repeat(31), 11), format!("{} 12", "x".repeat(28)));
    }

    #[test]
    fn columns_have_the_letters_of_a_spreadsheet() {
        let letters = [0, 25, 26, 701, 702, 16_383].map(column_letters);
        assert_eq!(letters, ["A", "Z", "AA", "ZZ", "AAA", "XFD"]);
    }
}
