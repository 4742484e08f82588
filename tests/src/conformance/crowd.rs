//! Many workers at once.

use std::collections::HashMap;
use std::time::Duration;

use sheaf_common::fit;
use sheaf_common::job::JobId;
use sheaf_common::outcome::Outcome;
use sheaf_common::queue::{Completed, Queue};

use super::PATIENTLY;
use crate::both::Both;
use crate::make::{completion, leases, naps, worker};

const TASKS: u64 = 1200;
const CONSUMERS: usize = 8;

/// Plays a worker until no task has come for 2 s; returns how many completions were stored. Now and
/// then it hands its tasks back, or, if `careless`, drops them.
async fn consume<Q: Queue>(queue: Both<Q>, name: String, careless: bool) -> usize {
    let mut stored = 0;
    let mut batch = 0;
    loop {
        let leased =
            queue.lease(&worker(&name), 1 + batch % 7, Duration::from_secs(2)).await.unwrap();
        batch += 1;
        if leased.is_empty() {
            return stored;
        }
        if careless && batch % 20 == 0 {
            continue; // Like a worker that was killed.
        }
        if batch % 11 == 0 {
            queue.release_if_held(leases(&leased)).await.unwrap();
            continue;
        }
        let completions = leased
            .iter()
            .map(|leased| completion(&leased.lease, &name, &["rows"]))
            .collect::<Vec<_>>();
        let answers = queue.complete_if_held(&completions).await.unwrap();
        stored += answers.iter().filter(|answer| **answer == Completed::Stored).count();
    }
}

async fn collect_all<Q: Queue>(queue: &Both<Q>) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    while outcomes.len() < fit::size(TASKS) {
        let some = queue.collect(JobId(1), 50, PATIENTLY).await.unwrap();
        assert!(!some.is_empty(), "only {} outcomes came", outcomes.len());
        outcomes.extend(some);
    }
    assert!(queue.collect(JobId(1), 50, Duration::ZERO).await.unwrap().is_empty());
    outcomes
}

async fn run<Q: Queue>(queue: Both<Q>, careless: bool) {
    let consumers: Vec<_> = (0..CONSUMERS)
        .map(|n| tokio::spawn(consume(queue.clone(), format!("consumer:{n}"), careless)))
        .collect();
    for from in (0..TASKS).step_by(100) {
        queue.push(&naps(1, from..from + 100)).await.unwrap();
    }

    let outcomes = collect_all(&queue).await;
    let mut times: HashMap<u64, u32> = HashMap::new();
    for outcome in &outcomes {
        *times.entry(outcome.task.number.0).or_default() += 1;
    }

    assert!((0..TASKS).all(|number| times.get(&number) == Some(&1)), "{times:?}");
    let mut stored = 0;
    for consumer in consumers {
        stored += consumer.await.unwrap();
    }

    assert_eq!(stored, fit::size(TASKS));
}

pub async fn each_task_is_finished_once(queue: Both<impl Queue>) {
    run(queue, false).await;
}

pub async fn tasks_survive_consumers_that_vanish(queue: Both<impl Queue>) {
    run(queue, true).await;
}
