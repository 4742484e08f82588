//! Files with which workers vanish: killed whole, as a container is that goes over its memory.

use std::fs;

use sheaf_common::queue::{Known, WorkerInfo};
use sheaf_tests::conformance::{LEASE, take_one};
use sheaf_tests::corpus::{column, doc, rows_of, slow_html, write};
use sheaf_tests::job::LONG;
use sheaf_tests::joblog::column_of_log;
use sheaf_tests::make::{nap, worker};
use sheaf_tests::place::Place;
use sheaf_tests::process::{children, cpu_ticks, wait_for};
use sheaf_tests::wait::until;
use sheaf_tests::{Run, server};

/// So many attributes take seconds to parse, and the time is limited to far more.
const SLOW: usize = 80_000;
/// What has used so many ticks (10 ms) is at work on the slow file.
const AT_WORK: u64 = 20;
/// The workers that vanish: three with the task, and one while it reads the file alone.
const VANISH: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_ends_workers_is_given_up() {
    let server = server!("a_file_that_ends_workers_is_given_up");
    let place = Place::at(server.url());
    for name in ["1", "2", "4", "5"] {
        write(place.folder(), &format!("in/{name}"), doc(name, "", "a neighbour"));
    }
    write(place.folder(), "in/3_slow", slow_html("3", SLOW));
    let run = Run::sheaf(place.folder())
        .typed("run in -o out.jsonl --joblog log.tsv --time-limit 600s --redis");
    let mut run = run.arg(place.url()).within(3 * LONG).start();
    let mut vanished = 0;
    while !run.has_ended() {
        let worker = place.worker("");
        let at_work = wait_for("a child at work on the slow file, or the end", LONG, || {
            let at_work =
                children(worker.pid()).into_iter().any(|child| cpu_ticks(child) >= AT_WORK);
            (at_work || run.has_ended()).then_some(at_work)
        });
        if at_work {
            worker.crash();
            vanished += 1;
            assert!(vanished <= VANISH, "the file goes round for ever:\n{}", run.stderr());
        }
    }
    let run = run.finish().code(1);
    let said = run.stderr();
    assert_eq!(vanished, VANISH, "{said}");
    run.says(&[
        "3 workers vanished with 5 files",
        "reading each alone",
        "3_slow",
        "4 workers vanished while they had it",
    ]);
    assert_eq!(column(&rows_of(&place.folder().join("out.jsonl")), "id"), ["1", "2", "4", "5"]);
    let log = fs::read_to_string(place.folder().join("log.tsv")).unwrap();
    assert_eq!(column_of_log(&log, "attempts"), ["1", "1", "4", "1", "1"], "{log}");
    assert_eq!(column_of_log(&log, "kind"), ["", "", "crashed", "", ""], "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_workers_that_stay_silent_have_vanished() {
    let server = server!("only_workers_that_stay_silent_have_vanished");
    let queue = server.queue(LEASE).await;
    let announce = async |id: &str| {
        queue.announce(&WorkerInfo { id: id.into(), ..WorkerInfo::default() }).await.unwrap()
    };
    announce("late").await;
    announce("gone").await;
    queue.push(&[nap(1, 0)]).await.unwrap();
    for name in ["late", "gone", "late"] {
        let leased = take_one(&queue, name).await;
        if let Some(previous) = &leased.previous {
            let known = queue.past(&leased.lease, Some(previous)).await.unwrap();
            assert!(
                known.undecided > 0 && known.vanished.is_empty(),
                "nobody has been silent for long: {known:?}"
            );
        }
    }
    let leased = take_one(&queue, "asks").await;
    assert_eq!(leased.previous, Some(worker("late")));
    let known = queue.past(&leased.lease, leased.previous.as_ref()).await.unwrap();
    assert_eq!((known.undecided, known.vanished), (2, vec![]), "each counts once");
    // It was paused, or cut off, and its lease ended meanwhile.
    announce("late").await;
    let ask = async || {
        queue.extend_if_held(vec![leased.lease.clone()]).await.unwrap();
        queue.past(&leased.lease, None).await.unwrap()
    };
    let known = until("it is known who vanished", ask, |known: &Known| known.undecided == 0).await;
    assert_eq!(known.vanished, [worker("gone")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_task_names_no_previous_worker() {
    let server = server!("a_released_task_names_no_previous_worker");
    let queue = server.queue(LEASE).await;
    queue.push(&[nap(1, 0)]).await.unwrap();
    let lost = take_one(&queue, "vanishes").await;
    let leased = take_one(&queue, "drains").await;
    assert_eq!((lost.previous, &leased.previous), (None, &Some(worker("vanishes"))));
    queue.release_if_held(vec![leased.lease]).await.unwrap();
    let leased = take_one(&queue, "next").await;
    assert_eq!((leased.delivery, leased.previous), (2, None));
}
