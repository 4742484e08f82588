//! Signals: what asks to stop, once and twice, and what asks how far it is.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use sheaf_tests::corpus::{column, doc, rows_of, slow_html, write};
use sheaf_tests::job::{LONG, job};
use sheaf_tests::place::{Place, connected, says};
use sheaf_tests::process::{children, cpu_ticks, wait_for};
use sheaf_tests::{Run, Running, server, sheaf_bin};
use tempfile::TempDir;

/// So many attributes take a child hours: no run of these inputs ends by itself.
const ENDLESS: usize = 2_000_000;
const COMMAND: &str = "run in -p 1 --time-limit 10h -o out.jsonl";

/// Inputs of which the second takes for ever.
fn endless() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in/1", doc("1", "", "before"));
    write(folder.path(), "in/2_slow", slow_html("2", ENDLESS));
    folder
}

/// Waits until a child is at work on the slow file: so the run has begun.
fn at_work(run: &mut Running) {
    wait_for("a child at work", LONG, || {
        assert!(!run.has_ended(), "the run ended:\n{}", run.stderr());
        children(run.pid()).into_iter().find(|&child| cpu_ticks(child) >= 10)
    });
}

/// The inputs end soon, and the same command reads what is left.
fn goes_on(folder: &Path) {
    // The file must stay what it was for the run to go on, so it starts over with another one.
    write(folder, "in/2_slow", doc("2", "", "after"));
    Run::sheaf(folder).typed(COMMAND).arg("--fresh").finish().code(0);
    assert_eq!(column(&rows_of(&folder.join("out.jsonl")), "id"), ["1", "2"]);
}

/// The line that a stopped run leaves in its folder.
fn note(folder: &Path) -> String {
    fs::read_to_string(folder.join("out.jsonl.sheaf/stopped")).expect("a note of why it stopped")
}

#[test]
fn each_stop_signal_stops_cleanly_and_is_named() {
    for (signal, name) in
        [(Signal::SIGINT, "SIGINT"), (Signal::SIGTERM, "SIGTERM"), (Signal::SIGHUP, "SIGHUP")]
    {
        let folder = endless();
        let mut run = Run::sheaf(folder.path()).typed(COMMAND).start();
        at_work(&mut run);
        run.signal(signal);
        run.finish().code(4).says(&[&format!("interrupted by {name}"), "the same command goes on"]);
        let note = note(folder.path());
        assert!(
            note.contains(name)
                && note.contains("the same command goes on")
                && note.lines().count() == 1,
            "{note}"
        );
        goes_on(folder.path());
    }
}

#[test]
fn runs_take_process_and_group_signals_as_one() {
    for times in 0..5 {
        let folder = endless();
        let mut run = Run::sheaf(folder.path()).leader().typed(COMMAND).start();
        at_work(&mut run);
        // As GNU timeout does it.
        run.signal(Signal::SIGTERM);
        killpg(Pid::from_raw(run.pid() as i32), Signal::SIGTERM).unwrap();
        run.finish()
            .code(4)
            .says(&["interrupted by SIGTERM:", "1 of 2 files are done|0 of 2 files are done"]);
        assert!(note(folder.path()).contains("SIGTERM"), "round {times}");
    }
}

#[test]
fn a_run_under_timeout_says_how_to_resume() {
    let folder = endless();
    for _ in 0..5 {
        let timeout =
            Run::of(Path::new("timeout"), folder.path()).arg("2").arg(sheaf_bin()).typed(COMMAND);
        // Under a busy machine it may not even have begun; that is said too.
        timeout.finish().code(124).says(&["interrupted by SIGTERM", "the same command"]);
    }
    goes_on(folder.path());
}

#[test]
fn a_signal_stops_a_run_awaiting_its_list() {
    let folder = tempfile::tempdir().unwrap();
    // A pipe that nobody writes to: its list never ends.
    nix::unistd::mkfifo(&folder.path().join("list"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let list =
        fs::OpenOptions::new().read(true).write(true).open(folder.path().join("list")).unwrap();
    let mut command = Command::new(sheaf_bin());
    command
        .current_dir(folder.path())
        .args(["run", "-"])
        .stdin(list)
        .stderr(std::process::Stdio::piped());
    sheaf_tests::run::hear_signals();
    let run = command.process_group(0).spawn().unwrap();
    let pid = run.id();
    let catches = || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?.trim().to_owned();
        let mask = u64::from_str_radix(&mask, 16).ok()?;
        [Signal::SIGTERM, Signal::SIGHUP]
            .iter()
            .all(|signal| mask >> (*signal as i32 - 1) & 1 == 1)
            .then_some(())
    };
    wait_for("the run to take signals", LONG, catches);
    killpg(Pid::from_raw(pid as i32), Signal::SIGHUP).unwrap();
    let output = run.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("interrupted by SIGHUP") && said.contains("before it began"), "{said}");
}

