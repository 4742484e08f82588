//! The coordinator's calls: push, missing, close.

use std::time::Duration;

use sheaf_common::job::{Class, JobId};
use sheaf_common::queue::{Completed, Queue};

use super::{PATIENTLY, take, take_one};
use crate::both::Both;
use crate::make::{completion, id, nap, nap_of, naps, numbers, rows_key};

pub async fn a_task_is_pushed_once(queue: Both<impl Queue>) {
    queue.push(&[nap(1, 0), nap(1, 0), nap(1, 1)]).await.unwrap();
    queue.push(&[nap(1, 1)]).await.unwrap();
    assert_eq!(numbers(&take(&queue, "a", 1).await), [0]);

    queue.push(&naps(1, 0..2)).await.unwrap(); // One is leased, one waits.
    assert_eq!(numbers(&take(&queue, "a", 9).await), [1]);

    // The same number in another class or job is another task.
    queue.push(&[nap_of(id(1, Class::Render, 0)), nap(2, 0)]).await.unwrap();
    assert_eq!(take(&queue, "a", 9).await.len(), 2);
    queue.push(&[]).await.unwrap();
}

pub async fn a_finished_task_may_be_pushed_again(queue: Both<impl Queue>) {
    let task = id(1, Class::Extract, 0);
    queue.push(&[nap(1, 0)]).await.unwrap();
    let first = take_one(&queue, "a").await;
    queue.complete_if_held(&[completion(&first.lease, "a", &["old"])]).await.unwrap();
    queue.push(&[nap(1, 0)]).await.unwrap();
    assert_eq!(queue.collect(JobId(1), 9, PATIENTLY).await.unwrap().len(), 1);
    assert!(queue.missing(vec![task]).await.unwrap().is_empty(), "it waits again");

    let second = take_one(&queue, "a").await;
    assert_eq!(second.delivery, 1);
    let stale = queue.complete_if_held(&[completion(&first.lease, "a", &[])]).await.unwrap();
    assert_eq!(stale, [Completed::Stale]);

    queue.complete_if_held(&[completion(&second.lease, "b", &["new"])]).await.unwrap();
    assert_eq!(queue.collect(JobId(1), 9, PATIENTLY).await.unwrap().len(), 1);
    assert_eq!(queue.missing(vec![task]).await.unwrap(), [task]);
}

pub async fn missing_names_unknown_tasks(queue: Both<impl Queue>) {
    let task = |number| id(1, Class::Extract, number);
    queue.push(&naps(1, 0..3)).await.unwrap();
    let leased = take(&queue, "a", 2).await;
    queue.complete_if_held(&[completion(&leased[0].lease, "a", &[])]).await.unwrap();

    // 0 has an outcome, 1 is leased, 2 is waiting. 3 and job 9 were never pushed.
    let other = id(9, Class::Render, 0);
    let asked = vec![task(3), task(2), task(1), task(0), other];
    assert_eq!(queue.missing(asked.clone()).await.unwrap(), [task(3), other]);

    queue.collect(JobId(1), 9, PATIENTLY).await.unwrap();
    assert_eq!(queue.missing(asked).await.unwrap(), [task(3), task(0), other]);
    assert_eq!(queue.missing(vec![]).await.unwrap(), []);
}

pub async fn close_makes_leases_stale_and_removes_all(queue: Both<impl Queue>) {
    let task = |number| id(1, Class::Extract, number);
    queue.push(&naps(1, 0..4)).await.unwrap();
    queue.push(&naps(2, 0..1)).await.unwrap();
    let leased: Vec<_> =
        take(&queue, "a", 3).await.into_iter().filter(|l| l.task.id.job == JobId(1)).collect();
    assert_eq!(leased.len(), 2);

    queue.complete_if_held(&[completion(&leased[0].lease, "a", &["rows"])]).await.unwrap();
    queue.close(JobId(1)).await.unwrap();

    let lease = leased[1].lease.clone();
    assert_eq!(
        queue.extend_if_held(vec![lease.clone()]).await.unwrap(),
        std::slice::from_ref(&lease)
    );

    queue.release_if_held(vec![lease.clone()]).await.unwrap();
    let stale = queue.complete_if_held(&[completion(&lease, "a", &["rows"])]).await.unwrap();
    assert_eq!(stale, [Completed::Stale]);
    assert_eq!(
        queue.rows(vec![rows_key(&leased[0].lease, 0), rows_key(&lease, 0)]).await.unwrap(),
        [None, None]
    );

    assert!(queue.collect(JobId(1), 9, Duration::ZERO).await.unwrap().is_empty());
    assert_eq!(take(&queue, "a", 9).await, []);
    let asked: Vec<_> = (0..4).map(task).collect();
    assert_eq!(queue.missing(asked.clone()).await.unwrap(), asked);
    assert!(queue.missing(vec![id(2, Class::Extract, 0)]).await.unwrap().is_empty());

    queue.close(JobId(1)).await.unwrap();
}

pub async fn a_closed_job_may_begin_again(queue: Both<impl Queue>) {
    queue.push(&[nap(1, 0)]).await.unwrap();
    queue.close(JobId(1)).await.unwrap();
    queue.push(&[nap(1, 0)]).await.unwrap();
    assert_eq!(take_one(&queue, "a").await.delivery, 1);
}
