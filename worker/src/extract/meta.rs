//! The encoding that a document declares in its first bytes.
//!
//! Implements "prescan a byte stream to determine its encoding" and "get an XML encoding" of the
//! HTML standard.

use encoding_rs::{Encoding, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};

/// The number of bytes from the beginning in which a declaration counts.
const PRESCAN: usize = 1024;

/// The encoding that `bytes` declare; `None` if they declare none or an unknown one.
pub(super) fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(PRESCAN)];
    Scanner { bytes: head, at: 0 }.document().or_else(|| xml(head))
}

/// The encoding that a declared label stands for.
fn label(label: &[u8]) -> Option<&'static Encoding> {
    let encoding = Encoding::for_label(label)?;
    match encoding {
        // A declaration that was read as ASCII cannot be UTF-16.
        _ if encoding == UTF_16LE || encoding == UTF_16BE => Some(UTF_8),
        _ if encoding == X_USER_DEFINED => Some(WINDOWS_1252),
        // The decoder would replace the whole document with one character.
        _ if encoding == REPLACEMENT => None,
        _ => Some(encoding),
    }
}

/// The encoding of `<?xml … encoding="…"?>`, which must come first.
fn xml(head: &[u8]) -> Option<&'static Encoding> {
    let declaration = head.strip_prefix(b"<?xml")?;
    let declaration = &declaration[..declaration.iter().position(|&byte| byte == b'>')?];
    let after = find(declaration, b"encoding")? + b"encoding".len();
    let rest = declaration[after..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (&quote, rest) = rest.split_first().filter(|(quote, _)| matches!(quote, b'"' | b'\''))?;
    label(&rest[..rest.iter().position(|&byte| byte == quote)?])
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window.eq_ignore_ascii_case(part))
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

/// Whether a start tag or an end tag begins here; the first byte is `<`.
fn begins_tag(rest: &[u8]) -> bool {
    matches!(rest, [_, b'/', first, ..] | [_, first, ..] if first.is_ascii_alphabetic())
}

/// A position in the first bytes of a document.
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at.min(self.bytes.len())..]
    }

    fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    /// Passes over the bytes that are `skipped`, and returns them.
    fn skip(&mut self, skipped: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|&byte| !skipped(byte)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// The encoding that the first `<meta` with one declares.
    fn document(&mut self) -> Option<&'static Encoding> {
        while let Some(byte) = self.peek() {
            let rest = self.rest();
            if byte != b'<' {
                self.skip(|byte| byte != b'<');
            } else if rest.starts_with(b"<!--") {
                // The end may share the dashes of the beginning: `<!-->`.
                self.at += find(&rest[2..], b"-->")? + 5;
            } else if rest.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case(b"<meta"))
                && rest.get(5).is_some_and(|&byte| is_space(byte) || byte == b'/')
            {
                self.at += 6;
                if let Some(encoding) = self.meta() {
                    return Some(encoding);
                }
            } else if begins_tag(rest) {
                // Read its attributes, as a `>` within a value does not end the tag.
                self.skip(|byte| !is_space(byte) && byte != b'>');
                while self.attribute().is_some() {}
                self.at += 1;
            } else if matches!(rest, [_, b'!' | b'/' | b'?', ..]) {
                self.skip(|byte| byte != b'>');
            } else {
                self.at += 1;
            }
        }
        None
    }

    /// The encoding that the attributes of a `<meta` declare.
    fn meta(&mut self) -> Option<&'static Encoding> {
        let mut charset = None;
        let mut content = None;
        let mut pragma = false;
        let mut seen: Vec<Vec<u8>> = Vec::new();

        while let Some((name, value)) = self.attribute() {
            // If a name occurs twice, the first attribute counts.
            if seen.contains(&name) {
                continue;
            }

            match name.as_slice() {
                b"http-equiv" => pragma = value.eq_ignore_ascii_case(b"content-type"),
                b"content" => content = from_content(&value),
                b"charset" => charset = Some(value.clone()),
                _ => {}
            }
            seen.push(name);
        }

        match charset {
            Some(charset) => label(&charset),
            // A `content` counts only beside `http-equiv="content-type"`.
            None => content.filter(|_| pragma).and_then(|content| label(&content)),
        }
    }

    /// "Get an attribute": its name in lower case, and its value; `None` at the end of the tag.
    fn attribute(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        self.skip(|byte| is_space(byte) || byte == b'/');
        if self.peek()? == b'>' {
            return None;
        }

        let start = self.at;
        // A leading `=` belongs to the name.
        self.at += 1;
        self.skip(|byte| !is_space(byte) && !matches!(byte, b'=' | b'/' | b'>'));
        let name = self.bytes[start..self.at].to_ascii_lowercase();

        self.skip(is_space);
        if self.peek() != Some(b'=') {
            return Some((name, Vec::new()));
        }

        self.at += 1;
        self.skip(is_space);

        let value = match self.peek()? {
            quote @ (b'"' | b'\'') => {
                self.at += 1;
                let value = self.skip(|byte| byte != quote);
                self.peek()?;
                self.at += 1;
                value
            }
            _ => self.skip(|byte| !is_space(byte) && byte != b'>'),
        };

        Some((name, value.to_vec()))
    }
}

