//! The characters that a cell of a workbook cannot hold, and their escapes (ECMA-376, part 1,
//! 22.9.2.19 ST_Xstring).
//!
//! A character that XML cannot hold is written `_xHHHH_`. In a text that looks like such an escape,
//! the first underscore is written `_x005F_`. The same goes for `_xHHHH` directly before an escaped
//! character: the underscore that begins that escape would complete a false one.

/// The UTF-16 units of an escape: `_xHHHH_`.
pub const ESCAPE_UNITS: usize = 7;

/// The bytes that [`find`] checks together: a multiple of the size of vector registers.
const CHUNK: usize = 64;

/// A character that is written as an escape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Escape {
    /// Where it begins.
    pub at: usize,
    /// Its length, in bytes.
    pub length: usize,
    /// Its code, as the escape has it.
    pub code: u16,
}

impl Escape {
    /// Where the text goes on after it.
    pub fn end(self) -> usize {
        self.at + self.length
    }
}

/// The first character of `bytes[from..to]` that must be escaped; it may end past `to`. `bytes` is
/// UTF-8.
pub fn find(bytes: &[u8], from: usize, to: usize) -> Option<Escape> {
    let mut at = from;
    while at < to {
        let end = (at + CHUNK).min(to);
        // Most chunks have none: one pass, without a branch, that the compiler vectorizes.
        if bytes[at..end].iter().fold(false, |any, byte| any | may_begin(*byte)) {
            let found = (at..end).find_map(|at| escape_at(bytes, at));
            if found.is_some() {
                return found;
            }
        }

        at = end;
    }
    None
}

/// Whether a byte may begin a character that is escaped.
#[inline(always)]
pub fn may_begin(byte: u8) -> bool {
    (byte < b' ') & (byte != b'\n') & (byte != b'\t') | (byte == b'_') | (byte == 0xef)
}

/// The character at this place, if it must be escaped.
pub fn escape_at(bytes: &[u8], at: usize) -> Option<Escape> {
    match *bytes.get(at)? {
        b'_' if reads_as_escape(&bytes[at..]) => Some(Escape { at, length: 1, code: b'_'.into() }),
        _ => unholdable_at(bytes, at),
    }
}

/// The character at this place, if XML cannot hold it.
fn unholdable_at(bytes: &[u8], at: usize) -> Option<Escape> {
    match *bytes.get(at)? {
        control @ (0..=8 | 11..=31) => Some(Escape { at, length: 1, code: control.into() }),
        // U+FFFE and U+FFFF, which XML excludes, are EF BF BE and EF BF BF in UTF-8.
        0xef => match bytes.get(at + 1..at + 3) {
            Some([0xbf, last @ (0xbe | 0xbf)]) => {
                Some(Escape { at, length: 3, code: 0xff40 | u16::from(*last) })
            }
            _ => None,
        },
        _ => None,
    }
}

/// Whether the text begins with `_xHHHH` and, as written, an underscore: its own, or that of the
/// next escape.
fn reads_as_escape(bytes: &[u8]) -> bool {
    let begins = matches!(
        bytes.get(..6),
        Some([b'_', b'x', hex @ ..]) if hex.iter().all(u8::is_ascii_hexdigit)
    );
    begins && (bytes.get(6) == Some(&b'_') || unholdable_at(bytes, 6).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<u16> {
        let mut at = 0;
        let mut codes = Vec::new();

        while let Some(escape) = find(text.as_bytes(), at, text.len()) {
            codes.push(escape.code);
            at = escape.end();
        }
        codes
    }

    #[test]
    fn xml_unsafe_characters_and_literal_escapes_are_found() {
        assert_eq!(
            codes("a\t\nb\u{7f}\u{85}\u{fffd}\u{feff}\u{ff0c}_x41_ _X0041_ _x0041"),
            [0u16; 0]
        );
        assert_eq!(codes("\r\u{c}\u{fffe}\u{ffff}_x00e9_"), [0xd, 0xc, 0xfffe, 0xffff, 0x5f]);

        for after in ["_", "\r", "\u{1f}", "\u{fffe}", "\u{ffff}", "_x0041_"] {
            assert_eq!(codes(&format!("file_x0041{after}"))[0], 0x5f, "{after:?}");
        }

        assert_eq!(codes("_x0041_x0042_x0043"), [0x5f, 0x5f]);
    }

    #[test]
    fn where_a_chunk_ends_makes_no_difference() {
        for text in ["_x0041_", "\u{ffff}", "_x0041\r", "\u{1}"] {
            for before in 0..2 * CHUNK {
                let padded = format!(
                    "{}{text}{}",
                    "한".repeat(before / 3) + &"a".repeat(before % 3),
                    "b".repeat(CHUNK)
                );
                assert_eq!(codes(&padded), codes(text), "{before}");
            }
        }
    }
}
