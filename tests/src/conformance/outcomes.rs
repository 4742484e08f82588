//! The way back: outcomes, news, rows.

use std::time::{Duration, Instant};

use sheaf_common::job::{Class, JobId};
use sheaf_common::numbers::{BlockNumber, FileIndex};
use sheaf_common::outcome::{Outcome, Reading, TaskResult};
use sheaf_common::queue::{JobOwner, Queue};
use sheaf_common::rows::RowsKey;

use super::{PATIENTLY, take, take_one};
use crate::both::Both;
use crate::make::{block, completion, id, nap, naps, rows_key};

/// Leases `count` tasks and finishes them in reverse order.
async fn finish_backwards<Q: Queue>(queue: &Both<Q>, count: usize) {
    let leased = take(queue, "a", count).await;
    assert_eq!(leased.len(), count);
    let completions =
        leased.iter().rev().map(|leased| completion(&leased.lease, "a", &[])).collect::<Vec<_>>();
    queue.complete_if_held(&completions).await.unwrap();
}

fn numbers(outcomes: &[Outcome]) -> Vec<u64> {
    outcomes.iter().map(|outcome| outcome.task.number.0).collect()
}

pub async fn outcomes_come_in_the_order_of_finishing(queue: Both<impl Queue>) {
    queue.push(&naps(1, 0..5)).await.unwrap();
    finish_backwards(&queue, 5).await;
    assert_eq!(numbers(&queue.collect(JobId(1), 10, PATIENTLY).await.unwrap()), [4, 3, 2, 1, 0]);
}

pub async fn an_outcome_is_collected_once(queue: Both<impl Queue>) {
    queue.push(&naps(1, 0..300)).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        finish_backwards(&queue, 100).await;
        let outcomes = queue.collect(JobId(1), 1000, PATIENTLY).await.unwrap();
        assert_eq!(outcomes.len(), 100);
        seen.extend(numbers(&outcomes));
    }

    assert!(queue.collect(JobId(1), 1000, Duration::ZERO).await.unwrap().is_empty());
    seen.sort_unstable();
    assert_eq!(seen, (0..300).collect::<Vec<_>>());
}

pub async fn collect_obeys_its_limit(queue: Both<impl Queue>) {
    queue.push(&naps(1, 0..5)).await.unwrap();
    finish_backwards(&queue, 5).await;
    assert_eq!(numbers(&queue.collect(JobId(1), 2, PATIENTLY).await.unwrap()), [4, 3]);
    assert!(queue.collect(JobId(1), 0, Duration::ZERO).await.unwrap().is_empty());
    assert_eq!(numbers(&queue.collect(JobId(1), 2, PATIENTLY).await.unwrap()), [2, 1]);
    assert_eq!(numbers(&queue.collect(JobId(1), 2, PATIENTLY).await.unwrap()), [0]);

    let began = Instant::now();
    let wait = Duration::from_millis(100);
    assert!(queue.collect(JobId(1), 2, wait).await.unwrap().is_empty());
    assert!(began.elapsed() >= wait);
}

pub async fn a_finish_wakes_the_collector(queue: Both<impl Queue>) {
    queue.push(&[nap(1, 0)]).await.unwrap();
    let collecting = tokio::spawn({
        let queue = queue.clone();
        async move { queue.collect(JobId(1), 10, PATIENTLY).await.unwrap() }
    });
    finish_backwards(&queue, 1).await;
    assert_eq!(numbers(&collecting.await.unwrap()), [0]);
}

pub async fn jobs_do_not_see_each_others_outcomes(queue: Both<impl Queue>) {
    queue.push(&[nap(1, 1), nap(2, 2)]).await.unwrap();
    finish_backwards(&queue, 2).await;
    assert_eq!(numbers(&queue.collect(JobId(2), 10, PATIENTLY).await.unwrap()), [2]);
    assert!(queue.collect(JobId(2), 10, Duration::ZERO).await.unwrap().is_empty());
    assert_eq!(numbers(&queue.collect(JobId(1), 10, PATIENTLY).await.unwrap()), [1]);
}

pub async fn news_ends_no_task(queue: Both<impl Queue>) {
    queue.push(&[nap(1, 0)]).await.unwrap();
    let leased = take_one(&queue, "a").await;
    let result = TaskResult::Reading(Reading { sequence: FileIndex(0), parsed: 1, of: 2 });
    let news = Outcome { task: leased.task.id, slot: "a/0".into(), result };
    queue.notify(news.clone()).await.unwrap();
    assert_eq!(queue.collect(JobId(1), 10, PATIENTLY).await.unwrap(), [news]);
    assert!(queue.missing(vec![leased.task.id]).await.unwrap().is_empty());
    assert!(queue.extend_if_held(vec![leased.lease.clone()]).await.unwrap().is_empty());

    queue.complete_if_held(&[completion(&leased.lease, "a/0", &[])]).await.unwrap();
    assert_eq!(queue.collect(JobId(1), 10, PATIENTLY).await.unwrap().len(), 1);

    // News of a closed job is no error, and does not revive it.
    queue.close(JobId(1)).await.unwrap();
    let result = TaskResult::Reading(Reading { sequence: FileIndex(0), parsed: 2, of: 2 });
    queue
        .notify(Outcome { task: id(1, Class::Extract, 0), slot: String::new(), result })
        .await
        .unwrap();

    assert!(queue.collect(JobId(1), 10, Duration::ZERO).await.unwrap().is_empty());
}

