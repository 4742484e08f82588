//! Runs with `--changed` that are killed or stopped at any moment, and the queue in Redis.

use std::fs;
use std::time::Duration;

use nix::sys::signal::Signal;
use sheaf_tests::corpus::{doc, write};
use sheaf_tests::faults::dice::Dice;
use sheaf_tests::incremental::Inputs;
use sheaf_tests::place::{Place, connected, drain};
use sheaf_tests::{Running, server};

const OUTPUTS: &[&str] = &["a.xlsx", "a.jsonl"];

/// Changes one file; each round another.
fn change(inputs: &Inputs, round: usize) {
    let name = format!("in/file_{}", round * 7 % 30);
    write(inputs.folder(), &name, doc(&round.to_string(), "changed", &"new ".repeat(round + 1)));
}

#[test]
fn incremental_runs_survive_kills_at_any_moment() {
    let inputs = Inputs::new(30, "in -p 2", OUTPUTS);
    let mut dice = Dice::new(13);
    inputs.changed().finish().code(0);

    let mut most_reused = 0;
    for round in 0..12 {
        change(&inputs, round);

        // Most of a run with little to do is over after half a second.
        for _ in 0..dice.between(1, 3) {
            let run = inputs.changed().start();
            std::thread::sleep(Duration::from_millis(dice.between(1, 450)));
            run.crash();
        }

        inputs.changed().finish().code(0);
        most_reused = most_reused.max(inputs.reused());
        inputs.are_as_fresh(&format!("round {round}"), 0);
    }
    assert!(most_reused >= 28, "{most_reused}");
}

#[test]
fn a_killed_first_run_is_of_use() {
    let inputs = Inputs::new(40, "in -p 2", OUTPUTS);
    let mut dice = Dice::new(14);

    for round in 0..4 {
        let _ = fs::remove_dir_all(inputs.folder().join("out/a.xlsx.sheaf"));
        let run = inputs.changed().start();
        std::thread::sleep(Duration::from_millis(dice.between(150, 900)));
        run.crash();

        change(&inputs, round);
        inputs.changed().finish().code(0);
        inputs.are_as_fresh(&format!("round {round}"), 0);
    }
}

#[test]
fn a_stopped_run_goes_on_with_reused_rows() {
    let inputs = Inputs::new(30, "in -p 2", OUTPUTS);
    inputs.changed().finish().code(0);
    for file in 0..30 {
        change(&inputs, file);
    }

    let run = inputs.changed().start();
    std::thread::sleep(Duration::from_millis(250));
    run.signal(Signal::SIGTERM);
    let stopped = run.finish();
    assert!(matches!(stopped.status.code(), Some(0 | 4)), "{stopped}");
    inputs.changed().finish().code(0);
    inputs.are_as_fresh("stopped", 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_and_go_over_redis() {
    let server = server!("rows_come_and_go_over_redis");
    let place = Place::at(server.url());
    let workers: Vec<Running> = (0..2).map(|_| place.worker("")).collect();
    workers.iter().for_each(connected);

    // Large files fill units, so workers would stash their rows.
    let inputs = Inputs::new(20, "in", OUTPUTS);
    for file in 0..3 {
        let docs = (0..300).map(|id| doc(&id.to_string(), "t", &format!("{id} ").repeat(2000)));
        write(inputs.folder(), &format!("in/large_{file}"), docs.collect::<String>());
    }
    inputs.settle();

    let over_redis = || inputs.changed().arg("--redis").arg(place.url());
    over_redis().finish().code(0);
    for round in 0..3 {
        change(&inputs, round);
        over_redis().finish().code(0);
        assert_eq!(inputs.reused(), 22);
        inputs.are_as_fresh(&format!("round {round}"), 0);
    }

    // Its rows are on the queue only while they are rendered.
    fs::remove_file(inputs.folder().join("in/file_0")).unwrap();
    let run = over_redis().start();
    std::thread::sleep(Duration::from_millis(200));
    run.crash();
    over_redis().finish().code(0);
    inputs.are_as_fresh("killed over Redis", 0);
    for pattern in ["*:rows:*", "*:body:*", "*:tasks"] {
        assert_eq!(server.command::<Vec<String>>(&["KEYS", pattern]), [""; 0], "{pattern}");
    }
    workers.into_iter().for_each(drain);
}
