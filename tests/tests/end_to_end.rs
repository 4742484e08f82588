//! Inputs to rows: the right ones, in the right order, and the same bytes however many processes
//! there are.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sheaf_tests::binary::{repository, shared};
use sheaf_tests::corpus::{column, doc, filtered, gzip, rows_of, write, write_many};
use sheaf_tests::python::{expect_workbook, python};
use sheaf_tests::{Run, skip, skip_without};

/// The ids of the rows of a run whose output is `out.jsonl`.
fn ids(folder: &Path) -> Vec<String> {
    column(&rows_of(&folder.join("out.jsonl")), "id").into_iter().map(String::from).collect()
}

#[test]
fn wiki_outputs_hold_the_rows_of_the_reference() {
    let name = "wiki_outputs_hold_the_rows_of_the_reference";
    let (Some(wiki), Some(reference)) = (shared("data/wiki"), shared("oracle/wiki.rows.jsonl"))
    else {
        return skip(name, "the reference data is not beside the repository");
    };
    let folder = tempfile::tempdir().unwrap();
    Run::sheaf(folder.path()).typed("run -o w.xlsx -o w.jsonl").arg(&wiki).finish().code(0);

    let wanted: Vec<Value> = rows_of(&reference)
        .into_iter()
        .map(|row| json!({ "id": row["id"], "title": row["title"], "text": row["text"] }))
        .collect();
    assert_eq!(wanted.len(), 130);
    let got = rows_of(&folder.path().join("w.jsonl"));
    assert_eq!(got.len(), wanted.len());
    for (got, wanted) in got.iter().zip(&wanted) {
        assert!(got == wanted, "the row with id {} differs", wanted["id"]);
    }

    let Some(python) = python(name) else { return };
    let mut cells = vec![json!(["id", "title", "text"])];
    let mut overflow = vec![json!(["cell", "part", "text"])];
    for (number, row) in wanted.iter().enumerate() {
        let mut parts = sheaf_common::cell::parts(row["text"].as_str().unwrap());
        cells.push(json!([row["id"], row["title"], parts.next()]));
        overflow.extend(parts.map(|part| json!([format!("C{}", number + 2), "", part])));
    }
    let mut read =
        sheaf_tests::python::read_workbook(&python, "calamine", &folder.path().join("w.xlsx"));
    let carried = read["overflow"].take();
    assert_eq!(carried.as_array().unwrap().len(), overflow.len(), "rows of the overflow sheet");
    for (carried, wanted) in carried.as_array().unwrap().iter().zip(&overflow).skip(1) {
        assert!(
            carried[0].as_str().unwrap().ends_with(wanted[0].as_str().unwrap()),
            "{} {}",
            carried[0],
            wanted[0]
        );
        assert!(carried[2] == wanted[2], "the part for {}", wanted[0]);
    }
    let whole = json!({ "rows": cells, "overflow": carried });
    expect_workbook(&python, "openpyxl-read-only", &folder.path().join("w.xlsx"), &whole);
}

#[test]
fn the_readme_sample_gives_rows_in_natural_order() {
    let folder = tempfile::tempdir().unwrap();
    let sample = repository().join("tests/sample");
    Run::sheaf(folder.path()).typed("run -o out.jsonl").arg(sample).finish().code(0);
    let rows = rows_of(&folder.path().join("out.jsonl"));
    assert_eq!(column(&rows, "id"), ["1", "2", "3", "4", "5", "6", "7", "8", "9", "007", "11"]);
    assert_eq!(rows[3]["title"], "볏단 이야기", "EUC-KR is recognised");
    assert_eq!(rows[9]["title"], "=1+1");
    assert!(rows[7]["text"].as_str().unwrap().len() > sheaf_common::cell::CELL_UNITS);
}