pub async fn rows_stay_until_they_are_forgotten(queue: Both<impl Queue>) {
    queue.push(&naps(1, 0..2)).await.unwrap();
    let leased = take(&queue, "a", 2).await;
    let first = &leased[0].lease;
    let second = &leased[1].lease;
    let completions = vec![
        completion(&leased[0].lease, "a", &["00", "01"]),
        completion(&leased[1].lease, "a", &["10"]),
    ];

    queue.complete_if_held(&completions).await.unwrap();
    queue.collect(JobId(1), 10, PATIENTLY).await.unwrap();
    let all = vec![rows_key(second, 0), rows_key(first, 1), rows_key(first, 0)];
    let found = queue.rows(all.clone()).await.unwrap();
    assert_eq!(found, [block("10"), block("01"), block("00")]);

    queue.forget(vec![rows_key(first, 1)]).await.unwrap();
    queue.forget(vec![rows_key(first, 1), rows_key(first, 7)]).await.unwrap();
    assert_eq!(queue.rows(all).await.unwrap(), [block("10"), None, block("00")]);
}

pub async fn rows_handed_over_can_be_fetched(queue: Both<impl Queue>) {
    queue.push(&naps(1, 0..2)).await.unwrap();
    let leased = take(&queue, "a", 2).await;
    let keys: Vec<RowsKey> = leased.iter().map(|leased| rows_key(&leased.lease, 3)).collect();
    let completions: Vec<_> =
        leased.iter().map(|leased| completion(&leased.lease, "a", &[])).collect();
    queue.complete_if_held(&completions).await.unwrap();
    assert_eq!(queue.rows(keys.clone()).await.unwrap(), [None, None]);

    let stashed = [(keys[0], block("03").unwrap()), (keys[1], block("13").unwrap())];
    queue.hand_over(&stashed).await.unwrap();
    queue.hand_over(&stashed).await.unwrap();
    assert_eq!(queue.rows(keys.clone()).await.unwrap(), [block("03"), block("13")]);

    queue.forget(keys.clone()).await.unwrap();
    assert_eq!(queue.rows(keys).await.unwrap(), [None, None]);
    queue.hand_over(&[]).await.unwrap();

    // Rows that come after the close are not left behind.
    queue.close(JobId(1)).await.unwrap();
    queue.hand_over(&stashed).await.unwrap();
    assert_eq!(queue.rows(vec![stashed[0].0]).await.unwrap(), [None]);
}

pub async fn unknown_rows_are_none(queue: Both<impl Queue>) {
    let key = RowsKey { task: id(1, Class::Extract, 0), block: BlockNumber(0), edition: 0 };
    assert_eq!(queue.rows(vec![key, key]).await.unwrap(), [None, None]);
    assert_eq!(queue.rows(vec![]).await.unwrap(), []);
    queue.forget(vec![key]).await.unwrap();
    queue.forget(vec![]).await.unwrap();
}

pub async fn a_coordinator_puts_and_reads_rows(queue: Both<impl Queue>) {
    queue.open(JobId(1), JobOwner::default()).await.unwrap();
    let key = |number, block| {
        let task = id(1, Class::Extract, number);
        RowsKey { task, block: BlockNumber(block), edition: 9 }
    };
    let text = |text: &str| block(text).unwrap();

    // Of a task that no worker has done.
    let rows = [(key(0, 0), text("a")), (key(0, 1), text("b")), (key(7, 0), text("c"))];
    queue.put_rows(JobId(1), &rows).await.unwrap();
    queue.put_rows(JobId(1), &rows[..1]).await.unwrap();
    queue.put_rows(JobId(1), &[]).await.unwrap();

    let keys = vec![key(7, 0), key(0, 1), key(0, 2), key(0, 0)];
    let all = [block("c"), block("b"), None, block("a")];
    assert_eq!(queue.rows(keys.clone()).await.unwrap(), all, "for workers");
    assert_eq!(queue.rows_of(JobId(1), keys.clone()).await.unwrap(), all, "for the coordinator");
    assert_eq!(queue.rows_of(JobId(1), keys.clone()).await.unwrap(), all, "they stay");

    queue.forget(vec![key(0, 1)]).await.unwrap();
    queue.close(JobId(1)).await.unwrap();
    assert_eq!(queue.rows(keys).await.unwrap(), [None, None, None, None]);
}
