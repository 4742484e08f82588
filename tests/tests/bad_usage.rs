//! What is typed wrong, or cannot be written: exit code 2 or 3, the reason, and a hint that can be
//! typed.

use std::fs;
use std::path::Path;

use sheaf_tests::corpus::{doc, write};
use sheaf_tests::faults::dice::Dice;
use sheaf_tests::mounts::Mount;
use sheaf_tests::{Finished, Run};
use tempfile::TempDir;

fn with_input() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in", doc("1", "t", "x"));
    folder
}

/// Runs with these arguments; none has a blank in it.
fn typed(folder: &Path, args: &str) -> Finished {
    Run::sheaf(folder).typed("run in").typed(args).finish()
}

/// Checks that a run refused to begin: its exit code, its words, and that it wrote nothing.
#[track_caller]
fn refused(args: &str, code: i32, words: &[&str]) {
    let folder = with_input();
    typed(folder.path(), args).code(code).says(words);
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["in"], "nothing was written");
}

#[test]
fn a_bad_selector_is_shown_with_the_place() {
    refused("--record a[[", 2, &["error:", "record", "a[[", "character"]);
    refused("--column x=a[[::text", 2, &["error:", "`x`", "a[[", "character"]);
}

#[test]
fn a_bad_column_expression_gets_a_suggestion() {
    refused(
        "--column price=.price",
        2,
        &["`price`", "expected", "got `.price`", "hint:", "`.price::text`"],
    );
    refused("--column link=a@href", 2, &["`link`", "hint:", "`a::attr(href)`"]);
    refused("--column price", 2, &["NAME=", "got `price`"]);
}

#[test]
fn two_columns_of_one_name_are_refused() {
    refused("--column a=::text --column a=::attr(id)", 2, &["two columns", "`a`"]);
    refused("--source-column=title", 2, &["two columns", "`title`"]);
}

#[test]
fn an_unknown_extension_is_told_the_known_ones() {
    refused("-o out.xls", 2, &["out.xls", "hint:", ".xlsx"]);
    refused("-o out.parquet", 2, &["parquet", "hint:", ".xlsx", ".csv", ".jsonl"]);
    refused("-o out", 2, &["`out`", "extension", "hint:"]);
}

#[test]
fn bad_values_show_what_is_expected() {
    refused("--time-limit soon", 2, &["--time-limit", "soon", "60s|2m"]);
    refused("--memory-limit much", 2, &["--memory-limit", "much", "2GiB"]);
    refused("--processes 0", 2, &["--processes", "0"]);
    refused("--encoding klingon", 2, &["klingon", "encoding"]);
    refused("--sheet-name a/b", 2, &["a/b"]);
    refused("--long-cells shrink", 2, &["overflow", "truncate", "fail"]);
    refused("-o a.csv -o a.csv", 2, &["a.csv"]);
}

#[test]
fn a_recipe_error_names_its_column_or_line() {
    let folder = with_input();
    write(
        folder.path(),
        "shop.toml",
        "record = 'p'\n[[column]]\nname = 'price'\nvalue = '.price'\n",
    );
    typed(folder.path(), "--recipe shop.toml").code(2).says(&[
        "shop.toml",
        "`price`",
        "got `.price`",
        "hint:",
    ]);
    write(folder.path(), "torn.toml", "record = 'p'\ncolumn ==\n");
    typed(folder.path(), "--recipe torn.toml").code(2).says(&["torn.toml", "line 2"]);
    typed(folder.path(), "--recipe absent.toml")
        .code(2)
        .says(&["absent.toml", "no such file|not there|not found"]);
}

#[test]
fn a_missing_or_invalid_output_folder_is_named() {
    refused("-o nowhere/out.csv", 3, &["nowhere", "no folder|does not exist|not there", "hint:"]);
    refused("-o in/out.csv", 3, &["in", "not a folder"]);
    refused("--per-file in/each", 3, &["in", "not a folder"]);
}

#[test]
fn a_read_only_output_folder_is_named() {
    let folder = with_input();
    let place = folder.path().join("closed");
    let Some(mount) = Mount::tmpfs("a_read_only_output_folder_is_named", &place, "1m") else {
        return;
    };
    mount.change("ro");
    typed(folder.path(), "-o closed/out.csv")
        .code(3)
        .says(&["closed", "read-only|not writable|cannot write"]);
}

#[test]
fn a_full_disk_ends_a_run_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("small");
    let name = "a_full_disk_ends_a_run_cleanly";
    let Some(mount) = Mount::tmpfs(name, &place, "1m") else { return };
    // Digits of random numbers compress to about 42 %: 8 MB of them do not fit.
    let mut dice = Dice::new(1);
    for file in 0..8 {
        let digits: String = (0..100_000).map(|_| format!("{:010}", dice.roll() >> 33)).collect();
        write(folder.path(), &format!("in/{file}"), doc(&file.to_string(), "digits", &digits));
    }
    let outputs = "run in -o small/out.xlsx -o small/out.csv.gz";
    Run::sheaf(folder.path())
        .typed(outputs)
        .finish()
        .code(3)
        .says(&["disk is full|no space", "small"]);
    assert!(
        !place.join("out.xlsx").exists() && !place.join("out.csv.gz").exists(),
        "no half-written output"
    );

    mount.change("size=64m");
    Run::sheaf(folder.path()).typed(outputs).finish().code(0);
    Run::sheaf(folder.path()).typed("run in -o whole.xlsx -o whole.csv.gz").finish().code(0);
    for form in ["xlsx", "csv.gz"] {
        let read = |name: String| fs::read(folder.path().join(name)).unwrap();
        assert!(
            read(format!("small/out.{form}")) == read(format!("whole.{form}")),
            "other bytes in {form}"
        );
    }
}
