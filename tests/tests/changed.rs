//! Inputs that are others when an interrupted run is gone on with.

use std::fs;
use std::path::Path;

use nix::sys::signal::Signal;
use sheaf_tests::Run;
use sheaf_tests::corpus::{doc, slow_html, write, write_many};
use sheaf_tests::job::{LONG, size};
use sheaf_tests::process::wait_for;
use tempfile::TempDir;

const COMMAND: &str =
    "run in -p 2 --time-limit 10h -o out/a.xlsx -o out/a.jsonl --per-file each --joblog log.tsv";

/// So many attributes take a child hours: no run of these inputs ends by itself.
const ENDLESS: usize = 2_000_000;

/// A folder with a run that was stopped after some of its units, at a last file that takes for
/// ever.
fn interrupted() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("out")).unwrap();
    write_many(&folder.path().join("in"), 30, 24, Some(8));
    write(folder.path(), "in/slow", slow_html("slow", ENDLESS));
    let mut run = Run::sheaf(folder.path()).typed(COMMAND).start();
    wait_for("a unit to be done", LONG, || {
        assert!(!run.has_ended(), "{}", run.stderr());
        fs::metadata(folder.path().join("out/a.xlsx.sheaf/journal"))
            .is_ok_and(|file| file.len() > 0)
            .then_some(())
    });
    run.signal(Signal::SIGTERM);
    run.finish().code(4);
    assert!(size(&folder.path().join("out/a.xlsx.sheaf/streams")) > 0);
    // It was only there so that the run did not end.
    fs::remove_file(folder.path().join("in/slow")).unwrap();
    folder
}

/// All that a run wrote, by name.
fn written(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = vec![("log".to_string(), lines_without_times(&folder.join("log.tsv")))];
    for place in ["out", "each"] {
        for entry in fs::read_dir(folder.join(place)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                continue; // It is kept for the next run.
            }
            all.push((path.display().to_string(), fs::read(path).unwrap()));
        }
    }
    all.sort();
    all
}

/// Sequence, path, status, kind, reason and rows of each line of a job log.
fn lines_without_times(path: &Path) -> Vec<u8> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| line.split('\t').take(6).collect::<Vec<_>>().join("\t"));
    lines.collect::<Vec<_>>().join("\n").into_bytes()
}

#[test]
fn changed_gives_the_bytes_of_a_fresh_run() {
    type Change = fn(&Path);
    let changes: [(&str, bool, Change); 5] = [
        ("new at the end", true, |folder| drop(write(folder, "in/zzz", doc("new", "", "new")))),
        ("changed at the end", true, |folder| {
            drop(write(folder, "in/file_29", doc("29", "", "changed")))
        }),
        ("changed at the front", false, |folder| {
            drop(write(folder, "in/file_0", doc("0", "", "changed")))
        }),
        ("new at the front", false, |folder| drop(write(folder, "in/a", doc("a", "", "new")))),
        ("gone from the front", false, |folder| fs::remove_file(folder.join("in/file_1")).unwrap()),
    ];
    for (what, keeps, change) in changes {
        let folder = interrupted();
        change(folder.path());
        let run = Run::sheaf(folder.path()).typed(COMMAND).arg("--changed").finish().code(0);
        let run = run.says(&["the inputs have changed since the interrupted run: "]);
        assert_eq!(run.stderr().contains("going on after"), keeps, "{what}: {run}");

        let gone_on = written(folder.path());
        for place in ["out", "each"] {
            fs::remove_dir_all(folder.path().join(place)).unwrap();
        }
        fs::create_dir(folder.path().join("out")).unwrap();
        Run::sheaf(folder.path()).typed(COMMAND).finish().code(0);
        // A workbook of a file that is gone stays, as it would beside any later run.
        let fresh = written(folder.path());
        for one in &fresh {
            assert!(gone_on.contains(one), "{what}: other bytes in {}", one.0);
        }
    }
}

#[test]
fn appended_files_join_the_last_unit_on_resume() {
    let folder = tempfile::tempdir().unwrap();
    write_many(&folder.path().join("in"), 4, 20, None);
    let command = "run in -p 2 -o a.xlsx -o a.jsonl";
    // What stands there cannot be written over, so the run ends with all units in its journal.
    let in_the_way = folder.path().join(".a.xlsx.unfinished");
    fs::create_dir(&in_the_way).unwrap();
    Run::sheaf(folder.path())
        .typed(command)
        .finish()
        .code(3)
        .says(&["could not write", "the same command goes on"]);
    fs::remove_dir(&in_the_way).unwrap();

    write(folder.path(), "in/file_9", doc("9", "", "new"));
    Run::sheaf(folder.path()).typed(command).arg("--changed").finish().code(0);
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    let gone_on = [read("a.xlsx"), read("a.jsonl")];
    Run::sheaf(folder.path()).typed(command).finish().code(0);
    assert!(gone_on == [read("a.xlsx"), read("a.jsonl")], "other bytes");
}

#[test]
fn changed_inputs_are_named_and_both_options_offered() {
    let folder = interrupted();
    let refused = Run::sheaf(folder.path()).typed(COMMAND).finish().code(3);
    refused.says(&[
        "the inputs have changed",
        "1 file gone (`in/slow`)",
        "`--changed`",
        "first 30 files",
        "`--fresh`",
    ]);

    let other = Run::sheaf(folder.path()).typed(COMMAND).typed("--source-column").finish().code(3);
    other.says(&["was another one", "--source-column was none", "1 file gone", "`--fresh`"]);
    // A job that is run again and again never stops to ask, whatever has changed.
    let anew = Run::sheaf(folder.path())
        .typed(COMMAND)
        .typed("--source-column --changed")
        .finish()
        .code(0);
    anew.says(&["starting over", "--source-column was none"]);
}

#[test]
fn changed_has_no_effect_without_changes() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in/1", doc("1", "", "one"));
    for _ in 0..2 {
        let run = Run::sheaf(folder.path()).typed("run in -o a.jsonl --changed").finish().code(0);
        assert!(!run.stderr().contains("have changed"), "{run}");
    }
}
