//! Bytes → text: refuses bytes that are not text, decodes the rest, and strips white space.

use encoding_rs::Encoding;
use sheaf_common::problem::FileProblem;

use super::decode::{Decoded, decode};
use super::sniff;

/// Decodes a text. `encoding` is the one that the user named; `None`: to be detected.
///
/// # Errors
/// The bytes are not text, or text of a known format other than HTML.
pub(super) fn decode_text<'a>(
    bytes: &'a [u8],
    encoding: Option<&'static Encoding>,
) -> Result<Decoded<'a>, FileProblem> {
    sniff::refuse(bytes, encoding)?;
    Ok(decode(bytes, encoding))
}

/// `text` without the white space at its ends, as Python's `str.strip` sees it: Unicode
/// White_Space, and the information separators U+001C to U+001F.
pub fn strip(text: &str) -> &str {
    text.trim_matches(|character: char| {
        character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_pythons() {
        assert_eq!(strip("\u{1c}\u{1f}\u{3000}\u{85}\u{a0}\n x \t\u{b}\u{2029}\u{1d}"), "x");
        assert_eq!(strip("\u{feff}\u{200b}"), "\u{feff}\u{200b}");
    }
}
