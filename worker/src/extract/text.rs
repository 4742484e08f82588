//! Bytes → text that may hold markup: what is no text is refused, the rest decoded and stripped.

use encoding_rs::Encoding;
use sheaf_common::problem::FileProblem;

use super::decode::{Decoded, decode};
use super::sniff;

/// Decodes the bytes of a text. `encoding`: the one that the user named; `None`: it is found out.
///
/// # Errors
/// They are no text, or one of a form that is no page.
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