#[test]
fn any_number_of_processes_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    write_many(&folder.path().join("in"), 40, 25, Some(60));
    let outputs = ["xlsx", "csv", "jsonl", "csv.gz", "jsonl.zst"];
    for processes in [1, 2, 7] {
        let mut run = Run::sheaf(folder.path())
            .typed(&format!("run in -p {processes} --per-file each_{processes}"));
        for output in outputs {
            run = run.arg("-o").arg(format!("p{processes}.{output}"));
        }
        run.finish().code(0);
    }
    let read = |name: String| fs::read(folder.path().join(name)).unwrap();
    for processes in [2, 7] {
        for output in outputs {
            assert!(
                read(format!("p{processes}.{output}")) == read(format!("p1.{output}")),
                "{processes} {output}"
            );
        }
        for file in 0..40 {
            let one = |processes| read(format!("each_{processes}/file_{file}.xlsx"));
            assert!(
                one(processes) == one(1),
                "the workbook of file_{file} with {processes} processes"
            );
        }
    }
}

#[test]
fn rows_follow_input_order_and_natural_folder_order() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a/file_10", "a/file_2", "a/file_1", "a/sub/file_3", "z", "m"] {
        write(folder.path(), name, doc(name, "", ""));
    }
    Run::sheaf(folder.path()).typed("run z a m z a/file_2 -o out.jsonl").finish().code(0);
    let got = ids(folder.path());
    assert_eq!(
        (got[0].as_str(), got.last().unwrap().as_str(), got.len()),
        ("z", "m", 6),
        "a path counts once: {got:?}"
    );
    let at = |name: &str| got.iter().position(|id| id == name).unwrap();
    assert!(at("a/file_1") < at("a/file_2") && at("a/file_2") < at("a/file_10"), "{got:?}");
}

#[test]
fn a_list_on_standard_input_names_the_files() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["b", "a", "with blank"] {
        write(folder.path(), name, doc(name, "", ""));
    }
    for (list, wanted) in [
        ("b\nwith blank\na\n", ["b", "with blank", "a"]),
        ("a\0with blank\0b\0", ["a", "with blank", "b"]),
    ] {
        Run::sheaf(folder.path()).typed("run - -o out.jsonl").stdin(list).finish().code(0);
        assert_eq!(ids(folder.path()), wanted);
    }
}

