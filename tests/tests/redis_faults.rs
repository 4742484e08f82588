//! The queue on Redis when things go wrong: restarts, flushes, cuts, full memory, damage.

use std::time::{Duration, Instant};

use sheaf_common::job::{Class, JobId};
use sheaf_common::numbers::TaskNumber;
use sheaf_common::outcome::TaskResult;
use sheaf_common::queue::{
    Completed, Completion, LEASE, Lease, QueueError, RedisQueue, RedisSettings, Timing, WorkerInfo,
};
use sheaf_common::task::Task;
use sheaf_tests::both::Both;
use sheaf_tests::conformance::{PATIENTLY, take, take_one};
use sheaf_tests::make::{
    addressed, block, completion, heavy, id, leases, nap, nap_of, naps, numbers, rows_key, worker,
};
use sheaf_tests::proxy::{Proxy, Way};
use sheaf_tests::redis_server::{Options, TIMING};
use sheaf_tests::server;
use sheaf_tests::wait::{DEADLINE, until};

/// More bytes than go through a script.
const LARGE: usize = 20_000;

/// Brings every script to the server: whoever does not hear that one is unknown there cannot bring
/// it.
async fn warm_up(queue: &Both<RedisQueue>) {
    queue.push(&[nap(9, 0)]).await.unwrap();
    let leased = take_one(queue, "warm").await;
    queue.complete_if_held(&[completion(&leased.lease, "warm", &[])]).await.unwrap();
    assert_eq!(queue.collect(JobId(9), 9, PATIENTLY).await.unwrap().len(), 1);
    queue.close(JobId(9)).await.unwrap();
}