/// "Extracting a character encoding from a meta element": the label after `charset=` in a
/// `content`.
fn from_content(content: &[u8]) -> Option<Vec<u8>> {
    let mut rest = content;
    loop {
        rest = rest[find(rest, b"charset")? + b"charset".len()..].trim_ascii_start();
        if let Some(value) = rest.strip_prefix(b"=") {
            let value = value.trim_ascii_start();
            let quote = value.first().copied().filter(|byte| matches!(byte, b'"' | b'\''));
            let Some(quote) = quote else {
                let end = value
                    .iter()
                    .position(|&byte| is_space(byte) || byte == b';')
                    .unwrap_or(value.len());
                return Some(value[..end].to_vec());
            };

            // A quote that is never closed declares nothing.
            let end = value[1..].iter().position(|&byte| byte == quote)?;
            return Some(value[1..=end].to_vec());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(head: &str) -> Option<&'static str> {
        declared(head.as_bytes()).map(Encoding::name)
    }

    #[test]
    fn declarations_are_found() {
        assert_eq!(name("<meta charset=euc-kr>"), Some("EUC-KR"));
        assert_eq!(name("<html a='>'><META x CharSet = ' shift_jis '/>"), Some("Shift_JIS"));

        let pragma = "<meta content='text/html; charset=gbk; x' http-equiv=content-type>";
        assert_eq!(name(pragma), Some("GBK"));
        assert_eq!(
            name("<meta http-equiv=Content-Type content=\"charset = 'big5'\">"),
            Some("Big5")
        );

        assert_eq!(name("<!-- <meta charset=gbk> --><meta/charset=koi8-r>"), Some("KOI8-R"));
        assert_eq!(
            name("<?xml version='1.0' encoding=\"windows-1251\"?><a>"),
            Some("windows-1251")
        );
    }

    #[test]
    fn what_declares_nothing_is_passed() {
        for head in [
            "<metacharset=euc-kr>",
            "<meta content='text/html; charset=gbk'>",
            "<p title='<meta charset=gbk>'>",
            "<!--><!-- <meta charset=gbk>",
            "</x a='<meta charset=gbk>'>",
            "<meta charset=klingon>",
            "<meta charset=hz-gb-2312>",
            "<meta charset='euc-kr",
            "a <?xml encoding='gbk'?>",
            "<meta",
            "<",
            "<a",
        ] {
            assert_eq!(name(head), None, "{head}");
        }

        assert_eq!(name(&format!("{}<meta charset=gbk>", " ".repeat(PRESCAN))), None);
    }

    #[test]
    fn labels_that_cannot_be_true_mean_others() {
        assert_eq!(name("<meta charset=utf-16>"), Some("UTF-8"));
        assert_eq!(name("<meta charset=x-user-defined>"), Some("windows-1252"));
    }
}
