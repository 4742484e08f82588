//! What a sheet looks like when it is opened, and that it holds what it says.

use std::path::Path;

use serde_json::json;
use sheaf_common::cell::CELL_UNITS;
use sheaf_tests::Run;
use sheaf_tests::archive::parts;
use sheaf_tests::corpus::{column, doc, rows_of, write};
use sheaf_tests::python::{expect_workbook, python};

const SHEET_1: &str = "xl/worksheets/sheet1.xml";

/// The width of each column and the height of rows that have none of their own, as they stand in
/// the sheet.
fn look(workbook: &Path) -> (Vec<u32>, u32) {
    let sheet = parts(workbook)[SHEET_1].clone();
    let number = |text: &str| text.split(['.', '"']).next().unwrap().parse().unwrap();
    let widths = sheet.split(" width=\"").skip(1).map(number).collect();
    (widths, number(sheet.split_once("defaultRowHeight=\"").unwrap().1))
}

#[test]
fn every_sheet_is_top_aligned_without_number_warnings() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in/a", doc("007", "t", &"x".repeat(CELL_UNITS + 1)));
    write(folder.path(), "in/b", doc("1", "t", "y"));
    Run::sheaf(folder.path()).typed("run in -o all.xlsx --per-file each").finish().code(0);
    for (workbook, ranges) in [
        ("all.xlsx", &["A1:C3", "A1:C2"][..]),
        ("each/a.xlsx", &["A1:C2", "A1:C2"]),
        ("each/b.xlsx", &["A1:C2"]),
    ] {
        let parts = parts(&folder.path().join(workbook));
        assert_eq!(
            parts["xl/styles.xml"].matches("<alignment vertical=\"top\"/>").count(),
            3,
            "{workbook}"
        );
        for (number, range) in (1..).zip(ranges) {
            let sheet = &parts[&format!("xl/worksheets/sheet{number}.xml")];
            let ignored = format!(
                "<ignoredError sqref=\"{range}\" numberStoredAsText=\"1\"/></ignoredErrors></worksheet>"
            );
            assert!(
                sheet.ends_with(&ignored),
                "{workbook}, sheet {number}: {}",
                &sheet[sheet.len() - 300..]
            );
        }
        assert!(!parts.contains_key(&format!("xl/worksheets/sheet{}.xml", ranges.len() + 1)));
    }
}

#[test]
fn first_rows_set_column_widths_and_row_heights() {
    let folder = tempfile::tempdir().unwrap();
    let html: String = (0..300)
        .map(|row| doc(&row.to_string(), "한국어 제목", &format!("\n  text {row}\n\n")))
        .collect();
    write(folder.path(), "in/1", html);
    // Rows after the first ones, and blank lines in a few, change nothing.
    write(
        folder.path(),
        "in/2",
        doc("2", &"long ".repeat(20), &"wide ".repeat(100)) + &doc("3", "t", "\n\n\nlow"),
    );
    write(folder.path(), "in/3", "<p>nothing here</p>");
    Run::sheaf(folder.path()).typed("run in -o all.xlsx --per-file each").finish().code(0);
    let look = |name: &str| look(&folder.path().join(name));
    assert_eq!(look("all.xlsx"), (vec![8, 12, 10], 30));
    assert_eq!(look("each/1.xlsx"), look("all.xlsx"));
    assert_eq!(look("each/2.xlsx"), (vec![8, 50, 80], 60));
    assert_eq!(look("each/3.xlsx"), (vec![8, 8, 8], 15), "no rows at all");
}

#[test]
fn rows_of_many_lines_keep_to_their_height() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in", doc("1", "t", "one line") + &doc("2", "t", "two\nlines"));
    Run::sheaf(folder.path()).typed("run in").finish().code(0);
    let sheet = parts(&folder.path().join("final.xlsx"))[SHEET_1].clone();
    assert!(
        sheet.contains("<row r=\"2\"><c") && sheet.contains("<row r=\"3\" customHeight=\"1\"><c"),
        "{sheet}"
    );
}

#[test]
fn the_archive_has_a_date_that_exists() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in", doc("1", "t", "x"));
    Run::sheaf(folder.path()).typed("run in").finish().code(0);
    let bytes = std::fs::read(folder.path().join("final.xlsx")).unwrap();
    // Version 2.0, no flags (so no descriptor), deflate, 00:00 on 1980-01-01.
    assert_eq!(bytes[..14], *b"PK\x03\x04\x14\0\0\0\x08\0\0\0\x21\0");
}

#[test]
fn column_names_are_read_back_unchanged() {
    let name = "column_names_are_read_back_unchanged";
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in", "<p>x</p>");
    let names = [
        "file_x0041\u{c}z",
        "_x0041\rz",
        "_x0042_",
        "\u{1}_x0041\u{1f}",
        "<&>",
        "+1",
        "007",
        "two\nlines",
    ];
    let run = Run::sheaf(folder.path()).typed("run in -o out.xlsx -o out.jsonl --record p");
    names
        .iter()
        .fold(run, |run, name| run.arg("--column").arg(format!("{name}=::text")))
        .finish()
        .code(0);
    let rows = rows_of(&folder.path().join("out.jsonl"));
    assert!(names.iter().all(|name| column(&rows, name) == ["x"]), "{rows:?}");
    let Some(python) = python(name) else { return };
    let wanted = json!({ "rows": [names, vec!["x"; names.len()]] });
    for reader in ["calamine", "openpyxl"] {
        expect_workbook(&python, reader, &folder.path().join("out.xlsx"), &wanted);
    }
}

#[test]
fn a_workbook_in_capitals_is_a_workbook() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in", doc("1", "t", &"x".repeat(CELL_UNITS + 1)));
    let said = |name: &str| {
        let run = Run::sheaf(folder.path()).typed("run in -o").arg(name).finish().code(0);
        let said = run.stderr();
        said.split_inclusive('\n')
            .filter(|line| !line.contains(" from "))
            .collect::<String>()
            .to_lowercase()
    };
    assert_eq!(said("OUT.XLSX"), said("out.xlsx"));
    assert!(said("OUT.XLSX").contains("2 sheets") && said("Out.Xlsx").contains("overflow"));
}

#[test]
fn names_unfit_for_a_workbook_are_refused_early() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in", "<doc>x</doc>");
    let long_sheet = "s".repeat(32);
    for name in [
        "",
        &long_sheet,
        "a[",
        "a]",
        "a:b",
        "a*",
        "a?",
        "a/b",
        "a\\b",
        "'a",
        "a'",
        "history",
        "a\u{ffff}",
        "a\u{1}",
    ] {
        let run = Run::sheaf(folder.path())
            .typed("run in -o out.xlsx")
            .arg(format!("--sheet-name={name}"));
        run.finish().code(2).says(&["a sheet cannot be named"]);
    }
    let long = |units: usize, c: &str| format!("{}=::text", c.repeat(units));
    for column in [long(CELL_UNITS + 1, "n"), long(CELL_UNITS / 7 + 1, "\u{1f}")] {
        let run = Run::sheaf(folder.path()).typed("run in -o out.xlsx --column").arg(&column);
        run.finish().code(2).says(&["a cell of a workbook holds 32,767"]);
        let run = Run::sheaf(folder.path()).typed("run in -o out.csv --column").arg(&column);
        run.finish().code(0);
    }
    assert!(!folder.path().join("out.xlsx").exists());
}
