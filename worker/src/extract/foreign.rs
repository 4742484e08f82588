//! Refuses text that is not HTML. Parsed as HTML, it would silently give garbage.

use sheaf_common::problem::FileProblem;

/// The number of bytes to look at, from the beginning: 64 KiB.
const SAMPLE: usize = 64 << 10;
/// The fewest bytes by which UTF-32 is recognised without a byte order mark: two characters.
const WIDEST: usize = 8;

/// Refuses text of a known format other than HTML, and text in an unsupported encoding.
///
/// # Errors
/// [`FileProblem::Foreign`] or [`FileProblem::Encoding`], with the name of the format or encoding.
pub(super) fn refuse(bytes: &[u8]) -> Result<(), FileProblem> {
    if is_utf_32(bytes) {
        return Err(FileProblem::Encoding { name: "UTF-32".into() });
    }

    match known(bytes) {
        Some(format) => Err(FileProblem::Foreign { format: format.into(), is_text: true }),
        None => Ok(()),
    }
}

/// The name of the known text format other than HTML that `bytes` have, and what to do about it.
fn known(bytes: &[u8]) -> Option<&'static str> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let text = &text[..text.len().min(SAMPLE)];

    if text.starts_with(b"WARC/") && text.get(5).is_some_and(u8::is_ascii_digit) {
        return Some("a WARC web archive: take the pages out of it first");
    }
    if text.starts_with(b"filedesc://") {
        return Some("an ARC web archive: take the pages out of it first");
    }
    if text.starts_with(b"{\\rtf") {
        return Some("an RTF document: save it as HTML first");
    }
    if text.starts_with(b"%!PS-Adobe") {
        return Some("a PostScript document");
    }

    if is_mime(text) {
        return Some(
            "MHTML (MIME), a page saved with its pictures, or an email: save it as HTML only",
        );
    }

    json(text)
}

