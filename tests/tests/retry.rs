//! Runs that read only some of the failed files of an earlier run again, as the library does them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sheaf::reuse::{Again, Reuse};
use sheaf::run::Finished;
use sheaf_common::problem::ProblemKind;
use sheaf_tests::corpus::{doc, write, write_many};
use sheaf_tests::in_process::{Blind, prepared};
use sheaf_tests::incremental::{LITTLE_MEMORY, large_when_unpacked};

/// Inputs with three files that fail: one is too large for little memory, two are not text.
fn inputs(folder: &Path) -> PathBuf {
    let inputs = folder.join("in");
    write_many(&inputs, 12, 24, Some(8));
    write(&inputs, "bad_1", b"\0\x01\x02".repeat(999));
    write(&inputs, "bad_2", b"\0\x01\x03".repeat(999));
    write(&inputs, "large.gz", large_when_unpacked());
    inputs
}

/// Runs with these settings, in this process.
async fn run(folder: &Path, output: &str, typed: &str, reuse: Reuse) -> Finished {
    let (mut run, _interrupter) =
        prepared(&folder.join("in"), &folder.join(output), &format!("-p 2 {typed}"), Blind);
    Arc::make_mut(&mut run.config).reuse = reuse;
    run.execute().await.unwrap()
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    fs::read(folder.join(name)).unwrap()
}

fn keeping(attempt: u32) -> Reuse {
    Reuse { keep: true, attempt, ..Reuse::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_wanted_kinds_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    inputs(folder);

    let first = run(folder, "a.xlsx", LITTLE_MEMORY, keeping(0)).await;
    assert_eq!((first.tally.failed, first.tally.reused), (3, 0));

    // A file that has changed would be read in any case.
    write(folder, "in/bad_1", doc("1", "", "good now"));
    let kinds = BTreeSet::from([ProblemKind::TooLarge]);
    let reuse = Reuse { again: Again::Kinds(kinds), ..keeping(1) };
    let second = run(folder, "a.xlsx", "", reuse).await;
    assert_eq!((second.tally.failed, second.tally.reused), (1, 13));

    run(folder, "b.xlsx", "", Reuse::default()).await;
    assert!(read(folder, "a.xlsx") == read(folder, "b.xlsx"), "other bytes");

    let third = run(folder, "a.xlsx", "", keeping(2)).await;
    assert_eq!((third.tally.failed, third.tally.reused), (1, 14), "all failed ones are read again");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_folder_is_read_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    inputs(folder);
    run(folder, "a.xlsx", "", keeping(0)).await;
    let kept = folder.join("a.xlsx.sheaf");
    let before = fs::read_dir(&kept).unwrap().count();

    let reuse = Reuse { earlier: Some(kept.clone()), ..keeping(0) };
    let second = run(folder, "b.xlsx", "", reuse.clone()).await;
    assert_eq!((second.tally.failed, second.tally.reused), (2, 13));
    assert!(read(folder, "a.xlsx") == read(folder, "b.xlsx"), "other bytes");
    assert_eq!(fs::read_dir(&kept).unwrap().count(), before);

    // Without keeping anything itself.
    let third = run(folder, "c.xlsx", "", Reuse { keep: false, ..reuse }).await;
    assert_eq!((third.tally.reused, third.kept), (13, None));
    assert!(read(folder, "a.xlsx") == read(folder, "c.xlsx"), "other bytes");
    assert!(!folder.join("c.xlsx.sheaf").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_runs_are_resumed_or_retried() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    inputs(folder);

    // What stands there cannot be written over: the run ends with all units in its journal.
    let in_the_way = folder.join(".a.xlsx.unfinished");
    fs::create_dir(&in_the_way).unwrap();
    let (mut first, _interrupter) = prepared(
        &folder.join("in"),
        &folder.join("a.xlsx"),
        &format!("-p 2 {LITTLE_MEMORY}"),
        Blind,
    );
    Arc::make_mut(&mut first.config).reuse = keeping(0);
    first.execute().await.unwrap_err();
    fs::remove_dir(&in_the_way).unwrap();

    // Of another attempt: the files that failed are read again, though their units were stored.
    let second = run(folder, "a.xlsx", "", keeping(1)).await;
    assert_eq!((second.tally.failed, second.tally.reused), (2, 12));
    run(folder, "b.xlsx", "", Reuse::default()).await;
    assert!(read(folder, "a.xlsx") == read(folder, "b.xlsx"), "other bytes");
}
