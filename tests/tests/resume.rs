//! Kill -9 or Ctrl-C at any moment, then the same command: the same bytes as a run that nobody
//! disturbed.

use std::fs;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use sheaf_tests::corpus::{doc, write, write_many};
use sheaf_tests::job::size;
use sheaf_tests::process::wait_for;
use sheaf_tests::{Run, Running};
use tempfile::TempDir;

const COMMAND: &str = "run in -o out/final.xlsx -o out/final.jsonl -p 2";

/// A folder with inputs that take a while, and the bytes of a run that nobody disturbs.
fn undisturbed() -> (TempDir, [Vec<u8>; 2]) {
    let folder = tempfile::tempdir().unwrap();
    write_many(&folder.path().join("in"), 50, 24, Some(8));
    fs::create_dir(folder.path().join("out")).unwrap();
    Run::sheaf(folder.path()).typed(COMMAND).finish().code(0);
    let bytes = outputs(folder.path());
    for name in fs::read_dir(folder.path().join("out")).unwrap() {
        fs::remove_file(name.unwrap().path()).unwrap();
    }
    (folder, bytes)
}

fn outputs(folder: &Path) -> [Vec<u8>; 2] {
    ["xlsx", "jsonl"].map(|form| fs::read(folder.join(format!("out/final.{form}"))).unwrap())
}

/// Starts the job and waits until what it has written reaches `percent` of the size of its outputs.
fn started(folder: &Path, whole: &[Vec<u8>; 2], percent: u64) -> Running {
    let goal = (whole.iter().map(|bytes| bytes.len() as u64).sum::<u64>() * percent / 100).max(1);
    let mut run = Run::sheaf(folder).typed(COMMAND).start();
    wait_for(&format!("{percent} % of the output"), Duration::from_secs(120), || {
        (size(&folder.join("out")) >= goal || run.has_ended()).then_some(())
    });
    run
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn finishes_the_same(folder: &Path, whole: &[Vec<u8>; 2], when: &str) {
    Run::sheaf(folder).typed(COMMAND).finish().code(0);
    assert!(&outputs(folder) == whole, "other bytes after a run ended at {when}");
    assert_eq!(
        names(&folder.join("out")),
        ["final.jsonl", "final.xlsx"],
        "nothing is left beside the outputs"
    );
}

#[test]
fn a_killed_run_resumes_to_the_same_bytes() {
    let (folder, whole) = undisturbed();
    for percent in [0, 15, 40, 65, 90, 130] {
        started(folder.path(), &whole, percent).crash();
        finishes_the_same(folder.path(), &whole, &format!("{percent} %"));
        for name in names(&folder.path().join("out")) {
            fs::remove_file(folder.path().join("out").join(name)).unwrap();
        }
    }
}

#[test]
fn repeated_kills_still_give_the_same_bytes() {
    let (folder, whole) = undisturbed();
    for percent in [10, 30, 50, 70, 90] {
        started(folder.path(), &whole, percent).crash();
    }
    finishes_the_same(folder.path(), &whole, "several moments");
}

#[test]
fn ctrl_c_stops_a_resumable_run_cleanly() {
    let (folder, whole) = undisturbed();
    let run = started(folder.path(), &whole, 20);
    run.signal(Signal::SIGINT);
    run.finish().code(4).says(&["same command"]);
    assert!(
        !folder.path().join("out/final.xlsx").exists(),
        "an output appears whole or not at all"
    );
    finishes_the_same(folder.path(), &whole, "Ctrl-C");
}

#[test]
fn ctrl_c_twice_within_a_second_counts_once() {
    let (folder, whole) = undisturbed();
    let run = started(folder.path(), &whole, 20);
    run.signal(Signal::SIGINT);
    run.signal(Signal::SIGINT);
    run.finish().code(4).says(&["interrupted by SIGINT", "same command"]);
    finishes_the_same(folder.path(), &whole, "Ctrl-C twice");
}

#[test]
fn changes_are_named_and_fresh_starts_over() {
    let (folder, whole) = undisturbed();
    started(folder.path(), &whole, 20).crash();
    let other = format!("{COMMAND} --source-column");
    let refused = Run::sheaf(folder.path()).typed(&other).finish();
    assert!(!refused.status.success(), "another recipe must not go on: {refused}");
    refused.says(&["--fresh", "source|column|recipe"]);

    write(folder.path(), "in/file_7", doc("new", "new", "changed"));
    let refused = Run::sheaf(folder.path()).typed(COMMAND).finish();
    assert!(!refused.status.success(), "other inputs must not go on: {refused}");
    refused.says(&["--fresh", "file_7"]);

    Run::sheaf(folder.path()).typed(COMMAND).arg("--fresh").finish().code(0);
    assert_eq!(names(&folder.path().join("out")), ["final.jsonl", "final.xlsx"]);
}
