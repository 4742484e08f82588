//! Every cell right in every reader: hard cells through the real binary, read back by programs that
//! nobody here wrote.

use std::path::Path;
use std::sync::OnceLock;

use serde_json::{Value, json};
use sheaf_common::cell::{CELL_UNITS, parts};
use sheaf_tests::corpus::{doc, escaped, write};
use sheaf_tests::python::{expect_workbook, python, read_workbook};
use sheaf_tests::{Run, skip_without};
use tempfile::TempDir;

/// Texts that have gone wrong in some writer or reader, by what is hard in them.
fn hard_texts() -> Vec<(&'static str, String)> {
    let x = |units: usize| "x".repeat(units);
    let short = [
        ("Korean", "가을 볏단 이야기"),
        ("emoji", "😀 👩‍🌾 🇰🇷"),
        ("right to left", "حزمة القمح"),
        ("carriage return", "a\rb"),
        ("CR LF", "a\r\nb"),
        ("line feeds", "\n\na\nb\n"),
        ("tabs", "\ta\t\tb\t"),
        ("control characters", "a\u{1}b\u{8}\u{b}\u{1b}\u{1f}c"),
        ("delete and C1", "a\u{7f}b\u{85}c"),
        ("not a character", "a\u{fffe}b\u{ffff}"),
        ("line separators", "a\u{2028}b\u{2029}c"),
        ("byte order mark", "a\u{feff}b"),
        ("an escape, literal", "_x0041_"),
        ("an escaped escape, literal", "_x005F_x0041_ _x000D_ __x005f__"),
        (
            "a literal before an escape",
            "file_x0041\u{c} b_x0042\r c_x0043\u{fffe} _x0044_x0045\u{1}_x0046",
        ),
        ("no escape", "_x41_ _X0041_ _x004G_ x0041_"),
        ("an escape after one that is real", "\u{1}x0041_"),
        ("formula", "=1+1"),
        ("formula by plus, minus, at", "+1 -1 @a"),
        ("leading zeros", "007"),
        ("exponent", "1e5"),
        ("digits past 15", "12345678901234567890"),
        ("boolean", "TRUE"),
        ("date", "2020-01-01"),
        ("not available", "NA"),
        ("error", "#N/A"),
        ("link", "https://example.org/?a=1&b=2#c"),
        ("leading blanks", "  a"),
        ("trailing blanks", "a  "),
        ("blanks alone", "   "),
        ("a line feed alone", "\n"),
        ("apostrophe", "'a'"),
        ("quotes and commas", "\"a\", \"b\"; c"),
        ("markup", "<b>&amp;</b> ]]> <!-- -->"),
        ("empty", ""),
    ];
    let mut texts: Vec<_> = short.map(|(name, text)| (name, text.to_string())).into();
    texts.extend([
        ("exactly the limit", x(CELL_UNITS)),
        ("one past the limit", x(CELL_UNITS + 1)),
        ("a pair up to the limit", x(CELL_UNITS - 2) + "😀"),
        ("a pair across the limit", x(CELL_UNITS - 1) + "😀 and on"),
        ("three full parts", x(3 * CELL_UNITS)),
        ("escapes up to the limit", "\u{1f}".repeat(CELL_UNITS / 7) + "abcdefghi"),
        ("escapes across the limit", x(CELL_UNITS - 20) + "_x0041_\u{b}_x0042\u{b} and on"),
        ("several parts", "한😀\r_x0041_ <&\u{1} ".repeat(12_000)),
        ("the last", "end".into()),
    ]);
    texts
}

/// A workbook with all hard texts as `text`, and as `title` where they are short.
struct Hard {
    folder: TempDir,
    /// The rows that must stand on the sheet `rows`, long texts whole.
    rows: Vec<[String; 3]>,
}

/// Runs `sheaf` once for all tests of this file.
fn hard() -> &'static Hard {
    static HARD: OnceLock<Hard> = OnceLock::new();
    HARD.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (mut html, mut rows) = (String::new(), Vec::new());
        for (number, (name, text)) in hard_texts().into_iter().enumerate() {
            let id = number.to_string();
            let title = if text.len() < 100 { text.clone() } else { name.into() };
            html.push_str(&doc(&id, &title, &text));
            rows.push([id, title, text]);
        }
        // A missing attribute is an empty cell; a control character may come as a reference too.
        html.push_str(&format!("<doc id=none>{}&#1;&#x1F;</doc>", escaped("no title")));
        rows.push(["none".into(), String::new(), "no title\u{1}\u{1f}".into()]);
        write(folder.path(), "in/hard.html", html);
        Run::sheaf(folder.path())
            .typed("run in -o hard.xlsx -o hard.jsonl -o hard.csv -p 2")
            .finish()
            .code(0);
        Hard { folder, rows }
    })
}

