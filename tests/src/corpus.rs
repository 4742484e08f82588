//! Input files, good and bad.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

/// One record in the default format. The texts are escaped, so they come out unchanged.
pub fn doc(id: &str, title: &str, text: &str) -> String {
    format!("<doc id=\"{}\" title=\"{}\">{}</doc>\n", escaped(id), escaped(title), escaped(text))
}

/// `text` as HTML: with references for markup, and for CR, which the parser would turn into a line
/// feed.
pub fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\r' => html.push_str("&#13;"),
            other => html.push(other),
        }
    }

    html
}

/// Writes a file below `folder`, and creates its parent folders; returns its path.
pub fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("below a folder")).expect("the folder is made");
    fs::write(&path, content).expect("the file is written");
    path
}

/// Writes the files `file_0` … into `folder`, each with `docs` records. The ids run on from file to
/// file, from 0. The texts differ. If `long` is given, one in so many is too long for a cell.
pub fn write_many(folder: &Path, files: usize, docs: usize, long: Option<usize>) {
    for file in 0..files {
        let mut content = String::new();
        for number in file * docs..(file + 1) * docs {
            let words = format!("Article {number} in file {file}: 한국어, русский & <b>. ");
            let times = match long {
                Some(each) if number % each == each - 1 => 1_000,
                _ => 3 + number * 7 % 40,
            };
            content.push_str(&doc(
                &number.to_string(),
                &format!("Title {number}"),
                &words.repeat(times),
            ));
        }
        write(folder, &format!("file_{file}"), content);
    }
}

/// One record after a tag with so many attributes that parsing takes long. The tokenizer compares
/// each new name with all earlier ones, so the time grows with the square of their number.
pub fn slow_html(id: &str, attributes: usize) -> String {
    let mut html = String::from("<p");
    for number in 0..attributes {
        html.push_str(&format!(" a{number}"));
    }
    html + ">" + &doc(id, "slow", "at last")
}

/// `bytes` as one gzip member.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("to memory");
    encoder.finish().expect("to memory")
}

/// A gzip member of `before`, then `times` times `middle`, then `after`. The content is never in
/// memory as a whole.
pub fn gzip_of_repeats(before: &str, middle: &[u8], times: usize, after: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(before.as_bytes()).expect("to memory");
    for _ in 0..times {
        encoder.write_all(middle).expect("to memory");
    }
    encoder.write_all(after.as_bytes()).expect("to memory");
    encoder.finish().expect("to memory")
}

/// The output of a filter such as `xz -c` for the input `bytes`.
pub fn filtered(command: &str, args: &[&str], bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new(command)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("could not start {command}: {error}"));

    let mut input = child.stdin.take().expect("piped");
    let output = std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(bytes).expect("the filter reads"));
        child.wait_with_output().expect("the filter ends")
    });
    assert!(output.status.success(), "{command} failed");

    output.stdout
}

/// The rows of a file of JSON lines.
pub fn rows(jsonl: impl AsRef<[u8]>) -> Vec<Value> {
    let text = std::str::from_utf8(jsonl.as_ref()).expect("JSON lines are UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is a JSON object")).collect()
}

/// The rows of the file of JSON lines at `path`.
pub fn rows_of(path: &Path) -> Vec<Value> {
    rows(fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// The values of one column; null and missing ones are `""`.
pub fn column<'a>(rows: &'a [Value], name: &str) -> Vec<&'a str> {
    rows.iter().map(|row| row[name].as_str().unwrap_or_default()).collect()
}