#[test]
fn packed_files_are_read_through() {
    let name = "packed_files_are_read_through";
    if skip_without(name, &["bzip2", "zstd", "xz"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let html = |id: &str| doc(id, "packed", "한국어 😀").into_bytes();
    write(folder.path(), "in/1", html("1"));
    write(folder.path(), "in/2.gz", gzip(&html("2")));
    write(folder.path(), "in/3.bz2", filtered("bzip2", &["-c"], &html("3")));
    write(folder.path(), "in/4.zst", filtered("zstd", &["-qc"], &html("4")));
    write(folder.path(), "in/5.xz", filtered("xz", &["-c"], &html("5")));
    // Packers that work in parallel, and `cat a.gz b.gz`, write several members.
    write(folder.path(), "in/6.gz", [gzip(&html("6")), gzip(&html("7"))].concat());
    Run::sheaf(folder.path()).typed("run in -o out.jsonl").finish().code(0);
    assert_eq!(ids(folder.path()), ["1", "2", "3", "4", "5", "6", "7"]);
}

#[test]
fn encodings_are_recognised_or_taken_as_named() {
    let folder = tempfile::tempdir().unwrap();
    let korean =
        "가을이 되면 마을 사람들은 모두 논으로 나가 벼를 베고 묶어 볏단을 쌓았다. ".repeat(5);
    let russian =
        "Утром мы вышли в поле, к полудню связали сто снопов и сложили их в скирду. ".repeat(5);
    let encoded = |encoding: &'static encoding_rs::Encoding, text: &str, head: &str| {
        encoding.encode(&format!("{head}{}", doc("1", "t", text))).0.into_owned()
    };
    let utf16: Vec<u8> = format!("\u{feff}{}", doc("1", "t", &korean))
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    write(folder.path(), "in/1", encoded(encoding_rs::EUC_KR, &korean, ""));
    write(folder.path(), "in/2", encoded(encoding_rs::EUC_KR, &korean, "<meta charset=euc-kr>"));
    write(folder.path(), "in/3", encoded(encoding_rs::WINDOWS_1251, &russian, ""));
    write(folder.path(), "in/4", utf16);
    write(folder.path(), "in/5", format!("\u{feff}{}", doc("1", "t", &russian)));
    Run::sheaf(folder.path()).typed("run in -o out.jsonl").finish().code(0);
    assert_eq!(
        column(&rows_of(&folder.path().join("out.jsonl")), "text"),
        [&korean, &korean, &russian, &korean, &russian]
    );

    Run::sheaf(folder.path())
        .typed("run in/3 --encoding windows-1251 -o named.jsonl")
        .finish()
        .code(0);
    assert_eq!(column(&rows_of(&folder.path().join("named.jsonl")), "text"), [&russian]);
}

#[test]
fn recipes_choose_records_columns_and_a_source_column() {
    let folder = tempfile::tempdir().unwrap();
    let shop =
        "<ul><li class=p><b>Tea &amp; cake</b> <a href='/1'>more</a><li class=p><b>Jam</b></ul>";
    write(folder.path(), "in/shop.html", shop);
    let recipe = "record = 'li.p'\n[[column]]\nname = 'name'\nvalue = 'b::text'\n[[column]]\nname = 'link'\n\
        value = 'a::attr(href)'\n";
    write(folder.path(), "shop.toml", recipe);
    let wanted = |row: &Value| row["name"] == "Tea & cake" && row["link"] == "/1";
    let typed = ["--record", "li.p", "--column", "name=b::text", "--column", "link=a::attr(href)"];
    let by_options = typed
        .iter()
        .fold(Run::sheaf(folder.path()).typed("run in -o a.jsonl"), |run, arg| run.arg(arg));
    by_options.arg("--source-column").finish().code(0);
    Run::sheaf(folder.path())
        .typed("run in -o b.jsonl --recipe shop.toml --source-column=file")
        .finish()
        .code(0);
    let (a, b) = (rows_of(&folder.path().join("a.jsonl")), rows_of(&folder.path().join("b.jsonl")));
    assert!(wanted(&a[0]) && wanted(&b[0]), "{a:?} {b:?}");
    assert_eq!(a[1]["link"], Value::Null);
    assert!(a[0]["source"].as_str().unwrap().ends_with("in/shop.html"), "{a:?}");
    assert!(b[0]["file"].as_str().unwrap().ends_with("in/shop.html"), "{b:?}");
}

#[test]
fn preview_shows_the_first_rows() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "page", doc("17", "볏단", "text with <markup>"));
    let shown = Run::sheaf(folder.path()).typed("preview page").finish().code(0).stdout();
    assert!(
        ["id", "title", "17", "볏단", "text with <markup>"].iter().all(|word| shown.contains(word)),
        "{shown}"
    );
}

#[test]
fn a_dry_run_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in/a", doc("1", "", ""));
    let run = Run::sheaf(folder.path()).typed("run in -o out.csv --dry-run").finish().code(0);
    assert!((run.stdout() + &run.stderr()).contains("out.csv"), "{run}");
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["in"]);
}

#[test]
fn the_demo_starts_and_ends_every_item() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::sheaf(folder.path())
        .typed("demo --items 10 --processes 6 --seconds 0.01..0.05")
        .finish()
        .code(0);
    let shown = run.stdout();
    for item in 1..=10 {
        let lines =
            |word: &str| shown.lines().filter(|line| *line == format!("{word} item{item}")).count();
        assert_eq!((lines("Start"), lines("End")), (1, 1), "item{item} in:\n{shown}");
    }
}

#[test]
fn nested_records_are_records_too() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a", "<doc id=1>a<doc id=2>in</doc>b</doc>");
    Run::sheaf(folder.path()).typed("run a -o out.jsonl").finish().code(0);
    assert_eq!(column(&rows_of(&folder.path().join("out.jsonl")), "text"), ["ainb", "in"]);
}
