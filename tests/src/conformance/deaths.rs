//! Tasks that are given back, and the notes on them.

use std::time::Instant;

use sheaf_common::job::WorkerId;
use sheaf_common::numbers::FileIndex;
use sheaf_common::problem::FileProblem;
use sheaf_common::queue::{Begun, Completed, Death, Fatal, Known, Leased, Past, Queue};

use super::{LEASE, PATIENTLY, take, take_one};
use crate::both::Both;
use crate::make::{completion, nap, worker};

fn past(by: &str) -> Past {
    let by = WorkerId(by.into());
    Past {
        deaths: vec![Death {
            by: by.clone(),
            sequence: FileIndex(u64::MAX),
            attempts: 3,
            problem: FileProblem::Gone,
        }],
        begun: Some(Begun { by, sequence: FileIndex(7) }),
        fatal: vec![Fatal { sequence: FileIndex(0), workers: 4 }],
    }
}

async fn ask<Q: Queue>(queue: &Both<Q>, leased: &Leased) -> Known {
    queue.past(&leased.lease, leased.previous.as_ref()).await.unwrap()
}

pub async fn a_task_given_back_goes_to_others_first(queue: Both<impl Queue>) {
    for number in 0.. {
        queue.push(&[nap(1, number)]).await.unwrap();
        let leased = take_one(&queue, "dies").await;
        assert_eq!((leased.delivery, &leased.previous), (1, &None));
        let given_back = Instant::now();
        queue.give_back_if_held(&leased.lease, &past("dies")).await.unwrap();
        let same = take(&queue, "dies", 9).await;
        if given_back.elapsed() >= LEASE {
            // This machine was too slow: the worker may have its task again by now. Try once more.
            let leased =
                if same.is_empty() { take_one(&queue, "dies").await } else { same[0].clone() };
            queue.complete_if_held(&[completion(&leased.lease, "dies", &[])]).await.unwrap();
            continue;
        }
        assert_eq!(same, []);
        let other = take_one(&queue, "other").await;
        assert_eq!((&other.task, other.delivery, &other.previous), (&leased.task, 2, &None));
        let known = ask(&queue, &other).await;
        assert_eq!(known, Known { past: past("dies"), ..Known::default() });
        let late = queue.complete_if_held(&[completion(&leased.lease, "dies", &[])]).await.unwrap();
        assert_eq!(late, [Completed::Stale]);
        return;
    }
}

pub async fn an_unwanted_task_returns_to_its_giver(queue: Both<impl Queue>) {
    queue.push(&[nap(1, 0)]).await.unwrap();
    let leased = take_one(&queue, "a").await;
    queue.give_back_if_held(&leased.lease, &past("a")).await.unwrap();
    let again = take_one(&queue, "a").await;
    assert_eq!((again.delivery, &again.previous), (2, &None));
    assert_eq!(ask(&queue, &again).await.past, past("a"));
}

pub async fn a_finished_task_loses_its_notes(queue: Both<impl Queue>) {
    queue.push(&[nap(1, 0)]).await.unwrap();
    let leased = take_one(&queue, "a").await;
    assert!(queue.note_if_held(&leased.lease, &Past::default()).await.unwrap());
    assert!(queue.note_if_held(&leased.lease, &past("a")).await.unwrap());
    assert_eq!(ask(&queue, &leased).await.past, past("a"));

    let mut finished = completion(&leased.lease, "a", &[]);
    finished.has_past = true;
    assert_eq!(queue.complete_if_held(&[finished]).await.unwrap(), [Completed::Stored]);

    queue.collect(leased.task.id.job, 9, PATIENTLY).await.unwrap();
    queue.push(&[nap(1, 0)]).await.unwrap();
    assert_eq!(ask(&queue, &take_one(&queue, "a").await).await, Known::default());
}

pub async fn a_stale_lease_notes_and_gives_back_nothing(queue: Both<impl Queue>) {
    queue.push(&[nap(1, 0)]).await.unwrap();
    let late = take_one(&queue, "late").await;
    let current = take_one(&queue, "current").await;
    assert_eq!((current.delivery, &current.previous), (2, &Some(worker("late"))));
    assert!(!queue.note_if_held(&late.lease, &past("late")).await.unwrap());

    queue.give_back_if_held(&late.lease, &past("late")).await.unwrap();
    assert_eq!(queue.past(&current.lease, None).await.unwrap(), Known::default());
    let stored =
        queue.complete_if_held(&[completion(&current.lease, "current", &[])]).await.unwrap();
    assert_eq!(stored, [Completed::Stored]);
}

pub async fn a_worker_without_others_has_none(queue: Both<impl Queue>) {
    assert!(!queue.has_others(&worker("alone")).await.unwrap());
}