/// Whether bytes are UTF-32: they have a byte order mark, or every four of them, in one byte order
/// or the other, are a character that occurs in text.
fn is_utf_32(bytes: &[u8]) -> bool {
    if bytes.starts_with(b"\xff\xfe\0\0") || bytes.starts_with(b"\0\0\xfe\xff") {
        return true;
    }

    // The highest byte of a character is always 0. Other text hardly has such zeros, so most files
    // are ruled out by two characters.
    let highest =
        |index: usize| bytes.len() >= WIDEST && bytes[index] == 0 && bytes[index + 4] == 0;

    let all = |from: fn([u8; 4]) -> u32| {
        let is_text = |unit: u32| {
            let character = char::from_u32(unit);
            character.is_some_and(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r'))
        };
        let units = bytes[..bytes.len().min(SAMPLE)].as_chunks().0.iter();
        units.copied().all(|unit| is_text(from(unit)))
    };

    (highest(3) && all(u32::from_le_bytes)) || (highest(0) && all(u32::from_be_bytes))
}

/// Whether text begins with a block of headers that includes `MIME-Version`.
fn is_mime(text: &[u8]) -> bool {
    let mut lines =
        text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let headers = lines.by_ref().take_while(|line| !line.is_empty());

    // A header may continue on lines that begin with white space.
    let is_header = |line: &&[u8]| {
        let name = line.iter().position(|byte| *byte == b':').map(|end| &line[..end]);
        let is_name = |name: &[u8]| {
            !name.is_empty()
                && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        };
        line.starts_with(b" ") || line.starts_with(b"\t") || name.is_some_and(is_name)
    };

    let is_version = |line: &[u8]| {
        line.get(..13).is_some_and(|name| name.eq_ignore_ascii_case(b"MIME-Version:"))
    };

    headers.take_while(is_header).any(is_version)
}

/// Recognises JSON and JSON lines: the whole sample is JSON and begins with an object or a list.
fn json(text: &[u8]) -> Option<&'static str> {
    if !matches!(text.first(), Some(b'{' | b'[')) {
        return None;
    }

    let mut values =
        serde_json::Deserializer::from_slice(text).into_iter::<serde::de::IgnoredAny>();
    let mut count = 0;

    for value in values.by_ref() {
        match value {
            Ok(_) => count += 1,
            // The end of the sample, or a file that was cut off, may fall within a value.
            Err(error) if error.is_eof() && (text.len() == SAMPLE || count > 0) => break,
            Err(_) => return None,
        }
    }

    // A single object on one line is probably a line of a file of JSON lines.
    let is_lines =
        count > 1 || (count == 1 && text[0] == b'{' && !text.trim_ascii_end().contains(&b'\n'));
    Some(if is_lines {
        "JSON lines (WikiExtractor's --json? Without it, it writes `<doc>` elements, which are \
         read)"
    } else {
        "JSON"
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sheaf_common::problem::ProblemKind;

    fn wide(text: &str, bytes: fn(u32) -> [u8; 4]) -> Vec<u8> {
        text.chars().flat_map(|c| bytes(c as u32)).collect()
    }

    #[test]
    fn text_that_is_no_page_is_named() {
        let cases: [(&[u8], &str); 10] = [
            (b"WARC/1.0\r\nWARC-Type: warcinfo\r\n", "WARC"),
            (b"filedesc://x.arc 0.0.0.0 20000101000000 text/plain 76\n", "ARC"),
            (
                b"From: <Saved by Blink>\r\nContent-Type: multipart/related;\r\n\tb=\"x\"\r\nMIME-Version: 1.0\r\n\r\n",
                "MHTML",
            ),
            (b"mime-version: 1.0\n\n<p>", "MIME"),
            (b"{\"id\": \"1\", \"text\": \"<doc>\"}\n", "JSON lines"),
            (b"\xef\xbb\xbf{\"id\": 1}\n{\"id\": 2}\n", "JSON lines"),
            (b"{\n \"pages\": []\n}\n", "JSON"),
            (b"[{\"a\": 1}, {\"a\": 2}]", "JSON"),
            (b"{\\rtf1\\ansi}", "RTF"),
            (b"%!PS-Adobe-3.0\n", "PostScript"),
        ];

        for (bytes, name) in cases {
            let found =
                known(bytes).unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(bytes)));
            assert!(found.contains(name), "{found}");
        }

        let long: String =
            (0..5000).map(|id| format!("{{\"id\": {id}, \"text\": \"한국어\"}}\n")).collect();
        assert!(known(long.as_bytes()).is_some_and(|found| found.starts_with("JSON lines")));
    }

    #[test]
    fn utf32_is_recognised_with_or_without_a_bom() {
        for text in ["\u{feff}<doc>", "<doc>한국어 😀</doc>\r\n", "ab"] {
            for bytes in [u32::to_le_bytes, u32::to_be_bytes] {
                assert!(
                    refuse(&wide(text, bytes))
                        .is_err_and(|found| found.kind() == ProblemKind::Encoding),
                    "{text:?}"
                );
            }
        }
    }

    #[test]
    fn pages_are_let_through() {
        let utf_16: Vec<u8> = "\u{feff}<doc>a".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let texts: [&[u8]; 11] = [
            b"",
            b"<doc>{\"a\": 1}</doc>",
            b"{\"title\": \"front matter\"}\n\n<doc>x</doc>",
            b"{{ template }}<p>",
            b"[1] Smith, 2020 <doc>",
            b"WARC is a format: <doc>",
            b"From: a\nTo: b\n\nMIME-Version: 1.0\n<doc>",
            b"Note: this\nis text\nMIME-Version: 1.0\n",
            b"\0\0\0\0\0\0\0\0",
            b"<\0d\0o\0c\0>\0",
            &utf_16,
        ];

        for text in texts {
            assert_eq!(refuse(text), Ok(()), "{}", String::from_utf8_lossy(text));
        }
    }
}
