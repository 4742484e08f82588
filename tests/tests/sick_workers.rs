//! Workers that cannot work, and files that one worker cannot read and another can.

use std::fs;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sheaf_common::VERSION;
use sheaf_common::queue::WorkerInfo;
use sheaf_tests::conformance::LEASE;
use sheaf_tests::corpus::{column, doc, rows_of, slow_html, write};
use sheaf_tests::job::{LONG, job, size};
use sheaf_tests::joblog::column_of_log;
use sheaf_tests::place::{Place, drain, says};
use sheaf_tests::process::{Resource, children, cpu_ticks, limit, limit_for_now, wait_for};
use sheaf_tests::{Run, Running, server};

/// So many attributes take some tenths of a second or seconds to parse.
const SLOW: usize = 40_000;
/// What has used so many ticks (10 ms) is at work on the slow file.
const AT_WORK: u64 = 10;
/// What the children of a small machine may hold, and a file whose tree is larger.
const SMALL: u64 = 128 << 20;
const MANY_TAGS: usize = 800_000;

/// From now on it can open no file, no pipe and no socket.
fn may_open_nothing(run: &Running) {
    limit(run.pid(), Resource::RLIMIT_NOFILE, 1);
}

fn kill_children(run: &Running) {
    children(run.pid())
        .into_iter()
        .for_each(|child| kill(Pid::from_raw(child as i32), Signal::SIGKILL).unwrap_or(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfit_worker_harms_no_file_and_leaves() {
    let server = server!("an_unfit_worker_harms_no_file_and_leaves");
    let place = Place::at(server.url());
    let sick = place.new_worker("-p 2").start();
    // Its connections are there, and its children not any more.
    Run::sheaf(place.folder())
        .typed("demo --items 4 --seconds 0 --redis")
        .arg(place.url())
        .finish()
        .code(0);
    job();
    may_open_nothing(&sick);
    let run = place.new_run("").start();
    says(&sick, "cannot work just now");
    // Beside one that can.
    let healthy = place.worker("");
    run.finish().code(0);
    place.has_the_same_bytes();
    drain(healthy);

    // Alone, and with nothing left to try.
    fs::remove_dir_all(place.folder().join("out")).unwrap();
    fs::create_dir(place.folder().join("out")).unwrap();
    let run = place.new_run("").start();
    sick.finish().code(3).says(&["error: ", "cannot work|can be opened", "hint:", "ulimit -n"]);
    let _healthy = place.worker("");
    run.finish().code(0);
    place.has_the_same_bytes();
}

#[test]
fn runs_on_unfit_machines_can_be_resumed() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in/1", doc("1", "", "before"));
    write(folder.path(), "in/2_slow", slow_html("2", SLOW));
    write(folder.path(), "in/3", doc("3", "", "after"));
    let new_run = |name: &str| Run::sheaf(folder.path()).typed("run in -p 1 -o").arg(name);
    new_run("whole.xlsx").finish().code(0);

    let mut run = new_run("out.xlsx").start();
    wait_for("a child at work", LONG, || {
        assert!(!run.has_ended(), "ended before its child was seen at work:\n{}", run.stderr());
        children(run.pid()).into_iter().find(|&child| cpu_ticks(child) >= AT_WORK)
    });
    may_open_nothing(&run);
    kill_children(&run);
    run.finish().code(3).says(&[
        "this machine cannot work",
        "ulimit -n",
        "the same command goes on",
    ]);
    assert!(!folder.path().join("out.xlsx").exists());
    new_run("out.xlsx").finish().code(0);
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert!(read("out.xlsx") == read("whole.xlsx"), "other bytes");
}

/// Three files, of which the second needs more memory than [`SMALL`].
fn write_large(folder: &Path) {
    write(folder, "in/1", doc("1", "", "before"));
    write(folder, "in/2_large", doc("2", "", "at first") + &"<b>x</b>".repeat(MANY_TAGS));
    write(folder, "in/3", doc("3", "", "after"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_fails_one_worker_passes_on() {
    let server = server!("a_file_that_fails_one_worker_passes_on");
    let place = Place::at(server.url());
    write_large(place.folder());
    Run::sheaf(place.folder()).typed("run in -p 1 -o whole.xlsx").finish().code(0);
    let small = place.worker("");
    limit(small.pid(), Resource::RLIMIT_DATA, SMALL);

    // Another one is listed, and takes nothing yet.
    let queue = server.queue(LEASE).await;
    let other = tokio::spawn(async move {
        let info = WorkerInfo {
            id: "other".into(),
            version: VERSION.into(),
            slots: 1,
            ..WorkerInfo::default()
        };
        loop {
            queue.announce(&info).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    wait_for("both to be listed", LONG, || (place.listed().len() == 2).then_some(()));
    let run =
        Run::sheaf(place.folder()).typed("run in --retries 0 -o out.xlsx --joblog log.tsv --redis");
    let run = run.arg(place.url()).start();
    says(&small, "another worker will try");
    let _large = place.worker("");
    run.finish().code(0);
    other.abort();
    let read = |name: &str| fs::read(place.folder().join(name)).unwrap();
    assert!(read("out.xlsx") == read("whole.xlsx"), "other bytes");
    let log = fs::read_to_string(place.folder().join("log.tsv")).unwrap();
    assert_eq!(column_of_log(&log, "attempts"), ["1", "2", "1"], "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_fails_two_workers_is_dead() {
    let server = server!("a_file_that_fails_two_workers_is_dead");
    let place = Place::at(server.url());
    write_large(place.folder());
    let workers = [place.worker(""), place.worker("")];
    wait_for("both to be listed", LONG, || (place.listed().len() == 2).then_some(()));
    workers.iter().for_each(|worker| limit(worker.pid(), Resource::RLIMIT_DATA, SMALL));
    let run = Run::sheaf(place.folder())
        .typed("run in --retries 1 -o out.jsonl --joblog log.tsv --redis");
    run.arg(place.url()).finish().code(1).says(&["2_large", "memory"]);
    assert_eq!(column(&rows_of(&place.folder().join("out.jsonl")), "id"), ["1", "3"]);
    let log = fs::read_to_string(place.folder().join("log.tsv")).unwrap();
    // Two by one worker, one by the other.
    assert_eq!(column_of_log(&log, "attempts"), ["1", "3", "1"], "{log}");
    assert_eq!(column_of_log(&log, "kind"), ["", "memory-limit", ""], "{log}");
    assert!(workers.iter().any(|worker| worker.stderr().contains("another worker will try")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_without_open_files_waits_for_some() {
    let server = server!("a_coordinator_without_open_files_waits_for_some");
    let place = Place::at(server.url());
    // Far more than may be outstanding at once.
    let padding = "padding ".repeat(75_000);
    for number in 10..50 {
        write(place.folder(), &format!("in/{number}"), doc(&number.to_string(), "", &padding));
    }
    Run::sheaf(place.folder()).typed("run in -o whole.jsonl -p 2").finish().code(0);
    let run = Run::sheaf(place.folder()).typed("run in -o out.jsonl --redis-budget 8MiB --redis");
    let mut run = run.arg(place.url()).start();
    let _worker = place.worker("");
    wait_for("some output", LONG, || {
        assert!(!run.has_ended(), "ended too soon: {}", run.stderr());
        (size(&place.folder().join("out.jsonl.sheaf")) > 1_000_000).then_some(())
    });
    let before = limit_for_now(run.pid(), Resource::RLIMIT_NOFILE, 1);
    says(&run, "too many files are open");
    limit_for_now(run.pid(), Resource::RLIMIT_NOFILE, before);
    run.finish().code(0);
    let read = |name: &str| fs::read(place.folder().join(name)).unwrap();
    assert!(read("out.jsonl") == read("whole.jsonl"), "other bytes");
}
