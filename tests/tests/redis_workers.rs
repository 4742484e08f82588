//! Workers that come and go while a job runs, and what is known of them.

use std::fs;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;
use sheaf_tests::corpus::{doc, write};
use sheaf_tests::job::{LONG, job};
use sheaf_tests::place::{Place, connected, drain, says};
use sheaf_tests::process::wait_for;
use sheaf_tests::{Run, server, worker_bin};

#[tokio::test(flavor = "multi_thread")]
async fn another_worker_takes_over_from_a_killed_one() {
    let server = server!("another_worker_takes_over_from_a_killed_one");
    let place = Place::at(server.url());
    let (first, _second) = (place.worker(""), place.worker(""));
    let run = place.started(30);
    first.crash();
    run.finish().code(0);
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_waking_after_its_lease_is_harmless() {
    let server = server!("a_worker_waking_after_its_lease_is_harmless");
    let place = Place::at(server.url());
    let first = place.worker("");
    let mut run = place.started(20);
    first.signal(Signal::SIGSTOP);
    // Only leases that have ended let the second one go past what the first one held.
    let second = place.worker("");
    place.reaches(&mut run, 50);
    first.signal(Signal::SIGCONT);
    run.finish().code(0);
    place.has_the_same_bytes();
    drain(first);
    drain(second);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_worker_finishes_what_it_holds() {
    let server = server!("a_stopping_worker_finishes_what_it_holds");
    let place = Place::at(server.url());
    let first = place.worker("");
    let run = place.started(20);
    first.signal(Signal::SIGTERM);
    first.finish().code(0).says(&["finished what was held"]);
    assert_eq!(place.listed(), [Value::Null; 0], "it left the list");
    let _second = place.worker("");
    run.finish().code(0);
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_held_after_the_grace_are_handed_back() {
    let server = server!("tasks_held_after_the_grace_are_handed_back");
    let place = Place::at(server.url());
    // Leases of a minute: whoever gets the nap soon got it from the one who had it.
    let slow = ["--lease 60s --grace 100ms", "--lease 60s --grace 60s"];
    for (grace, signals) in slow.into_iter().zip([1, 2]) {
        let mut first = place.worker(grace);
        let demo = || {
            let demo = Run::sheaf(place.folder()).typed("demo --items 1 --seconds 10 --redis");
            demo.arg(place.url()).within(Duration::from_secs(45)).start()
        };
        let demo = demo();
        wait_for("the nap to be leased", LONG, || {
            place.listed().iter().any(|worker| worker["busy"] == 1).then_some(())
        });
        first.signal(Signal::SIGTERM);
        if signals == 2 {
            // What comes within a second is the same wish; who goes on asking is heard.
            wait_for("the end after a second wish", LONG, || {
                first.signal(Signal::SIGTERM);
                first.has_ended().then_some(())
            });
        }
        first.finish().code(0).says(&["handing back what is held"]);
        let second = place.worker("--lease 60s");
        let told = demo.finish().code(0).stdout();
        assert!(told.contains("End item1"), "{told}");
        drain(second);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_workers_waits_for_one() {
    let server = server!("a_run_without_workers_waits_for_one");
    let place = Place::at(server.url());
    job();
    let run = place.new_run("").start();
    says(&run, "no worker is connected to the queue `default`");
    let _worker = place.worker("");
    run.finish().code(0);
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_are_listed_with_what_they_do() {
    let server = server!("workers_are_listed_with_what_they_do");
    let place = Place::at(server.url());
    let worker = place.new_worker("-p 3 --queue nightly --queue default --log-format json").start();
    connected(&worker);
    let log: Value = serde_json::from_str(worker.stderr().lines().next().unwrap()).unwrap();
    assert_eq!((&log["slots"], &log["queues"]), (&3.into(), &"nightly default".into()));
    assert_eq!(log["version"], sheaf_common::VERSION);

    // Both queues get the same processes.
    for queue in ["default", "nightly"] {
        let _ = fs::remove_dir_all(place.folder().join("out"));
        fs::create_dir(place.folder().join("out")).unwrap();
        place.new_run("--queue").arg(queue).finish().code(0);
        place.has_the_same_bytes();
    }
    let worker_of =
        || place.listed().pop().filter(|worker| worker["files_done"] == 68 && worker["busy"] == 0);
    let listed = wait_for("the list to tell of all files", LONG, worker_of);
    assert_eq!(
        (&listed["slots"], &listed["queues"]),
        (&3.into(), &serde_json::json!(["nightly", "default"]))
    );
    assert!(
        listed["bytes_done"].as_u64() > Some(2_000_000)
            && listed["seen_ms"].as_u64() < Some(30_000),
        "{listed}"
    );

    let health = |code| {
        let check = Run::of(&worker_bin(), place.folder()).typed("health --health-file health-0");
        check.env("SHEAF_REDIS", place.url()).finish().code(code)
    };
    health(0);
    drain(worker);
    health(1).says(&["no worker"]);
    assert_eq!(place.listed(), [Value::Null; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_run_overtakes_a_large_one() {
    let server = server!("a_small_run_overtakes_a_large_one");
    let place = Place::at(server.url());
    let _worker = place.worker("");
    let mut large = place.started(5);
    write(place.folder(), "small/a", doc("1", "t", "x"));
    let small =
        Run::sheaf(place.folder()).typed("run small -o small.jsonl --redis").arg(place.url());
    small.finish().code(0);
    assert!(!large.has_ended(), "the large one was over before the small one: this shows nothing");
    large.finish().code(0);
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_with_other_servers_for_bytes_are_named() {
    let server = server!("workers_with_other_servers_for_bytes_are_named");
    let (place, other) =
        (Place::at(server.url()), Place::at(server.url()).with_bytes_at(&[server.url()]));
    let worker = other.worker("");
    let mut run = place.new_run("").start();
    says(&run, "use 1 server for bytes, this run uses no server for bytes: give the same");
    says(&worker, "uses another number of `--redis-bytes` servers");
    assert!(!run.has_ended());
    let _right = place.worker("");
    run.finish().code(0);
    place.has_the_same_bytes();
}
