//! Every form of output holds the same rows, and says so to programs that nobody here wrote.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use sheaf_common::cell::{CELL_UNITS, SHEET_ROWS};
use sheaf_tests::corpus::{column, doc, filtered, rows_of, write, write_many};
use sheaf_tests::python::{expect_workbook, python, read_workbook, summary};
use sheaf_tests::{Run, skip_without};

fn read(folder: &Path, name: &str) -> Vec<u8> {
    fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Runs a line of Python on a file, and gives what it prints.
fn in_python(python: &Path, line: &str, file: &Path) -> Vec<u8> {
    let output = Command::new(python).args(["-c", line]).arg(file).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn csv_follows_rfc_4180() {
    let name = "csv_follows_rfc_4180";
    let folder = tempfile::tempdir().unwrap();
    let texts = [
        "plain",
        "a,b",
        "say \"hi\"",
        "two\nlines",
        "CR\r inside",
        "",
        " blanks ",
        "한국어 😀",
        "=1+1",
    ];
    let html: String = texts.iter().map(|text| doc("1", text, text)).collect();
    write(folder.path(), "in", html);
    Run::sheaf(folder.path()).typed("run in -o out.csv").finish().code(0);
    let csv = String::from_utf8(read(folder.path(), "out.csv")).expect("UTF-8");
    assert!(csv.ends_with("\r\n"), "records end with CRLF");
    assert!(
        csv.contains("\"a,b\"")
            && csv.contains("\"say \"\"hi\"\"\"")
            && csv.contains("\"two\nlines\""),
        "{csv}"
    );

    let Some(python) = python(name) else { return };
    let line = "import csv, json, sys\n\
        with open(sys.argv[1], encoding='utf-8', newline='') as f: print(json.dumps(list(csv.reader(f, strict=True))))";
    let got: Value =
        serde_json::from_slice(&in_python(&python, line, &folder.path().join("out.csv"))).unwrap();
    let mut wanted = vec![json!(["id", "title", "text"])];
    wanted.extend(texts.iter().map(|text| json!(["1", text, text])));
    assert_eq!(got, json!(wanted));
}

#[test]
fn csv_is_written_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in", doc("=1+1", "a;b", "-x,y") + &doc("007", "c", ""));
    let csv = |output: &str, options: &str| {
        Run::sheaf(folder.path()).typed("run in -o").arg(output).typed(options).finish().code(0);
        String::from_utf8(read(folder.path(), output)).expect("UTF-8")
    };
    assert_eq!(csv("a.csv", ""), "id,title,text\r\n=1+1,a;b,\"-x,y\"\r\n007,c,\r\n");
    assert_eq!(
        csv("b.csv", "--csv-bom --csv-delimiter ; --csv-newline lf --csv-formulas escape"),
        "\u{feff}id;title;text\n\"'=1+1\";\"a;b\";\"'-x,y\"\n007;c;\n"
    );
    assert_eq!(
        csv("c.csv", "--csv-delimiter tab"),
        "id\ttitle\ttext\r\n=1+1\ta;b\t-x,y\r\n007\tc\t\r\n"
    );
    assert_eq!(csv("d.tsv", ""), "id\ttitle\ttext\n=1+1\ta;b\t-x,y\n007\tc\t\n");
    assert_eq!(
        csv("e.tsv", "--csv-newline crlf --csv-bom").lines().next(),
        Some("\u{feff}id\ttitle\ttext")
    );
    assert!(
        csv("f.csv", "--record doc --column ID=::attr(id)").starts_with("\"ID\"\r\n"),
        "it is not SYLK"
    );
}

#[test]
fn csv_options_need_a_csv_output() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in", doc("1", "t", "x"));
    for options in ["--csv-bom", "--csv-delimiter ;", "--csv-newline lf", "--csv-formulas escape"] {
        let run = Run::sheaf(folder.path())
            .typed("run in -o out.jsonl -o out.xlsx")
            .typed(options)
            .finish();
        run.code(2).says(&["needs a csv output", options.split(' ').next().unwrap()]);
    }
    Run::sheaf(folder.path())
        .typed("run in -o out.tsv --csv-delimiter ;")
        .finish()
        .code(2)
        .says(&["tab"]);
    Run::sheaf(folder.path())
        .typed("run in -o out.csv --csv-delimiter ab")
        .finish()
        .code(2)
        .says(&["one character"]);
}