// ---- a server that comes and goes

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_while_a_lease_waits_is_survived() {
    let mut server = server!("a_restart_while_a_lease_waits_is_survived");
    let queue = server.queue(LEASE).await;
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { take_one(&queue, "a").await }
    });
    let clients = async || server.command::<String>(&["CLIENT", "LIST"]);
    until("the lease blocks", clients, |list| list.contains("cmd=blpop")).await;
    server.kill();
    server.restart().await;
    queue.push(&[nap(1, 5)]).await.unwrap();
    assert_eq!(waiting.await.unwrap().task.id.number, TaskNumber(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn flushed_tasks_are_missing_and_pushed_again() {
    let server = server!("flushed_tasks_are_missing_and_pushed_again");
    let queue = server.queue(LEASE).await;
    queue.push(&naps(1, 0..4)).await.unwrap();
    let leased = take(&queue, "a", 2).await;
    queue.complete_if_held(&[completion(&leased[0].lease, "a", &["lost"])]).await.unwrap();
    server.command::<()>(&["FLUSHALL"]);

    let all: Vec<_> = (0..4).map(|number| id(1, Class::Extract, number)).collect();
    assert_eq!(queue.missing(all.clone()).await.unwrap(), all);
    queue.push(&naps(1, 0..4)).await.unwrap();
    assert!(queue.missing(all).await.unwrap().is_empty());

    let stale = leased[1].lease.clone();
    assert_eq!(
        queue.extend_if_held(vec![stale.clone()]).await.unwrap(),
        std::slice::from_ref(&stale)
    );
    queue.release_if_held(vec![stale.clone()]).await.unwrap();
    let answer = queue.complete_if_held(&[completion(&stale, "a", &["stale"])]).await.unwrap();
    assert_eq!(answer, [Completed::Stale]);
    let again = take(&queue, "b", 9).await;
    assert_eq!(again.len(), 4);
    let finished =
        again.iter().map(|leased| completion(&leased.lease, "b", &["rows"])).collect::<Vec<_>>();
    assert_eq!(queue.complete_if_held(&finished).await.unwrap(), [Completed::Stored; 4]);
    assert_eq!(queue.collect(JobId(1), 9, PATIENTLY).await.unwrap().len(), 4);
    assert_eq!(queue.rows(vec![rows_key(&again[1].lease, 0)]).await.unwrap(), [block("rows")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_while_a_lease_waits_is_survived() {
    let server = server!("a_flush_while_a_lease_waits_is_survived");
    let queue = server.queue(LEASE).await;
    queue.push(&[nap(1, 0)]).await.unwrap();
    take(&queue, "a", 1).await;
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { take_one(&queue, "b").await }
    });
    let clients = async || server.command::<String>(&["CLIENT", "LIST"]);
    until("the lease blocks", clients, |list| list.contains("cmd=blpop")).await;
    server.command::<()>(&["FLUSHALL"]);
    queue.push(&[nap(1, 0)]).await.unwrap();
    assert_eq!(waiting.await.unwrap().delivery, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_was_destroyed_is_made_again() {
    let server = server!("a_group_that_was_destroyed_is_made_again");
    let queue = server.queue(LEASE).await;
    queue.push(&naps(1, 0..4)).await.unwrap();
    let leased = take(&queue, "a", 3).await;
    queue.complete_if_held(&[completion(&leased[0].lease, "a", &[])]).await.unwrap();
    let streams: Vec<String> = server.command(&["KEYS", "*:extract"]);
    server.command::<i64>(&["XGROUP", "DESTROY", &streams[0], "workers"]);
    let answer = queue.complete_if_held(&[completion(&leased[1].lease, "a", &[])]).await.unwrap();
    assert_eq!(answer, [Completed::Stored], "nobody else has it");
    let again = queue.lease(&worker("b"), 9, PATIENTLY).await.unwrap();
    assert_eq!(
        sheaf_tests::make::numbers(&again),
        [2, 3],
        "what was finished does not come back, what was leased does"
    );
    let late = queue.complete_if_held(&[completion(&leased[2].lease, "a", &[])]).await.unwrap();
    assert_eq!(late, [Completed::Stale]);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_connections_are_made_again() {
    let server = server!("killed_connections_are_made_again");
    let queue = server.queue(LEASE).await;
    for number in 0..5 {
        queue.push(&[nap(1, number)]).await.unwrap();
        server.command::<i64>(&["CLIENT", "KILL", "TYPE", "normal"]);
        let leased = take_one(&queue, "a").await;
        server.command::<i64>(&["CLIENT", "KILL", "TYPE", "normal"]);
        let lost = queue.extend_if_held(leases(std::slice::from_ref(&leased))).await.unwrap();
        assert!(lost.is_empty());
        let stored = queue.complete_if_held(&[completion(&leased.lease, "a", &[])]).await.unwrap();
        assert_eq!(stored, [Completed::Stored]);
        assert_eq!(queue.collect(JobId(1), 9, PATIENTLY).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finish_without_reply_is_stored_once() {
    let server = server!("a_finish_without_reply_is_stored_once");
    let direct = server.queue(LEASE).await;
    let proxy = Proxy::to(server.port()).await;
    let queue =
        server.queue_with(RedisSettings { url: proxy.url(), ..server.settings(LEASE) }).await;
    warm_up(&direct).await;
    direct.push(&[nap(1, 0)]).await.unwrap();
    let leased = take_one(&queue, "a").await;
    proxy.set(Way::Deaf);
    let finishing = tokio::spawn({
        let (queue, completion) = (queue.clone(), completion(&leased.lease, "a", &[]));
        async move { queue.complete_if_held(&[completion]).await.unwrap() }
    });
    // It came through, and its reply did not.
    let outcomes = direct.collect(JobId(1), 9, PATIENTLY).await.unwrap();
    assert_eq!(outcomes.len(), 1);
    proxy.set(Way::Open);
    assert_eq!(finishing.await.unwrap(), [Completed::Stored]);
    assert!(direct.collect(JobId(1), 9, Duration::ZERO).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collect_without_reply_loses_no_outcome() {
    let server = server!("a_collect_without_reply_loses_no_outcome");
    let direct = server.queue(LEASE).await;
    let proxy = Proxy::to(server.port()).await;
    let queue =
        server.queue_with(RedisSettings { url: proxy.url(), ..server.settings(LEASE) }).await;
    queue.push(&naps(1, 0..3)).await.unwrap();
    let leased = take(&direct, "a", 3).await;
    let finished =
        leased.iter().map(|leased| completion(&leased.lease, "a", &[])).collect::<Vec<_>>();
    direct.complete_if_held(&finished).await.unwrap();
    warm_up(&direct).await;
    server.command::<()>(&["CONFIG", "RESETSTAT"]);
    proxy.set(Way::Deaf);
    let collecting = tokio::spawn({
        let queue = queue.clone();
        async move { queue.collect(JobId(1), 9, PATIENTLY).await.unwrap() }
    });
    let stats = async || server.command::<String>(&["INFO", "commandstats"]);
    until("the outcomes are read", stats, |stats| stats.contains("cmdstat_xrange")).await;
    proxy.set(Way::Open);
    assert_eq!(collecting.await.unwrap().len(), 3);
    assert!(queue.collect(JobId(1), 9, Duration::ZERO).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_stays_until_its_receipt_is_confirmed() {
    let server = server!("an_outcome_stays_until_its_receipt_is_confirmed");
    let queue = server.queue(LEASE).await;
    queue.push(&[nap(1, 0)]).await.unwrap();
    let finished = large(&take_one(&queue, "a").await.lease);
    queue.complete_if_held(std::slice::from_ref(&finished)).await.unwrap();

    // The answer to this one is lost with the process.
    let lost = server.queue(LEASE).await;
    assert_eq!(
        lost.collect(JobId(1), 9, PATIENTLY).await.unwrap(),
        std::slice::from_ref(&finished.outcome)
    );
    drop(lost);

    assert_eq!(queue.collect(JobId(1), 9, PATIENTLY).await.unwrap(), [finished.outcome]);
    assert!(queue.collect(JobId(1), 9, Duration::ZERO).await.unwrap().is_empty());
    assert_eq!(server.command::<Vec<String>>(&["KEYS", "*:outcome:*"]), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_server_fails_calls_in_bounded_time() {
    let server = server!("a_silent_server_fails_calls_in_bounded_time");
    let timing = Timing {
        connect: Duration::from_millis(300),
        answer: Duration::from_millis(300),
        patience: Duration::from_millis(500),
        ..TIMING
    };
    let queue = server.queue_with(RedisSettings { timing, ..server.settings(LEASE) }).await;
    queue.push(&[nap(1, 0)]).await.unwrap();
    server.freeze(true);
    let began = Instant::now();
    assert!(matches!(queue.push(&[nap(1, 1)]).await, Err(QueueError::Unreachable(_))));
    let lease = queue.lease(&worker("a"), 1, Duration::from_secs(1)).await;
    assert!(matches!(lease, Err(QueueError::Unreachable(_))), "{lease:?}");
    let collect = queue.collect(JobId(1), 1, Duration::from_secs(1)).await;
    assert!(matches!(collect, Err(QueueError::Unreachable(_))), "{collect:?}");
    assert!(began.elapsed() < DEADLINE, "{:?}", began.elapsed());
    server.freeze(false);
    let again = async || queue.push(&[nap(1, 1)]).await.is_ok();
    until("the server answers again", again, |is_ok| *is_ok).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_network_is_waited_for() {
    let server = server!("a_cut_network_is_waited_for");
    let proxy = Proxy::to(server.port()).await;
    let queue =
        server.queue_with(RedisSettings { url: proxy.url(), ..server.settings(LEASE) }).await;
    queue.push(&[nap(1, 0)]).await.unwrap();
    proxy.set(Way::Cut);
    let direct = server.queue(LEASE).await;
    let clients = async || server.command::<String>(&["CLIENT", "LIST"]).lines().count();
    let pushing = tokio::spawn({
        let queue = queue.clone();
        async move { queue.push(&[nap(1, 1)]).await }
    });
    until("the cut is felt", clients, |count| *count <= 1).await;
    proxy.set(Way::Open);
    pushing.await.unwrap().unwrap();
    assert_eq!(take(&direct, "a", 9).await.len(), 2);
}

// ---- a server that comes back with a part of its data

#[tokio::test(flavor = "multi_thread")]
async fn tasks_whose_entries_are_gone_are_missing() {
    let server = server!("tasks_whose_entries_are_gone_are_missing");
    let queue = server.queue(LEASE).await;
    queue.push(&naps(1, 0..4)).await.unwrap();
    let lost = take_one(&queue, "a").await;
    let streams: Vec<String> = server.command(&["KEYS", "*:extract"]);
    server.command::<i64>(&["XTRIM", &streams[0], "MAXLEN", "2"]);
    let all: Vec<_> = (0..4).map(|number| id(1, Class::Extract, number)).collect();
    assert_eq!(queue.missing(all.clone()).await.unwrap(), all[..2]);
    let late = queue.complete_if_held(&[completion(&lost.lease, "a", &["rows"])]).await.unwrap();
    assert_eq!(late, [Completed::Stale]);
    queue.push(&naps(1, 0..4)).await.unwrap();
    assert_eq!(queue.missing(all).await.unwrap(), []);
    assert_eq!(take(&queue, "b", 9).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_without_its_body_counts_as_lost() {
    let server = server!("a_task_without_its_body_counts_as_lost");
    let queue = server.queue(LEASE).await;
    queue.push(&[heavy(1, 0, LARGE)]).await.unwrap();
    let bodies: Vec<String> = server.command(&["KEYS", "*:body:*"]);
    assert_eq!(server.command::<i64>(&["DEL", &bodies[0]]), 1);
    assert_eq!(queue.lease(&worker("a"), 9, Duration::ZERO).await.unwrap(), []);
    let outcomes = queue.collect(JobId(1), 9, PATIENTLY).await.unwrap();
    assert_eq!(outcomes[0].result, TaskResult::TaskLost);
    queue.push(&[heavy(1, 0, LARGE)]).await.unwrap();
    assert_eq!(take_one(&queue, "a").await.task, heavy(1, 0, LARGE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_outcome_is_gone_is_missing() {
    let server = server!("a_task_whose_outcome_is_gone_is_missing");
    let queue = server.queue(LEASE).await;
    queue.push(&naps(1, 0..2)).await.unwrap();
    let finished: Vec<_> =
        take(&queue, "a", 2).await.iter().map(|leased| large(&leased.lease)).collect();
    assert_eq!(queue.complete_if_held(&finished).await.unwrap(), [Completed::Stored; 2]);
    let outcomes: Vec<String> = server.command(&["KEYS", "*:outcome:extract:0:*"]);
    assert_eq!(server.command::<i64>(&["DEL", &outcomes[0]]), 1);
    assert_eq!(queue.collect(JobId(1), 9, PATIENTLY).await.unwrap(), [finished[1].outcome.clone()]);
    let both: Vec<_> = (0..2).map(|number| id(1, Class::Extract, number)).collect();
    assert_eq!(queue.missing(both.clone()).await.unwrap(), both, "one is lost, one came through");
    assert_eq!(server.command::<Vec<String>>(&["KEYS", "*:outcome:*"]), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_workers_tasks_pass_on_after_their_leases() {
    let server = server!("gone_workers_tasks_pass_on_after_their_leases");
    let queue = server.queue(Duration::from_secs(2)).await;
    for name in ["gone", "here"] {
        queue.announce(&WorkerInfo { id: name.into(), ..WorkerInfo::default() }).await.unwrap();
    }
    queue
        .push(&[addressed(1, 0, "gone"), addressed(1, 1, "gone"), addressed(1, 2, "here")])
        .await
        .unwrap();
    let held = take_one(&queue, "gone").await;
    queue.leave(&worker("gone")).await.unwrap();
    let all: Vec<_> = (0..3).map(|number| id(1, Class::Render, number)).collect();
    assert_eq!(queue.missing(all.clone()).await.unwrap(), []);
    assert_eq!(take(&queue, "other", 9).await, [], "a lease of it goes on");
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert_eq!(queue.missing(all.clone()).await.unwrap(), []);
    assert_eq!(numbers(&take(&queue, "other", 9).await), [0, 1]);
    let late = queue.complete_if_held(&[completion(&held.lease, "gone", &[])]).await.unwrap();
    assert_eq!(late, [Completed::Stale]);
    assert_eq!(take(&queue, "gone", 9).await, []);
    assert_eq!(numbers(&take(&queue, "here", 9).await), [2]);
    assert_eq!(queue.missing(all).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_removes_streams_whose_list_is_lost() {
    let server = server!("closing_removes_streams_whose_list_is_lost");
    let for_bytes = server!("closing_removes_streams_whose_list_is_lost");
    let settings = RedisSettings { bytes_urls: vec![for_bytes.url()], ..server.settings(LEASE) };
    let queue = server.queue_with(settings).await;
    queue.announce(&WorkerInfo { id: "here".into(), ..WorkerInfo::default() }).await.unwrap();
    queue.push(&[addressed(1, 0, "here")]).await.unwrap();
    let lists: Vec<String> = server.command(&["KEYS", "*:addressed"]);
    assert_eq!(server.command::<i64>(&["DEL", &lists[0]]), 1);

    queue.close(JobId(1)).await.unwrap();

    assert_eq!(server.command::<Vec<String>>(&["KEYS", "*:render*"]), [""; 0]);
}

/// A completion whose outcome does not go through a script.
fn large(lease: &Lease) -> Completion {
    let mut completion = completion(lease, "a", &[]);
    completion.outcome.result = TaskResult::Failed { reason: "x".repeat(LARGE) };
    completion
}

// ---- memory

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_refuses_only_extract_tasks() {
    let options = Options::of("--maxmemory 16mb --maxmemory-policy noeviction");
    let server = server!("a_full_server_refuses_only_extract_tasks", options);
    let queue = server.queue(LEASE).await;
    let mut pushed = 0;
    let full = loop {
        match queue.push(&[heavy(1, pushed, 1 << 20)]).await {
            Ok(()) => pushed += 1,
            Err(error) => break error,
        }
        assert!(pushed < 100, "16 MB hold no 100 MB");
    };
    assert!(matches!(full, QueueError::Full(_)), "{full:?}");
    assert!(pushed > 5, "{pushed}");
    let refused = id(1, Class::Extract, pushed);
    assert_eq!(queue.missing(vec![refused]).await.unwrap(), [refused]);

    // One whose body is no small one, as of a task with many files.
    queue.push(&[Task { id: id(1, Class::Render, 0), ..heavy(1, 0, LARGE) }]).await.unwrap();
    let info = WorkerInfo { id: "w".into(), ..WorkerInfo::default() };
    queue.announce(&info).await.unwrap();
    let render = take_one(&queue, "a").await;
    assert_eq!(render.task.id.class, Class::Render);
    queue.release_if_held(vec![render.lease]).await.unwrap();
    let mut outcomes = 0;
    for _ in 0..=pushed {
        let leased = take_one(&queue, "a").await;
        let stored =
            queue.complete_if_held(&[completion(&leased.lease, "a", &["rows"])]).await.unwrap();
        assert_eq!(stored, [Completed::Stored]);
        outcomes += queue.collect(JobId(1), 9, PATIENTLY).await.unwrap().len();
    }
    assert_eq!(outcomes as u64, pushed + 1);
    queue.push(&[heavy(1, pushed, 1 << 20)]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_removes_job_keys_and_all_keys_expire() {
    let server = server!("closing_removes_job_keys_and_all_keys_expire");
    let queue = server.queue(LEASE).await;
    queue.push(&naps(1, 0..3)).await.unwrap();
    queue.push(&[nap_of(id(1, Class::Render, 0)), addressed(1, 1, "b")]).await.unwrap();
    let leased = take(&queue, "a", 2).await;
    queue.push(&[nap_of(id(1, Class::Repair, 0))]).await.unwrap();
    let finished: Vec<_> =
        leased.iter().map(|leased| completion(&leased.lease, "a", &["rows"])).collect();
    queue.complete_if_held(&finished).await.unwrap();
    queue.push(&[heavy(1, 9, LARGE)]).await.unwrap();
    queue.announce(&WorkerInfo { id: "w".into(), ..WorkerInfo::default() }).await.unwrap();
    let keys: Vec<String> = server.command(&["KEYS", "*"]);
    // All of the tables, rows twice; but an outcome that is a blob, and what is unconfirmed,
    // which goes soon.
    assert_eq!(keys.iter().filter(|key| !key.ends_with(":unconfirmed")).count(), 17, "{keys:?}");
    for key in &keys {
        let ttl_ms: i64 = server.command(&["PTTL", key]);
        let is_gone = ttl_ms == -2 && key.ends_with(":unconfirmed");
        assert!(is_gone || (1..=3_600_000).contains(&ttl_ms), "{key} lives on for {ttl_ms} ms");
        assert!(key.starts_with("sheaf:{default}:"), "{key}");
    }
    queue.close(JobId(1)).await.unwrap();
    let keys: Vec<String> = server.command(&["KEYS", "*0001:*"]);
    assert!(keys.is_empty(), "{keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_consumers_that_hold_tasks_stay() {
    let server = server!("only_consumers_that_hold_tasks_stay");
    let queue = server.queue(LEASE).await;
    queue.push(&naps(1, 0..3)).await.unwrap();
    let held = take_one(&queue, "holds").await;
    let finished = take_one(&queue, "finished").await;
    queue.complete_if_held(&[completion(&finished.lease, "finished", &[])]).await.unwrap();
    let streams: Vec<String> = server.command(&["KEYS", "*:extract"]);
    let consumers = async || {
        queue.collect(JobId(1), 9, Duration::ZERO).await.unwrap();
        format!(
            "{:?}",
            server.command::<redis::Value>(&["XINFO", "CONSUMERS", &streams[0], "workers"])
        )
    };
    until("who holds nothing goes", consumers, |list| !list.contains("finished")).await;
    assert!(consumers().await.contains("holds"));
    let stored = queue.complete_if_held(&[completion(&held.lease, "holds", &[])]).await.unwrap();
    assert_eq!(stored, [Completed::Stored]);
}

// ---- what others put there

#[tokio::test(flavor = "multi_thread")]
async fn damaged_tasks_fail_and_deleted_entries_are_cleaned() {
    let server = server!("damaged_tasks_fail_and_deleted_entries_are_cleaned");
    let lease = Duration::from_millis(300);
    let queue = server.queue(lease).await;
    queue.push(&naps(1, 0..1)).await.unwrap();
    let streams: Vec<String> = server.command(&["KEYS", "*:extract"]);
    let stream = streams[0].as_str();
    server.command::<String>(&["XADD", stream, "*", "extract:7", "\u{1}nonsense"]);
    server.command::<i64>(&["HSET", &stream.replace(":extract", ":tasks"), "extract:7", "waiting"]);
    assert_eq!(take(&queue, "a", 9).await.len(), 1);
    let outcomes = queue.collect(JobId(1), 9, PATIENTLY).await.unwrap();
    assert_eq!(outcomes[0].task, id(1, Class::Extract, 7));
    let TaskResult::Failed { reason } = &outcomes[0].result else { panic!("{outcomes:?}") };
    assert!(reason.contains("cannot be read"), "{reason}");

    // The entry of the leased task vanishes by another hand; its lease is cleaned away once it ends.
    server.command::<i64>(&["DEL", &stream.replace(":extract", ":render")]);
    let entries: Vec<(String, Vec<String>)> = server.command(&["XRANGE", stream, "-", "+"]);
    server.command::<i64>(&["XDEL", stream, &entries[0].0]);
    let pending = async || {
        assert_eq!(take(&queue, "b", 9).await, []);
        server.command::<redis::Value>(&["XPENDING", stream, "workers"])
    };
    let none = |value: &redis::Value| matches!(value, redis::Value::Array(v) if v[0] == redis::Value::Int(0));
    until("the lease is gone", pending, none).await;
}