impl Hard {
    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// The sheet `rows` as it must be read: the header, and of each text what its cell holds.
    fn sheet(&self) -> Value {
        let head = |text: &String| parts(text).next().unwrap_or_default().to_string();
        let mut rows = vec![["id".to_string(), "title".into(), "text".into()]];
        rows.extend(self.rows.iter().map(|row| row.each_ref().map(head)));
        json!(rows)
    }
}

/// Checks the sheet `overflow`: it carries every long text on, in order, and names the cell it
/// continues.
fn check_overflow(hard: &Hard, sheet: &Value) {
    let rows = sheet.as_array().expect("a sheet is a list of rows");
    assert_eq!(rows[0], json!(["cell", "part", "text"]));
    let mut rest = rows[1..].iter();
    for (number, [_, _, text]) in hard.rows.iter().enumerate() {
        for part in parts(text).skip(1) {
            let row =
                rest.next().unwrap_or_else(|| panic!("the parts of row {number} are missing"));
            let cell = row[0].as_str().unwrap_or_default();
            assert!(
                cell.ends_with(&format!("C{}", number + 2)),
                "row {number} is continued for cell `{cell}`"
            );
            assert!(row[2].as_str() == Some(part), "a part of the text of row {number} is wrong");
        }
    }
    assert_eq!(rest.next(), None, "no further parts");
}

fn read_back(name: &str, reader: &str, needs: &[&str]) {
    let Some(python) = python(name) else { return };
    if skip_without(name, needs) {
        return;
    }
    let hard = hard();
    let workbook = hard.path("hard.xlsx");
    let overflow = overflow_sheet(&python, &workbook, hard);
    expect_workbook(
        &python,
        reader,
        &workbook,
        &json!({ "rows": hard.sheet(), "overflow": overflow }),
    );
}

/// The overflow sheet as calamine reads it, checked once; the other readers must read the same.
fn overflow_sheet(python: &Path, workbook: &Path, hard: &Hard) -> Value {
    static OVERFLOW: OnceLock<Value> = OnceLock::new();
    let read = || {
        let sheet = read_workbook(python, "calamine", workbook)["overflow"].take();
        check_overflow(hard, &sheet);
        sheet
    };
    OVERFLOW.get_or_init(read).clone()
}

#[test]
fn openpyxl_reads_every_cell() {
    read_back("openpyxl_reads_every_cell", "openpyxl", &[]);
}

#[test]
fn openpyxl_read_only_reads_every_cell() {
    read_back("openpyxl_read_only_reads_every_cell", "openpyxl-read-only", &[]);
}

#[test]
fn calamine_reads_every_cell() {
    read_back("calamine_reads_every_cell", "calamine", &[]);
}

#[test]
fn pandas_reads_every_cell() {
    read_back("pandas_reads_every_cell", "pandas", &[]);
}

#[test]
fn libreoffice_reads_every_cell() {
    read_back("libreoffice_reads_every_cell", "libreoffice", &["soffice"]);
}

#[test]
fn gnumeric_reads_every_cell() {
    read_back("gnumeric_reads_every_cell", "ssconvert", &["ssconvert"]);
}

#[test]
fn json_lines_hold_every_text_whole() {
    let hard = hard();
    let rows = sheaf_tests::corpus::rows_of(&hard.path("hard.jsonl"));
    assert_eq!(rows.len(), hard.rows.len());
    for (row, [id, title, text]) in rows.iter().zip(&hard.rows) {
        let title = if id == "none" { Value::Null } else { json!(title) };
        assert!(
            row == &json!({ "id": id, "title": title, "text": text }),
            "the row with id {id} is wrong"
        );
    }
}

#[test]
fn csv_holds_every_text_whole() {
    let Some(python) = python("csv_holds_every_text_whole") else { return };
    let hard = hard();
    let read = "import csv, json, sys; csv.field_size_limit(1 << 30)\n\
        with open(sys.argv[1], encoding='utf-8', newline='') as f: print(json.dumps(list(csv.reader(f, strict=True))))";
    let output = std::process::Command::new(python)
        .args(["-c", read])
        .arg(hard.path("hard.csv"))
        .output()
        .expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Vec<[String; 3]> =
        serde_json::from_slice(&output.stdout).expect("rows of three cells");
    assert_eq!(read[0], ["id", "title", "text"]);
    assert!(read[1..] == hard.rows[..], "the cells of the CSV are others");
}
