//! Only the holder of a lease may finish, extend or release its task.

use std::time::Duration;

use sheaf_common::job::JobId;
use sheaf_common::numbers::TaskNumber;
use sheaf_common::queue::{Completed, Lease, Queue};

use super::{LEASE, PATIENTLY, take, take_one};
use crate::both::Both;
use crate::make::{block, completion, id, nap, naps, outcome, rows_key};
use crate::wait::until;

const CLASS: sheaf_common::job::Class = sheaf_common::job::Class::Extract;

/// More bytes than an outcome may have on the queue itself: it becomes a blob.
const LARGE: usize = 20_000;

pub async fn an_ended_lease_goes_before_new_tasks(queue: Both<impl Queue>) {
    queue.push(&naps(1, 0..2)).await.unwrap();
    let first = take_one(&queue, "dies").await;
    tokio::time::sleep(LEASE).await; // The rule is about time itself.
    let again =
        until("the lease ends", async || take(&queue, "takes-over", 1).await, |l| !l.is_empty())
            .await;
    assert_eq!(again[0].task, first.task);
    assert_eq!((first.delivery, again[0].delivery), (1, 2));
    assert_eq!(take_one(&queue, "takes-over").await.task.id.number, TaskNumber(1));
}

pub async fn a_stale_finish_stores_nothing(queue: Both<impl Queue>) {
    let task = id(1, CLASS, 0);
    queue.push(&[nap(1, 0)]).await.unwrap();
    let late = take_one(&queue, "late").await;
    let current = take_one(&queue, "current").await;
    assert_eq!(current.delivery, 2);

    let stale =
        queue.complete_if_held(&[completion(&late.lease, "late", &["wrong"])]).await.unwrap();
    assert_eq!(stale, [Completed::Stale]);
    assert_eq!(queue.rows(vec![rows_key(&late.lease, 0)]).await.unwrap(), [None]);
    assert!(queue.collect(task.job, 9, Duration::ZERO).await.unwrap().is_empty());
    assert!(queue.missing(vec![task]).await.unwrap().is_empty());

    let stored =
        queue.complete_if_held(&[completion(&current.lease, "current", &["right"])]).await.unwrap();
    assert_eq!(stored, [Completed::Stored]);
    let stale =
        queue.complete_if_held(&[completion(&late.lease, "late", &["wrong"])]).await.unwrap();
    assert_eq!(stale, [Completed::Stale]);
    assert_eq!(queue.rows(vec![rows_key(&current.lease, 0)]).await.unwrap(), [block("right")]);
    assert_eq!(
        queue.collect(task.job, 9, Duration::ZERO).await.unwrap(),
        [outcome(task, "current")]
    );
}

pub async fn a_lease_finishes_once(queue: Both<impl Queue>) {
    queue.push(&[nap(1, 0)]).await.unwrap();
    let leased = take_one(&queue, "a").await;
    queue.complete_if_held(&[completion(&leased.lease, "first", &["one"])]).await.unwrap();

    // The engine may accept a repeated finish, as the reply may have been lost, or refuse it.
    // Either way it stores nothing.
    queue.complete_if_held(&[completion(&leased.lease, "second", &["two"])]).await.unwrap();
    let task = leased.task.id;
    assert_eq!(queue.rows(vec![rows_key(&leased.lease, 0)]).await.unwrap(), [block("one")]);
    assert_eq!(queue.collect(task.job, 9, Duration::ZERO).await.unwrap(), [outcome(task, "first")]);
    assert!(queue.collect(task.job, 9, Duration::ZERO).await.unwrap().is_empty());

    let third = queue.complete_if_held(&[completion(&leased.lease, "third", &[])]).await.unwrap();
    assert_eq!(third, [Completed::Stale]);
}

pub async fn an_extended_lease_holds(queue: Both<impl Queue>) {
    queue.push(&[nap(1, 0)]).await.unwrap();
    let leased = take_one(&queue, "works").await;
    for _ in 0..9 {
        let other = queue.lease(&super::worker("waits"), 1, LEASE / 3).await.unwrap();
        assert_eq!(other, [], "three lengths of the lease, and it never ended");
        assert!(queue.extend_if_held(vec![leased.lease.clone()]).await.unwrap().is_empty());
    }

    let answer = queue.complete_if_held(&[completion(&leased.lease, "works", &[])]).await.unwrap();
    assert_eq!(answer, [Completed::Stored]);
}

pub async fn a_stale_lease_is_not_extended(queue: Both<impl Queue>) {
    queue.push(&[nap(1, 0)]).await.unwrap();
    let late = take_one(&queue, "late").await.lease;
    let current = take_one(&queue, "current").await.lease;
    let lost = queue.extend_if_held(vec![late.clone(), current.clone()]).await.unwrap();
    assert_eq!(lost, std::slice::from_ref(&late));
    // An extension does not count as a delivery.
    queue.release_if_held(vec![current]).await.unwrap();
    assert_eq!(take_one(&queue, "next").await.delivery, 2);
}

