//! Runs over Redis for which nobody works.

use nix::sys::signal::Signal;
use sheaf_tests::job::job;
use sheaf_tests::place::{Place, drain, says};
use sheaf_tests::{Run, server};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_gives_up_waiting_and_resumes_later() {
    let server = server!("a_run_gives_up_waiting_and_resumes_later");
    let place = Place::at(server.url());
    job();
    let run = place.new_run("--wait-for-workers 4s -q").finish().code(3);
    let words = [
        "nobody worked on it for",
        "no worker is connected",
        "start workers",
        "the same command goes on",
    ];
    run.says(&words).says(&["waiting: "]); // A quiet run says that it waits.
    let keys: Vec<String> = server.command(&["KEYS", "*"]);
    assert_eq!(keys, [""; 0], "nothing is left on the server");

    let _worker = place.worker("");
    place.new_run("--wait-for-workers 4s").finish().code(0);
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_and_going_on_are_announced() {
    let server = server!("waiting_and_going_on_are_announced");
    let place = Place::at(server.url());
    job();
    let run = place.new_run("").start();
    says(&run, "waiting: no worker is connected");
    let _worker = place.worker("");
    let run = run.finish().code(0).says(&["going on"]);
    let said = run.stderr();
    let line = said.lines().find(|line| line.contains("waiting: ")).expect("just seen");
    let (time, _) = line.split_once(' ').expect("a time in front");
    let is_time =
        |time: &str| time.len() == 8 && time.split(':').all(|part| part.parse::<u8>().is_ok());
    assert!(is_time(time), "{line}");
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_worker_is_named_with_its_tasks() {
    let server = server!("a_lost_worker_is_named_with_its_tasks");
    let place = Place::at(server.url());
    let worker = place.worker("");
    let mut run = place.started(5);
    worker.signal(Signal::SIGSTOP);
    says(&run, "not heard of for");
    assert!(!run.has_ended());
    worker.signal(Signal::SIGCONT);
    let said = run.finish().code(0).stderr();
    let name = format!(":{}-", worker.pid());
    let line = said.lines().find(|line| line.contains("not heard of for")).expect("just seen");
    assert!(
        line.contains(&name) && line.contains("; its ") && line.contains("taken over"),
        "{line}"
    );
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn fewer_workers_than_expected_are_exit_code_1() {
    let server = server!("fewer_workers_than_expected_are_exit_code_1");
    let place = Place::at(server.url());
    let expect = |count: &str| {
        let workers = Run::sheaf(place.folder())
            .typed("workers --redis")
            .arg(place.url())
            .arg("--expect")
            .arg(count);
        workers.finish()
    };
    expect("1").code(1).says(&["expected 1 worker, 0 are there"]);
    let worker = place.worker("");
    expect("1").code(0);
    expect("2").code(1).says(&["expected 2 workers, 1 is there"]);
    drain(worker);
}
