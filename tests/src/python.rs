//! The Python side of the tests: the virtual environment that `tests/run` makes, and the readers of
//! workbooks.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::binary::repository;
use crate::skip::skip;

/// The interpreter with the packages of `tests/python/requirements.txt`. `None`, and the test
/// `name` is skipped, if there is none.
pub fn python(name: &str) -> Option<PathBuf> {
    let python = repository().join("target/python/bin/python");
    if !python.exists() {
        skip(name, "no Python environment in target/python: `./tests/run` makes it");
        return None;
    }
    Some(python)
}

/// A script of `tests/python`, ready for its arguments.
pub fn script(python: &Path, name: &str) -> Command {
    let mut command = Command::new(python);
    command.arg("-W").arg("ignore").arg(repository().join("tests/python").join(name));
    command
}

/// All cells by `reader`: `{sheet: [[cell, …], …], …}`.
pub fn read_workbook(python: &Path, reader: &str, workbook: &Path) -> Value {
    json(script(python, "read_workbook.py").arg(reader).arg(workbook))
}

/// Size and first, second and last row of each sheet: `{sheet: {rows, first, second, last}, …}`.
pub fn summary(python: &Path, reader: &str, workbook: &Path) -> Value {
    json(script(python, "read_workbook.py").arg(reader).arg(workbook).arg("--summary"))
}

/// Checks that `reader` reads the cells `expected`, in the form of [`read_workbook`], but for its
/// documented quirks.
#[track_caller]
pub fn expect_workbook(python: &Path, reader: &str, workbook: &Path, expected: &Value) {
    let wanted = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(wanted.path(), expected.to_string()).expect("written");
    let mut command = script(python, "read_workbook.py");
    let output = command
        .arg(reader)
        .arg(workbook)
        .arg("--expect")
        .arg(wanted.path())
        .output()
        .expect("Python starts");
    assert!(
        output.status.success(),
        "{reader} reads other cells:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn json(command: &mut Command) -> Value {
    let output = command.output().expect("Python starts");
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the script prints JSON")
}
