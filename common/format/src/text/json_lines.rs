//! JSON lines: rows as JSON objects, one on each line, with texts of any length.

use std::io;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CompactFormatter, Formatter};
use sheaf_common::job::JobSpec;

use super::{TextFormat, WriteRow};

/// The format of `.jsonl`.
pub struct JsonLines;

impl TextFormat for JsonLines {
    fn name(&self) -> &'static str {
        "jsonl"
    }

    fn title(&self) -> &'static str {
        "JSON lines"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[".jsonl", ".ndjson"]
    }

    fn media_type(&self) -> &'static str {
        "application/jsonl"
    }

    fn depends_on_place(&self) -> bool {
        false
    }

    fn rows(&self, spec: &JobSpec, _first_row: u64) -> Box<WriteRow> {
        let writer = JsonWriter::new(spec.columns());
        Box::new(move |json, cells| writer.row(json, cells))
    }
}

/// Writes rows as JSON objects, one on each line.
struct JsonWriter {
    /// The encoded key of each column: `"id":`.
    keys: Vec<Vec<u8>>,
}

impl JsonWriter {
    fn new<'a>(columns: impl Iterator<Item = &'a str>) -> Self {
        let key = |name| {
            let mut key = Vec::new();
            write_json(&mut key, Some(name));
            key.push(b':');
            key
        };
        JsonWriter { keys: columns.map(key).collect() }
    }

    /// Appends a row; a missing cell is `null`.
    fn row(&self, json: &mut Vec<u8>, cells: &[Option<&str>]) {
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

/// Writes JSON without any line end: many programs also split lines at U+0085, U+2028 and U+2029.
struct OneLine;

impl Formatter for OneLine {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // The first bytes of these in UTF-8. Most fragments have neither, and skip the search.
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
    use super::*;

    #[test]
    fn json_lines_tell_missing_from_empty() {
        let mut json = Vec::new();
        JsonWriter::new(["a\"", "b", "c"].into_iter())
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
        JsonWriter::new(["k\u{2028}"].into_iter()).row(&mut json, &[Some(text)]);

        let json = String::from_utf8(json).unwrap();
        assert_eq!(json, "{\"k\\u2028\":\"\\u0085a\\u2028\\u2029\\\"é€\u{2027}\"}\n");

        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read["k\u{2028}"], text);
    }
}