#[test]
fn a_run_under_nohup_outlives_its_terminal() {
    let folder = endless();
    let mut command = Command::new("nohup");
    command.current_dir(folder.path()).arg(sheaf_bin()).args(COMMAND.split(' '));
    let mut run = Run::command(command).start();
    at_work(&mut run);
    run.signal(Signal::SIGHUP);
    // Handled in the order in which they came: the answer comes from a run that goes on.
    run.signal(Signal::SIGUSR1);
    says(&run, "2 files");
    assert!(!run.has_ended());
    run.signal(Signal::SIGTERM);
    run.finish().code(4).says(&["interrupted by SIGTERM"]);
}

#[test]
fn sigusr1_prints_progress_even_of_a_quiet_run() {
    let folder = endless();
    for quiet in ["", "-q"] {
        let mut run =
            Run::sheaf(folder.path()).typed(COMMAND).typed("--fresh").typed(quiet).start();
        at_work(&mut run);
        let lines =
            |run: &Running| run.stderr().lines().filter(|line| line.contains("/2 files")).count();
        let before = lines(&run);
        run.signal(Signal::SIGUSR1);
        wait_for("a line of progress", LONG, || (lines(&run) > before).then_some(()));
        run.signal(Signal::SIGTERM);
        run.finish().code(4);
    }
}

/// The keys on a server but for those of the workers that are there.
fn keys(server: &sheaf_tests::redis_server::RedisServer) -> Vec<String> {
    let mut keys: Vec<String> = server.command(&["KEYS", "*"]);
    keys.retain(|key| !key.ends_with(":workers") && !key.ends_with(":seen"));
    keys.sort();
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_redis_run_leaves_no_key() {
    let server = server!("a_stopped_redis_run_leaves_no_key");
    let place = Place::at(server.url());
    job();
    for round in 0..10 {
        let mut run = place.new_run("").leader().start();
        // In the middle of pushing, later and later.
        let keys_there = || {
            assert!(!run.has_ended(), "{}", run.stderr());
            (server.command::<u64>(&["DBSIZE"]) >= 2 + round).then_some(())
        };
        wait_for("tasks on the queue", LONG, keys_there);
        run.signal(Signal::SIGTERM);
        killpg(Pid::from_raw(run.pid() as i32), Signal::SIGTERM).unwrap();
        run.finish().code(4).says(&["interrupted by SIGTERM", "the same command goes on"]);
        assert_eq!(keys(&server), [""; 0], "round {round}");
    }
    let _worker = place.worker("");
    place.new_run("").finish().code(0);
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_run_under_timeout_leaves_no_key() {
    let server = server!("a_redis_run_under_timeout_leaves_no_key");
    let place = Place::at(server.url());
    // Of a worker that is stopped, nothing comes: the run does not end by itself.
    let worker = place.worker("");
    worker.signal(Signal::SIGSTOP);
    for _ in 0..5 {
        let timeout = place.run_under(&["timeout", "2"]);
        timeout.finish().code(124).says(&["interrupted by SIGTERM", "the same command"]);
        assert_eq!(keys(&server), [""; 0]);
    }
    worker.signal(Signal::SIGCONT);
    place.new_run("").finish().code(0);
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_signals_stop_a_run_despite_frozen_redis() {
    let server = server!("repeated_signals_stop_a_run_despite_frozen_redis");
    let place = Place::at(server.url());
    let mut run = place.new_run("").start();
    says(&run, "no worker is connected");
    server.freeze(true);
    // Those that come within a second of the first are the same wish; who goes on asking is heard.
    wait_for("the end after a second wish", LONG, || {
        run.signal(Signal::SIGINT);
        run.has_ended().then_some(())
    });
    server.freeze(false);
    run.finish().code(4).says(&[
        "interrupted by a second SIGINT",
        "the same command goes on",
        "sheaf queue purge",
    ]);
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_take_process_and_group_signals_as_one() {
    let server = server!("workers_take_process_and_group_signals_as_one");
    let place = Place::at(server.url());
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        let worker = place.new_worker("-p 1 --grace 60s").leader().start();
        connected(&worker);
        let demo = Run::sheaf(place.folder())
            .typed("demo --items 1 --seconds 2 --redis")
            .arg(place.url())
            .start();
        wait_for("the nap to be leased", LONG, || {
            place.listed().iter().any(|worker| worker["busy"] == 1).then_some(())
        });
        worker.signal(Signal::SIGUSR1);
        worker.signal(signal);
        killpg(Pid::from_raw(worker.pid() as i32), signal).unwrap();
        let ended =
            worker.finish().code(0).says(&["told to stop", "at work", "finished what was held"]);
        assert!(!ended.stderr().contains("told to stop again"), "{ended}");
        demo.finish().code(0);
    }
}
