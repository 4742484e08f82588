//! The order of leasing, and waiting for tasks.

use std::time::{Duration, Instant};

use sheaf_common::job::{Class, JobId};
use sheaf_common::numbers::TaskNumber;
use sheaf_common::queue::{Completed, Queue};

use super::{PATIENTLY, take, take_one};
use crate::both::Both;
use crate::make::{addressed, completion, heavy, id, leases, nap, nap_of, naps, numbers, worker};

pub async fn the_first_pushed_goes_first(queue: Both<impl Queue>) {
    queue.push(&naps(1, 0..3)).await.unwrap();
    queue.push(&naps(1, 3..5)).await.unwrap();
    assert_eq!(numbers(&take(&queue, "a", 2).await), [0, 1]);
    assert_eq!(numbers(&take(&queue, "b", 10).await), [2, 3, 4]);
    assert_eq!(take(&queue, "a", 10).await, []);
}

pub async fn repair_goes_before_render_and_render_before_extract(queue: Both<impl Queue>) {
    queue.push(&naps(1, 0..3)).await.unwrap();
    queue.push(&[nap_of(id(2, Class::Render, 8)), nap_of(id(1, Class::Render, 9))]).await.unwrap();
    queue.push(&[addressed(1, 7, "a"), nap_of(id(1, Class::Repair, 1))]).await.unwrap();
    assert_eq!(take(&queue, "a", 1).await[0].task.id, id(1, Class::Repair, 1));
    let first = take(&queue, "a", 3).await;
    assert!(first.iter().all(|leased| leased.task.id.class == Class::Render), "{first:?}");
    assert_eq!(numbers(&take(&queue, "a", 5).await), [0, 1, 2]);
}

pub async fn jobs_take_turns(queue: Both<impl Queue>) {
    queue.push(&naps(1, 0..6)).await.unwrap();
    queue.push(&naps(2, 0..3)).await.unwrap();
    queue.push(&naps(3, 0..3)).await.unwrap();
    let mut turns = Vec::new();
    for _ in 0..9 {
        turns.push(take(&queue, "a", 1).await[0].task.id.job.0);
    }

    for round in turns.chunks(3) {
        let mut round = round.to_vec();
        round.sort_unstable();
        assert_eq!(round, [1, 2, 3], "{turns:?}");
    }

    assert_eq!(numbers(&take(&queue, "a", 9).await), [3, 4, 5]);
}

pub async fn a_small_job_overtakes_a_large_one(queue: Both<impl Queue>) {
    queue.push(&naps(1, 0..500)).await.unwrap();
    assert_eq!(take(&queue, "a", 10).await.len(), 10);
    queue.push(&naps(2, 0..2)).await.unwrap();
    let leased = take(&queue, "a", 10).await;
    assert_eq!(leased.iter().filter(|leased| leased.task.id.job.0 == 2).count(), 2, "{leased:?}");
    assert_eq!(leased.len(), 10);
}

pub async fn deliveries_are_counted(queue: Both<impl Queue>) {
    queue.push(&[nap(1, 0)]).await.unwrap();
    for delivery in 1..=3 {
        assert_eq!(take_one(&queue, "a").await.delivery, delivery);
    }
}

pub async fn an_empty_queue_answers_in_time(queue: Both<impl Queue>) {
    let began = Instant::now();
    let wait = Duration::from_millis(200);
    assert_eq!(queue.lease(&worker("a"), 1, wait).await.unwrap(), []);
    assert!(began.elapsed() >= wait && began.elapsed() < PATIENTLY, "{:?}", began.elapsed());
}

pub async fn a_push_wakes_a_waiting_worker(queue: Both<impl Queue>) {
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { take_one(&queue, "a").await }
    });
    // It must wake the worker, whether it comes before or after the wait has begun.
    queue.push(&[nap(1, 7)]).await.unwrap();
    assert_eq!(waiting.await.unwrap().task.id.number, TaskNumber(7));
}

pub async fn a_lease_of_nothing_is_nothing(queue: Both<impl Queue>) {
    queue.push(&naps(1, 0..2)).await.unwrap();
    assert_eq!(queue.lease(&worker("a"), 0, PATIENTLY).await.unwrap(), []);
    assert_eq!(take(&queue, "a", 5).await.len(), 2);
}

pub async fn a_task_comes_back_as_it_was_pushed(queue: Both<impl Queue>) {
    let pushed = vec![heavy(u64::MAX, u64::MAX, 100_000), nap(u64::MAX, 0)];
    queue.push(&pushed).await.unwrap();
    let leased = take(&queue, "host:1:\u{ff}", 5).await;
    let tasks: Vec<_> = leased.iter().map(|leased| leased.task.clone()).collect();
    assert_eq!(tasks, pushed);
    assert!(queue.extend_if_held(leases(&leased)).await.unwrap().is_empty());
}

pub async fn a_caller_that_gives_up_loses_no_task(queue: Both<impl Queue>) {
    for number in 0..20 {
        let name = worker("gives-up");
        let lease = queue.lease(&name, 1, PATIENTLY);
        let pushed = vec![nap(1, number)];
        tokio::select! {
            biased;
            leased = lease => panic!("nothing is there yet: {leased:?}"),
            () = tokio::time::sleep(Duration::from_millis(number)) => {}
        }
        queue.push(&pushed).await.unwrap();
        assert_eq!(take_one(&queue, "stays").await.task.id.number, TaskNumber(number));
    }
}

pub async fn an_addressed_task_goes_to_its_worker_alone(queue: Both<impl Queue>) {
    queue.push(&[addressed(1, 0, "a"), addressed(1, 1, "b"), addressed(1, 2, "a")]).await.unwrap();
    queue.push(&[addressed(1, 2, "b"), nap(1, 7)]).await.unwrap();
    assert_eq!(take(&queue, "c", 9).await.len(), 1);

    let leased = take(&queue, "a", 9).await;
    assert_eq!(numbers(&leased), [0, 2]);
    assert_eq!(leased[0].task, addressed(1, 0, "a"));

    let held: Vec<_> = leased.iter().map(|leased| leased.lease.clone()).collect();
    assert!(queue.extend_if_held(held.clone()).await.unwrap().is_empty());
    queue.release_if_held(held[1..].to_vec()).await.unwrap();
    assert_eq!(take(&queue, "b", 9).await.len(), 1);

    let again = take_one(&queue, "a").await;
    assert_eq!((again.task.id.number.0, again.delivery), (2, 1));
    let finished = [completion(&held[0], "a", &[]), completion(&again.lease, "a", &[])];
    assert_eq!(queue.complete_if_held(&finished).await.unwrap(), [Completed::Stored; 2]);
    assert_eq!(queue.collect(JobId(1), 9, PATIENTLY).await.unwrap().len(), 2);

    let pending = vec![id(1, Class::Render, 1), id(1, Class::Extract, 7)];
    assert!(queue.missing(pending).await.unwrap().is_empty());
}
