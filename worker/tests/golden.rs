//! Golden cases: each folder in `cases/` has an `input.html`, an `expected.jsonl`, a note, and
//! perhaps a recipe.
//!
//! Also compares with the rows of the reference program, where its files are at hand.

mod common;

use std::fs;
use std::path::Path;

use common::{rows, source, spec};
use serde_json::{Map, Value};
use sheaf_common::recipe::Recipe;
use sheaf_worker::extract::Extractor;

/// The rows of a file as JSON objects.
fn objects(recipe: &Recipe, path: &Path) -> Vec<Value> {
    let extractor = Extractor::new(&spec(recipe.clone())).unwrap();
    let (rows, extracted) = rows(&extractor, &source(path), recipe.columns.len());
    assert!(extracted.result.is_ok(), "{}: {extracted:?}", path.display());
    let object = |row: Vec<Option<String>>| {
        let names = recipe.columns.iter().map(|column| column.name.clone());
        Value::Object(names.zip(row.into_iter().map(Value::from)).collect::<Map<_, _>>())
    };
    rows.into_iter().map(object).collect()
}

fn lines(path: &Path) -> Vec<Value> {
    fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn cases_give_their_expected_rows() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut count = 0;
    let mut wrong = Vec::new();
    for case in fs::read_dir(folder).unwrap() {
        let case = case.unwrap().path();
        let recipe = match fs::read_to_string(case.join("recipe.toml")) {
            Ok(text) => Recipe::from_toml(&text).unwrap(),
            Err(_) => Recipe::default(),
        };
        let found = objects(&recipe, &case.join("input.html"));
        let expected = lines(&case.join("expected.jsonl"));
        if found != expected {
            wrong.push(format!(
                "{}\n   found    {found:?}\n   expected {expected:?}",
                case.display()
            ));
        }
        count += 1;
    }

    assert!(wrong.is_empty(), "{} of {count} cases:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 30, "only {count} cases were found");
}

#[test]
fn wiki_files_give_the_rows_of_the_reference() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let (wiki, reference) = (shared.join("data/wiki"), shared.join("oracle/wiki.rows.jsonl"));
    if !wiki.is_dir() || !reference.is_file() {
        common::skipped("wiki_files_give_the_rows_of_the_reference", "../shared is not here");
        return;
    }

    let mut files: Vec<_> =
        fs::read_dir(wiki).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut found = Vec::new();
    for path in files {
        for mut row in objects(&Recipe::default(), &path) {
            row["file"] = path.file_name().unwrap().to_str().unwrap().into();
            found.push(row);
        }
    }

    let expected = lines(&reference);
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert!(found == expected, "{} of {}", expected["id"], expected["file"]);
    }
}
