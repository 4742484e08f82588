//! Children that die, and inputs that change while a run is under way.

use std::fs;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sheaf_tests::corpus::{column, doc, rows_of, slow_html, write};
use sheaf_tests::joblog::column_of_log;
use sheaf_tests::process::{children, cpu_ticks, wait_for};
use sheaf_tests::{Run, Running};

/// So many attributes take some tenths of a second or seconds to parse, far below the time limit.
const SLOW: usize = 40_000;
/// A child that has used so many ticks (10 ms) is at work on the slow file: the others take none.
const AT_WORK: u64 = 10;

/// Waits until a child is at work on the slow file, and gives it.
fn child_at_work(run: &mut Running) -> u32 {
    wait_for("a child at work", Duration::from_secs(60), || {
        assert!(
            !run.has_ended(),
            "the run ended before its child was seen at work:\n{}",
            run.stderr()
        );
        children(run.pid()).into_iter().find(|&child| cpu_ticks(child) >= AT_WORK)
    })
}

#[test]
fn a_killed_childs_file_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in/1", doc("1", "", "before"));
    write(folder.path(), "in/2_slow", slow_html("2", SLOW));
    write(folder.path(), "in/3", doc("3", "", "after"));
    Run::sheaf(folder.path()).typed("run in -p 1 -o whole.xlsx -o whole.jsonl").finish().code(0);

    let mut run = Run::sheaf(folder.path())
        .typed("run in -p 1 -o out.xlsx -o out.jsonl --joblog log.tsv")
        .start();
    let child = child_at_work(&mut run);
    kill(Pid::from_raw(child as i32), Signal::SIGKILL).expect("the child lives");
    run.finish().code(0);
    for form in ["xlsx", "jsonl"] {
        let read = |name: &str| fs::read(folder.path().join(format!("{name}.{form}"))).unwrap();
        assert!(read("out") == read("whole"), "other bytes in {form}");
    }
    let log = fs::read_to_string(folder.path().join("log.tsv")).unwrap();
    let attempts = column_of_log(&log, "attempts");
    assert_eq!(attempts, ["1", "2", "1"], "only the slow file was tried twice:\n{log}");
}

#[test]
fn a_file_is_given_up_after_repeated_deaths() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in/1", doc("1", "", "before"));
    write(folder.path(), "in/2_slow", slow_html("2", SLOW));
    write(folder.path(), "in/3", doc("3", "", "after"));
    let mut run = Run::sheaf(folder.path())
        .typed("run in -p 1 --retries 1 -o out.jsonl --joblog log.tsv")
        .start();
    for _ in 0..2 {
        let child = child_at_work(&mut run);
        kill(Pid::from_raw(child as i32), Signal::SIGKILL).expect("the child lives");
        let gone = || (!children(run.pid()).contains(&child)).then_some(());
        wait_for("the killed child to go", Duration::from_secs(10), gone);
    }
    run.finish().code(1).says(&["2_slow", "killed"]);
    let log = fs::read_to_string(folder.path().join("log.tsv")).unwrap();
    assert_eq!(column_of_log(&log, "status"), ["done", "dead", "done"], "{log}");
    assert_eq!(column_of_log(&log, "kind"), ["", "crashed", ""], "{log}");
    assert_eq!(column(&rows_of(&folder.path().join("out.jsonl")), "id"), ["1", "3"]);
}

#[test]
fn files_changed_or_removed_after_discovery_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in/1_slow", slow_html("1", SLOW));
    // Large enough to be tasks of their own, so that nobody has read them when the slow one is at
    // work.
    let padding = "padding ".repeat(300_000);
    for name in ["2_good", "3_gone", "4_longer", "5_same_length", "6_good"] {
        write(folder.path(), &format!("in/{name}"), doc(name, "", &padding));
    }
    // Made before the run begins, which does not wait for them.
    let longer = doc("4_longer", "", &format!("{padding}!"));
    let same_length = doc("5_same_length", "", &padding.replace("pad", "bad"));

    let mut run =
        Run::sheaf(folder.path()).typed("run in -p 1 -o out.jsonl --joblog log.tsv").start();
    child_at_work(&mut run);
    fs::remove_file(folder.path().join("in/3_gone")).unwrap();
    write(folder.path(), "in/4_longer", longer);
    write(folder.path(), "in/5_same_length", same_length);
    let run = run.finish().code(1);
    let said = run.stderr();
    run.says(&["3_gone", "4_longer", "5_same_length", "changed"]);
    assert_eq!(
        column(&rows_of(&folder.path().join("out.jsonl")), "id"),
        ["1", "2_good", "6_good"],
        "{said}"
    );
    let log = fs::read_to_string(folder.path().join("log.tsv")).unwrap();
    assert_eq!(column_of_log(&log, "kind"), ["", "", "gone", "changed", "changed", ""], "{log}");
}
