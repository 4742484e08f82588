//! Rows as CSV (RFC 4180) and as JSON lines. Both hold every text whole.

/// Appends a row of CSV. A missing cell and an empty one are alike there.
pub fn csv_row<'a>(csv: &mut Vec<u8>, cells: impl ExactSizeIterator<Item = &'a str>) {
    let alone = cells.len() == 1;
    for (index, text) in cells.enumerate() {
        if index > 0 {
            csv.push(b',');
        }
        // A line with nothing on it would be no row at all.
        if text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n')) || (alone && text.is_empty()) {
            csv.push(b'"');
            for (index, run) in text.split('"').enumerate() {
                if index > 0 {
                    csv.extend_from_slice(b"\"\"");
                }
                csv.extend_from_slice(run.as_bytes());
            }
            csv.push(b'"');
        } else {
            csv.extend_from_slice(text.as_bytes());
        }
    }
    csv.extend_from_slice(b"\r\n");
}

/// Writes rows as JSON objects, one a line; keeps the keys ready.
pub struct JsonLines {
    /// `"id":`, for each column.
    keys: Vec<Vec<u8>>,
}

impl JsonLines {
    pub fn new<'a>(columns: impl Iterator<Item = &'a str>) -> Self {
        let key = |name| {
            let mut key = serde_json::to_vec(name).expect("a text is always JSON");
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
            serde_json::to_writer(&mut *json, text).expect("writing to memory does not fail");
        }
        json.extend_from_slice(b"}\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(cells: &[&str]) -> String {
        let mut bytes = Vec::new();
        csv_row(&mut bytes, cells.iter().copied());
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn csv_quotes_what_rfc_4180_wants_quoted() {
        assert_eq!(csv(&["a", " b ", ""]), "a, b ,\r\n");
        assert_eq!(
            csv(&["a,b", "say \"hi\"", "two\nlines", "\r"]),
            "\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",\"\r\"\r\n"
        );
        assert_eq!(csv(&[""]), "\"\"\r\n");
    }

    #[test]
    fn json_lines_tell_missing_from_empty() {
        let mut json = Vec::new();
        JsonLines::new(["a\"", "b", "c"].into_iter()).row(&mut json, &[Some("한\n\u{1}"), None, Some("")]);
        assert_eq!(String::from_utf8(json).unwrap(), "{\"a\\\"\":\"한\\n\\u0001\",\"b\":null,\"c\":\"\"}\n");
    }
}
