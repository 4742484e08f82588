//! Many workers: how often the server is asked, and what a run learns of them.

use std::time::Duration;

use sheaf_common::job::JobId;
use sheaf_common::queue::{Capacity, Leased, RedisSettings, Timing, WorkerInfo};
use sheaf_tests::conformance::{PATIENTLY, take_one};
use sheaf_tests::make::{completion, nap, naps, numbers, worker};
use sheaf_tests::redis_server::RedisServer;
use sheaf_tests::server;
use sheaf_tests::wait::until;

/// So long that nobody looks by itself while a test goes on.
const LONG: Duration = Duration::from_secs(60);

/// The calls of scripts since the last [`forget_calls`].
fn calls(server: &RedisServer) -> u64 {
    let stats: String = server.command(&["INFO", "commandstats"]);
    let calls = |line: &str| line.split(['=', ',']).nth(1)?.parse::<u64>().ok();
    stats.lines().filter(|line| line.starts_with("cmdstat_eval")).filter_map(calls).sum()
}

fn forget_calls(server: &RedisServer) {
    server.command::<()>(&["CONFIG", "RESETSTAT"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_wakes_no_more_workers_than_needed() {
    let server = server!("a_push_wakes_no_more_workers_than_needed");
    let queue = server.queue(LONG).await;
    let mut waiting = Vec::new();
    for name in 0..8 {
        // Connections of its own, like a worker that is a process.
        let queue = server.queue(LONG).await;
        waiting.push(tokio::spawn(async move {
            queue.lease(&worker(&name.to_string()), 4, PATIENTLY).await.unwrap()
        }));
    }
    let clients =
        async || server.command::<String>(&["CLIENT", "LIST"]).matches("cmd=blpop").count();
    until("all wait", clients, |count| *count == 8).await;
    forget_calls(&server);
    queue.push(&naps(1, 0..3)).await.unwrap();
    let given = async || waiting.iter().filter(|waiting| waiting.is_finished()).count();
    until("some have tasks", given, |count| *count == 3).await;
    // The push, three who found one each, and one who found that there was nothing left.
    until("the last look", async || calls(&server), |calls| *calls >= 5).await;
    let looks = calls(&server);
    assert!(looks <= 6, "{looks} calls");

    queue.push(&naps(1, 3..8)).await.unwrap();
    let mut all: Vec<Leased> = Vec::new();
    for waiting in waiting {
        let leased = waiting.await.unwrap();
        assert_eq!(leased.len(), 1);
        all.extend(leased);
    }
    let mut numbers = numbers(&all);
    numbers.sort_unstable();
    assert_eq!(numbers, (0..8).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_outcome_is_collected_with_one_call() {
    let server = server!("each_outcome_is_collected_with_one_call");
    let settings = server.settings(LONG);
    let timing = Timing { sweep: LONG, abandoned: 10 * LONG, ..settings.timing };
    let queue = server.queue_with(RedisSettings { timing, ..settings }).await;
    for number in 0..20 {
        queue.push(&[nap(1, number)]).await.unwrap();
        let leased = take_one(&queue, "a").await;
        queue.complete_if_held(&[completion(&leased.lease, "a", &[])]).await.unwrap();
        if number == 9 {
            forget_calls(&server);
        }
        assert_eq!(queue.collect(JobId(1), 9, PATIENTLY).await.unwrap().len(), 1);
    }
    // One of the tenth, and of each that follows push, lease, complete and collect.
    let calls = calls(&server);
    assert!(calls <= 41, "{calls} calls");
}

#[tokio::test(flavor = "multi_thread")]
async fn capacity_counts_capable_slots_and_server_memory() {
    let server = server!("capacity_counts_capable_slots_and_server_memory");
    let queue = server.queue(LONG).await;
    assert_eq!(queue.capacity().await.unwrap(), Capacity { slots: 0, bytes: None, jobs: 1 });
    let worker = |id: &str, slots| WorkerInfo {
        id: id.into(),
        version: sheaf_common::VERSION.into(),
        slots,
        ..WorkerInfo::default()
    };
    let others = [
        WorkerInfo { version: "0.0.9".into(), ..worker("of another version", 50) },
        WorkerInfo { bytes_servers: 2, ..worker("told of other servers", 50) },
    ];
    for info in [worker("a", 3), worker("b", 8)].iter().chain(&others) {
        queue.announce(info).await.unwrap();
    }
    server.command::<()>(&["CONFIG", "SET", "maxmemory", "100mb"]);
    server.command::<()>(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    assert_eq!(
        queue.capacity().await.unwrap(),
        Capacity { slots: 11, bytes: Some(100 << 20), jobs: 1 }
    );
}