pub async fn a_released_task_is_leased_again_at_once(queue: Both<impl Queue>) {
    queue.push(&naps(1, 0..3)).await.unwrap();
    let first = take(&queue, "drains", 2).await;
    let leases: Vec<Lease> = first.iter().map(|leased| leased.lease.clone()).collect();
    queue.release_if_held(leases.clone()).await.unwrap();
    // Even for the same worker, the old leases are stale.
    let again = take(&queue, "drains", 3).await;
    let seen: Vec<_> =
        again.iter().map(|leased| (leased.task.id.number.0, leased.delivery)).collect();
    assert_eq!(seen, [(0, 1), (1, 1), (2, 1)]);
    assert_eq!(queue.extend_if_held(leases.clone()).await.unwrap(), leases);

    let stale = queue.complete_if_held(&[completion(&leases[0], "old", &["x"])]).await.unwrap();
    assert_eq!(stale, [Completed::Stale]);
    let stored =
        queue.complete_if_held(&[completion(&again[0].lease, "new", &["y"])]).await.unwrap();
    assert_eq!(stored, [Completed::Stored]);
}

pub async fn a_stale_release_changes_nothing(queue: Both<impl Queue>) {
    queue.push(&[nap(1, 0)]).await.unwrap();
    let late = take_one(&queue, "late").await.lease;
    let current = take_one(&queue, "current").await.lease;
    queue.release_if_held(vec![late]).await.unwrap();
    assert_eq!(take(&queue, "other", 1).await, []);
    let answer = queue.complete_if_held(&[completion(&current, "current", &[])]).await.unwrap();
    assert_eq!(answer, [Completed::Stored]);
}

pub async fn a_lease_from_elsewhere_holds_nothing(queue: Both<impl Queue>) {
    queue.push(&[nap(1, 0)]).await.unwrap();
    let held = take_one(&queue, "a").await.lease;
    let (entry, _) = held.token.split_once(':').unwrap_or((&held.token, ""));
    let tokens =
        ["", "nonsense", "0-1:1:a", &format!("{entry}:2:a"), &format!("{entry}:1:b"), "-:1:a"];

    for token in tokens {
        let forged = Lease { task: held.task, token: token.into() };
        let answer =
            queue.complete_if_held(&[completion(&forged, "forged", &["x"])]).await.unwrap();
        assert_eq!(answer, [Completed::Stale], "{token}");
        assert_eq!(
            queue.extend_if_held(vec![forged.clone()]).await.unwrap(),
            std::slice::from_ref(&forged),
            "{token}"
        );
        queue.release_if_held(vec![forged]).await.unwrap();
    }

    let other = Lease { task: id(1, CLASS, 99), token: held.token.clone() };
    let answers = queue
        .complete_if_held(&[completion(&other, "x", &[]), completion(&held, "a", &[])])
        .await
        .unwrap();
    assert_eq!(answers, [Completed::Stale, Completed::Stored]);
}

pub async fn a_late_finish_counts_until_another_leases(queue: Both<impl Queue>) {
    queue.push(&[nap(1, 0)]).await.unwrap();
    let leased = take_one(&queue, "late").await;
    tokio::time::sleep(LEASE + LEASE / 2).await; // The lease ends, and no one leases the task.
    let answer = queue.complete_if_held(&[completion(&leased.lease, "late", &[])]).await.unwrap();
    assert_eq!(answer, [Completed::Stored]);
    let outcomes = queue.collect(leased.task.id.job, 1, PATIENTLY).await.unwrap();
    assert_eq!(outcomes, [outcome(leased.task.id, "late")]);
}

/// A worker falls asleep, leases its task again, and hands in both outcomes.
pub async fn one_call_may_hold_stale_and_valid_outcomes(queue: Both<impl Queue>) {
    // Small outcomes, and outcomes that an engine may store as blobs.
    let marks = [("stale", "valid"), (&*"s".repeat(LARGE), &*"v".repeat(LARGE))];
    for (number, (stale, valid)) in (0..).zip(marks) {
        for (number, stale_first) in [(4 * number, true), (4 * number + 2, false)] {
            queue.push(&naps(1, number..number + 2)).await.unwrap();
            let late = take(&queue, "sleeps", 2).await;
            let current = [take_one(&queue, "sleeps").await, take_one(&queue, "sleeps").await];
            assert_eq!((late[0].task.id, current[0].delivery), (current[0].task.id, 2));

            let mut handed_in = vec![completion(&late[0].lease, stale, &["wrong"])];
            handed_in.extend(
                current.iter().map(|current| completion(&current.lease, valid, &["right"])),
            );
            let mut answers = vec![Completed::Stale, Completed::Stored, Completed::Stored];
            if !stale_first {
                handed_in.reverse();
                answers.reverse();
            }
            assert_eq!(queue.complete_if_held(&handed_in).await.unwrap(), answers);

            let mut outcomes = queue.collect(JobId(1), 9, PATIENTLY).await.unwrap();
            outcomes.sort_by_key(|outcome| outcome.task.number);
            let expected = [outcome(late[0].task.id, valid), outcome(late[1].task.id, valid)];
            assert!(outcomes == expected, "{stale_first}, {} bytes", valid.len());
            let rows = queue
                .rows(vec![rows_key(&late[0].lease, 0), rows_key(&current[0].lease, 0)])
                .await
                .unwrap();
            assert_eq!(rows, [None, block("right")]);
        }
    }
}