#[test]
fn json_lines_hold_one_ordered_object_per_row() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "in",
        "<doc id=1 title='a\"\\'>x\ny</doc><doc title=''>\u{7f}&#1;😀\u{2028}\u{2029}\u{85}</doc>",
    );
    Run::sheaf(folder.path()).typed("run in -o out.jsonl").finish().code(0);
    let text = String::from_utf8(read(folder.path(), "out.jsonl")).expect("UTF-8");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(text.ends_with('\n') && lines[0].find("\"id\"") < lines[0].find("\"title\""), "{text}");
    let rows = sheaf_tests::corpus::rows(&text);
    assert_eq!(rows[0], json!({ "id": "1", "title": "a\"\\", "text": "x\ny" }));
    assert_eq!(
        rows[1],
        json!({ "id": null, "title": "", "text": "\u{7f}\u{1}😀\u{2028}\u{2029}\u{85}" })
    );
    assert!(
        text.contains("\\u2028\\u2029\\u0085"),
        "nothing but a line feed ends a line, for any program: {text}"
    );
}

#[test]
fn packed_outputs_unpack_to_the_plain_bytes() {
    let name = "packed_outputs_unpack_to_the_plain_bytes";
    let Some(python) = python(name) else { return };
    if skip_without(name, &["zstd"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    write_many(&folder.path().join("in"), 30, 30, Some(70));
    let outputs = [
        "x.csv",
        "x.csv.gz",
        "x.csv.zst",
        "x.tsv",
        "x.tsv.gz",
        "x.tsv.zst",
        "x.jsonl",
        "x.jsonl.gz",
        "x.jsonl.zst",
        "x.ndjson",
    ];
    let run = Run::sheaf(folder.path()).typed("run in --csv-bom --csv-formulas escape");
    outputs.iter().fold(run, |run, out| run.arg("-o").arg(out)).finish().code(0);
    assert!(read(folder.path(), "x.ndjson") == read(folder.path(), "x.jsonl"));
    for plain in ["x.csv", "x.tsv", "x.jsonl"] {
        let wanted = read(folder.path(), plain);
        let unzip = "import gzip, sys; sys.stdout.buffer.write(gzip.open(sys.argv[1]).read())";
        let gz = in_python(&python, unzip, &folder.path().join(format!("{plain}.gz")));
        assert!(gz == wanted, "{plain}.gz holds other bytes");
        let zst = filtered("zstd", &["-dqc"], &read(folder.path(), &format!("{plain}.zst")));
        assert!(zst == wanted, "{plain}.zst holds other bytes");
    }
}

#[test]
fn every_file_gets_a_workbook_despite_equal_names() {
    let name = "every_file_gets_a_workbook_despite_equal_names";
    let Some(python) = python(name) else { return };
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in/a/same.html", doc("1", "t", "first"));
    write(folder.path(), "in/b/same.html", doc("2", "t", "second"));
    write(folder.path(), "in/c/long", doc("3", "t", &"x".repeat(CELL_UNITS + 1)));
    Run::sheaf(folder.path()).typed("run in -o all.xlsx --per-file each").finish().code(0);
    let mut names: Vec<String> = fs::read_dir(folder.path().join("each"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(
        names.contains(&"long.xlsx".to_string()) && names.contains(&"same.html.xlsx".to_string()),
        "{names:?}"
    );
    let sheets =
        |name: &str| read_workbook(&python, "openpyxl", &folder.path().join("each").join(name));
    let mut texts: Vec<Value> = names
        .iter()
        .filter(|name| *name != "long.xlsx")
        .map(|n| sheets(n)["rows"][1][2].take())
        .collect();
    texts.sort_by_key(Value::to_string);
    assert_eq!(texts, ["first", "second"]);
    assert_eq!(sheets("long.xlsx")["overflow"][1][2], "x", "it carries its own long texts on");
}

#[test]
fn rows_past_the_sheet_limit_fill_another_sheet() {
    let name = "rows_past_the_sheet_limit_fill_another_sheet";
    let Some(python) = python(name) else { return };
    const ROWS: u64 = 1_100_000;
    const FILES: u64 = 11;
    let folder = tempfile::tempdir().unwrap();
    for file in 0..FILES {
        let each = ROWS / FILES;
        let html: String =
            (file * each..(file + 1) * each).map(|number| format!("<p>{number}")).collect();
        write(folder.path(), &format!("in/file_{file}"), html);
    }
    let run = Run::sheaf(folder.path())
        .typed("run in -o big.xlsx -o big.csv --record p --column n=::text");
    run.finish().code(0);
    let last = |number: u64| json!([number.to_string()]);
    let sheets = summary(&python, "calamine", &folder.path().join("big.xlsx"));
    let first = SHEET_ROWS - 1;
    let wanted = json!({
        "rows": { "rows": SHEET_ROWS, "first": ["n"], "second": ["0"], "last": last(first - 1) },
        "rows 2": { "rows": ROWS - first + 1, "first": ["n"], "second": last(first), "last": last(ROWS - 1) },
    });
    assert_eq!(sheets, wanted);
    let csv = read(folder.path(), "big.csv");
    let text = std::str::from_utf8(&csv).unwrap();
    assert!(
        text.lines().skip(1).zip(0..).all(|(line, number)| line == number.to_string()),
        "the rows are in order"
    );
    assert_eq!(text.lines().count() as u64, ROWS + 1);
}

#[test]
fn long_cells_are_cut_and_counted_on_request() {
    let name = "long_cells_are_cut_and_counted_on_request";
    let Some(python) = python(name) else { return };
    let folder = tempfile::tempdir().unwrap();
    let long = "x".repeat(CELL_UNITS - 1) + "😀 and on";
    write(
        folder.path(),
        "in",
        doc("1", "t", &long) + &doc("2", "t", "short") + &doc("3", "t", &long),
    );
    let run = Run::sheaf(folder.path())
        .typed("run in -o cut.xlsx -o cut.jsonl --long-cells truncate")
        .finish();
    run.code(0).says(&["2 "]);
    let head = "x".repeat(CELL_UNITS - 1);
    let rows =
        json!([["id", "title", "text"], ["1", "t", head], ["2", "t", "short"], ["3", "t", head]]);
    expect_workbook(&python, "calamine", &folder.path().join("cut.xlsx"), &json!({ "rows": rows }));
    let whole = rows_of(&folder.path().join("cut.jsonl"));
    assert!(column(&whole, "text") == [&long, "short", &long], "JSON lines hold long texts whole");
}

#[test]
fn a_long_cell_fails_its_file_on_request() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in/1", doc("1", "t", "short"));
    write(folder.path(), "in/2", doc("2", "t", &"x".repeat(CELL_UNITS + 1)));
    write(folder.path(), "in/3", doc("3", "t", "short"));
    let run = Run::sheaf(folder.path())
        .typed("run in -o out.jsonl -o out.xlsx --long-cells fail")
        .finish();
    run.code(1).says(&["in/2", "32,767|32767"]);
    assert_eq!(column(&rows_of(&folder.path().join("out.jsonl")), "id"), ["1", "3"]);
}

#[test]
fn the_sheet_is_named_as_asked() {
    let name = "the_sheet_is_named_as_asked";
    let Some(python) = python(name) else { return };
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in", doc("1", "t", "x"));
    Run::sheaf(folder.path()).typed("run in --sheet-name 결과").finish().code(0);
    let read = read_workbook(&python, "openpyxl", &folder.path().join("final.xlsx"));
    assert_eq!(read["결과"][1], json!(["1", "t", "x"]), "the default output is final.xlsx");
}
