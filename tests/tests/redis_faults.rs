//! The queue on Redis when things go wrong: restarts, flushes, cuts, full memory, servers that cannot be used.

use std::time::{Duration, Instant};

use sheaf_common::job::{Class, JobId};
use sheaf_common::outcome::TaskResult;
use sheaf_common::queue::{
    Completed, LEASE, Queue, QueueError, RedisConfig, RedisQueue, RedisSettings, Timing, WorkerId, WorkerInfo,
};
use sheaf_tests::conformance::{PATIENTLY, take, take_one};
use sheaf_tests::make::{block, completion, heavy, id, leases, nap, nap_of, naps, rows_key, worker};
use sheaf_tests::proxy::{Proxy, Way};
use sheaf_tests::redis_server::{Options, RedisServer, TIMING, free_port};
use sheaf_tests::wait::{DEADLINE, until};
use tokio::io::AsyncWriteExt;

/// Starts a server, or ends the test, said aloud, where there is none.
macro_rules! server {
    ($test:literal) => {
        server!($test, Options::default())
    };
    ($test:literal, $options:expr) => {
        match RedisServer::start_with($test, $options).await {
            Some(server) => server,
            None => return,
        }
    };
}

fn arguments(line: &str) -> Options {
    Options { arguments: line.split(' ').map(Into::into).collect(), ..Options::default() }
}

async fn connect(settings: RedisSettings) -> Result<RedisQueue, QueueError> {
    RedisQueue::connect(RedisConfig::resolve(settings)?).await
}

/// Brings every script to the server: whoever does not hear that one is unknown there cannot bring it.
async fn warm_up(queue: &RedisQueue) {
    queue.push(vec![nap(9, 0)]).await.unwrap();
    let leased = take_one(queue, "warm").await;
    queue.complete_if_held(vec![completion(&leased.lease, "warm", &[])]).await.unwrap();
    assert_eq!(queue.collect(JobId(9), 9, PATIENTLY).await.unwrap().len(), 1);
    queue.close(JobId(9)).await.unwrap();
}

/// What the user is told: the sentence and the hint.
async fn refusal(settings: RedisSettings) -> String {
    let began = Instant::now();
    let error = connect(settings).await.err().expect("a server that cannot be used");
    assert!(began.elapsed() < 3 * TIMING.connect, "took {:?}", began.elapsed());
    format!("{error} / {}", error.hint().expect("a hint"))
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
    until("the lease blocks", clients, |list| list.contains("cmd=xread")).await;
    server.kill();
    server.restart().await;
    queue.push(vec![nap(1, 5)]).await.unwrap();
    assert_eq!(waiting.await.unwrap().task.id.number, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_flush_all_is_missing_and_can_be_pushed_again() {
    let server = server!("after_a_flush_all_is_missing_and_can_be_pushed_again");
    let queue = server.queue(LEASE).await;
    queue.push(naps(1, 0..4)).await.unwrap();
    let leased = take(&queue, "a", 2).await;
    queue.complete_if_held(vec![completion(&leased[0].lease, "a", &["lost"])]).await.unwrap();
    server.command::<()>(&["FLUSHALL"]);

    let all: Vec<_> = (0..4).map(|number| id(1, Class::Extract, number)).collect();
    assert_eq!(queue.missing(all.clone()).await.unwrap(), all);
    queue.push(naps(1, 0..4)).await.unwrap();
    assert!(queue.missing(all).await.unwrap().is_empty());

    let stale = leased[1].lease.clone();
    assert_eq!(queue.extend_if_held(vec![stale.clone()]).await.unwrap(), std::slice::from_ref(&stale));
    queue.release_if_held(vec![stale.clone()]).await.unwrap();
    let answer = queue.complete_if_held(vec![completion(&stale, "a", &["stale"])]).await.unwrap();
    assert_eq!(answer, [Completed::Stale]);
    let again = take(&queue, "b", 9).await;
    assert_eq!(again.len(), 4);
    let finished = again.iter().map(|leased| completion(&leased.lease, "b", &["rows"])).collect();
    assert_eq!(queue.complete_if_held(finished).await.unwrap(), [Completed::Stored; 4]);
    assert_eq!(queue.collect(JobId(1), 9, PATIENTLY).await.unwrap().len(), 4);
    assert_eq!(queue.rows(vec![rows_key(again[1].task.id, 0)]).await.unwrap(), [block("rows")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_while_a_lease_waits_is_survived() {
    let server = server!("a_flush_while_a_lease_waits_is_survived");
    let queue = server.queue(LEASE).await;
    queue.push(vec![nap(1, 0)]).await.unwrap();
    take(&queue, "a", 1).await;
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { take_one(&queue, "b").await }
    });
    let clients = async || server.command::<String>(&["CLIENT", "LIST"]);
    until("the lease blocks", clients, |list| list.contains("cmd=xread")).await;
    server.command::<()>(&["FLUSHALL"]);
    queue.push(vec![nap(1, 0)]).await.unwrap();
    assert_eq!(waiting.await.unwrap().delivery, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_was_destroyed_is_made_again() {
    let server = server!("a_group_that_was_destroyed_is_made_again");
    let queue = server.queue(LEASE).await;
    queue.push(naps(1, 0..3)).await.unwrap();
    let leased = take(&queue, "a", 2).await;
    queue.complete_if_held(vec![completion(&leased[0].lease, "a", &[])]).await.unwrap();
    let streams: Vec<String> = server.command(&["KEYS", "*:extract"]);
    server.command::<i64>(&["XGROUP", "DESTROY", &streams[0], "workers"]);
    let answer = queue.complete_if_held(vec![completion(&leased[1].lease, "a", &[])]).await.unwrap();
    assert_eq!(answer, [Completed::Stale]);
    let again = queue.lease(&worker("b"), 9, PATIENTLY).await.unwrap();
    assert_eq!(sheaf_tests::make::numbers(&again), [1, 2], "what was finished does not come back");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_connections_are_made_again() {
    let server = server!("killed_connections_are_made_again");
    let queue = server.queue(LEASE).await;
    for number in 0..5 {
        queue.push(vec![nap(1, number)]).await.unwrap();
        server.command::<i64>(&["CLIENT", "KILL", "TYPE", "normal"]);
        let leased = take_one(&queue, "a").await;
        server.command::<i64>(&["CLIENT", "KILL", "TYPE", "normal"]);
        let lost = queue.extend_if_held(leases(std::slice::from_ref(&leased))).await.unwrap();
        assert!(lost.is_empty());
        let stored = queue.complete_if_held(vec![completion(&leased.lease, "a", &[])]).await.unwrap();
        assert_eq!(stored, [Completed::Stored]);
        assert_eq!(queue.collect(JobId(1), 9, PATIENTLY).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finish_whose_reply_is_lost_is_still_stored_once() {
    let server = server!("a_finish_whose_reply_is_lost_is_still_stored_once");
    let direct = server.queue(LEASE).await;
    let proxy = Proxy::to(server.port()).await;
    let queue = server.queue_with(RedisSettings { url: proxy.url(), ..server.settings(LEASE) }).await;
    warm_up(&direct).await;
    direct.push(vec![nap(1, 0)]).await.unwrap();
    let leased = take_one(&queue, "a").await;
    proxy.set(Way::Deaf);
    let finishing = tokio::spawn({
        let (queue, completion) = (queue.clone(), completion(&leased.lease, "a", &["rows"]));
        async move { queue.complete_if_held(vec![completion]).await.unwrap() }
    });
    // It came through, and its reply did not.
    let outcomes = direct.collect(JobId(1), 9, PATIENTLY).await.unwrap();
    assert_eq!(outcomes.len(), 1);
    proxy.set(Way::Open);
    assert_eq!(finishing.await.unwrap(), [Completed::Stored]);
    assert!(direct.collect(JobId(1), 9, Duration::ZERO).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collect_whose_reply_is_lost_loses_no_outcome() {
    let server = server!("a_collect_whose_reply_is_lost_loses_no_outcome");
    let direct = server.queue(LEASE).await;
    let proxy = Proxy::to(server.port()).await;
    let queue = server.queue_with(RedisSettings { url: proxy.url(), ..server.settings(LEASE) }).await;
    queue.push(naps(1, 0..3)).await.unwrap();
    let leased = take(&direct, "a", 3).await;
    let finished = leased.iter().map(|leased| completion(&leased.lease, "a", &[])).collect();
    direct.complete_if_held(finished).await.unwrap();
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
async fn a_silent_server_is_unreachable_in_bounded_time_and_then_goes_on() {
    let server = server!("a_silent_server_is_unreachable_in_bounded_time_and_then_goes_on");
    let timing = Timing {
        connect: Duration::from_millis(300),
        answer: Duration::from_millis(300),
        patience: Duration::from_millis(500),
        ..TIMING
    };
    let queue = server.queue_with(RedisSettings { timing, ..server.settings(LEASE) }).await;
    queue.push(vec![nap(1, 0)]).await.unwrap();
    server.freeze(true);
    let began = Instant::now();
    assert!(matches!(queue.push(vec![nap(1, 1)]).await, Err(QueueError::Unreachable(_))));
    let lease = queue.lease(&worker("a"), 1, Duration::from_secs(1)).await;
    assert!(matches!(lease, Err(QueueError::Unreachable(_))), "{lease:?}");
    let collect = queue.collect(JobId(1), 1, Duration::from_secs(1)).await;
    assert!(matches!(collect, Err(QueueError::Unreachable(_))), "{collect:?}");
    assert!(began.elapsed() < DEADLINE, "{:?}", began.elapsed());
    server.freeze(false);
    let again = async || queue.push(vec![nap(1, 1)]).await.is_ok();
    until("the server answers again", again, |is_ok| *is_ok).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_network_is_waited_for() {
    let server = server!("a_cut_network_is_waited_for");
    let proxy = Proxy::to(server.port()).await;
    let queue = server.queue_with(RedisSettings { url: proxy.url(), ..server.settings(LEASE) }).await;
    queue.push(vec![nap(1, 0)]).await.unwrap();
    proxy.set(Way::Cut);
    let direct = server.queue(LEASE).await;
    let clients = async || server.command::<String>(&["CLIENT", "LIST"]).lines().count();
    let pushing = tokio::spawn({
        let queue = queue.clone();
        async move { queue.push(vec![nap(1, 1)]).await }
    });
    until("the cut is felt", clients, |count| *count <= 1).await;
    proxy.set(Way::Open);
    pushing.await.unwrap().unwrap();
    assert_eq!(take(&direct, "a", 9).await.len(), 2);
}

// ---- memory

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_refuses_what_fills_and_takes_what_drains() {
    let options = arguments("--maxmemory 16mb --maxmemory-policy noeviction");
    let server = server!("a_full_server_refuses_what_fills_and_takes_what_drains", options);
    let queue = server.queue(LEASE).await;
    let mut pushed = 0;
    let full = loop {
        match queue.push(vec![heavy(1, pushed, 1 << 20)]).await {
            Ok(()) => pushed += 1,
            Err(error) => break error,
        }
        assert!(pushed < 100, "16 MB hold no 100 MB");
    };
    assert!(matches!(full, QueueError::Full(_)), "{full:?}");
    assert!(pushed > 5, "{pushed}");
    let refused = id(1, Class::Extract, pushed);
    assert_eq!(queue.missing(vec![refused]).await.unwrap(), [refused]);

    queue.push(vec![nap_of(id(1, Class::Render, 0))]).await.unwrap();
    let info = WorkerInfo { id: "w".into(), ..WorkerInfo::default() };
    queue.announce(&info).await.unwrap();
    let render = take_one(&queue, "a").await;
    assert_eq!(render.task.id.class, Class::Render);
    queue.release_if_held(vec![render.lease]).await.unwrap();
    let mut outcomes = 0;
    for _ in 0..=pushed {
        let leased = take_one(&queue, "a").await;
        let stored = queue.complete_if_held(vec![completion(&leased.lease, "a", &["rows"])]).await.unwrap();
        assert_eq!(stored, [Completed::Stored]);
        outcomes += queue.collect(JobId(1), 9, PATIENTLY).await.unwrap().len();
    }
    assert_eq!(outcomes as u64, pushed + 1);
    queue.push(vec![heavy(1, pushed, 1 << 20)]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_job_that_was_closed_and_all_else_expires() {
    let server = server!("nothing_is_left_of_a_job_that_was_closed_and_all_else_expires");
    let queue = server.queue(LEASE).await;
    queue.push(naps(1, 0..3)).await.unwrap();
    queue.push(vec![nap_of(id(1, Class::Render, 0))]).await.unwrap();
    let leased = take(&queue, "a", 2).await;
    let finished = leased.iter().map(|leased| completion(&leased.lease, "a", &["rows"])).collect();
    queue.complete_if_held(finished).await.unwrap();
    queue.announce(&WorkerInfo { id: "w".into(), ..WorkerInfo::default() }).await.unwrap();
    let keys: Vec<String> = server.command(&["KEYS", "*"]);
    assert_eq!(keys.len(), 11, "all keys of the table: {keys:?}");
    for key in &keys {
        let ttl_ms: i64 = server.command(&["PTTL", key]);
        assert!((1..=3_600_000).contains(&ttl_ms), "{key} lives on for {ttl_ms} ms");
        assert!(key.starts_with("sheaf:{default}:"), "{key}");
    }
    queue.close(JobId(1)).await.unwrap();
    let keys: Vec<String> = server.command(&["KEYS", "*0001:*"]);
    assert!(keys.is_empty(), "{keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn consumers_that_hold_nothing_go_and_those_that_hold_something_stay() {
    let server = server!("consumers_that_hold_nothing_go_and_those_that_hold_something_stay");
    let queue = server.queue(LEASE).await;
    queue.push(naps(1, 0..3)).await.unwrap();
    let held = take_one(&queue, "holds").await;
    let finished = take_one(&queue, "finished").await;
    queue.complete_if_held(vec![completion(&finished.lease, "finished", &[])]).await.unwrap();
    let streams: Vec<String> = server.command(&["KEYS", "*:extract"]);
    let consumers = async || {
        queue.collect(JobId(1), 9, Duration::ZERO).await.unwrap();
        format!("{:?}", server.command::<redis::Value>(&["XINFO", "CONSUMERS", &streams[0], "workers"]))
    };
    until("who holds nothing goes", consumers, |list| !list.contains("finished")).await;
    assert!(consumers().await.contains("holds"));
    let stored = queue.complete_if_held(vec![completion(&held.lease, "holds", &[])]).await.unwrap();
    assert_eq!(stored, [Completed::Stored]);
}

// ---- what others put there

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_task_fails_aloud_and_a_deleted_one_is_missed_by_nobody() {
    let server = server!("a_damaged_task_fails_aloud_and_a_deleted_one_is_missed_by_nobody");
    let lease = Duration::from_millis(300);
    let queue = server.queue(lease).await;
    queue.push(naps(1, 0..1)).await.unwrap();
    let streams: Vec<String> = server.command(&["KEYS", "*:extract"]);
    let stream = streams[0].as_str();
    let entry: String = server.command(&["XADD", stream, "*", "extract:7", "\u{1}nonsense"]);
    server.command::<i64>(&["HSET", &stream.replace(":extract", ":tasks"), "extract:7", &entry]);
    assert_eq!(take(&queue, "a", 9).await.len(), 1);
    let outcomes = queue.collect(JobId(1), 9, PATIENTLY).await.unwrap();
    assert_eq!(outcomes[0].task, id(1, Class::Extract, 7));
    let TaskResult::Failed { reason } = &outcomes[0].result else { panic!("{outcomes:?}") };
    assert!(reason.contains("cannot be read"), "{reason}");

    // The entry of the leased task vanishes by another hand; its hold is cleaned away once it ends.
    server.command::<i64>(&["DEL", &stream.replace(":extract", ":render")]);
    let entries: Vec<(String, Vec<String>)> = server.command(&["XRANGE", stream, "-", "+"]);
    server.command::<i64>(&["XDEL", stream, &entries[0].0]);
    let pending = async || {
        assert_eq!(take(&queue, "b", 9).await, []);
        server.command::<redis::Value>(&["XPENDING", stream, "workers"])
    };
    let none = |value: &redis::Value| matches!(value, redis::Value::Array(v) if v[0] == redis::Value::Int(0));
    until("the hold is gone", pending, none).await;
}

// ---- servers that cannot be used

#[tokio::test(flavor = "multi_thread")]
async fn no_server_a_silent_one_and_one_that_is_not_redis() {
    let timing = Timing { connect: Duration::from_secs(1), ..TIMING };
    let at = |port: u16| RedisSettings { timing, ..RedisSettings::new(format!("redis://:s3cret@127.0.0.1:{port}")) };
    let plain = |port: u16| RedisSettings { timing, ..RedisSettings::new(format!("redis://127.0.0.1:{port}")) };

    let port = free_port();
    let told = refusal(at(port)).await;
    assert!(told.contains(&format!("no Redis answers at redis://127.0.0.1:{port}")), "{told}");
    assert!(!told.contains("s3cret"), "{told}");

    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    assert!(refusal(plain(port)).await.contains("does not answer"));
    assert!(refusal(at(port)).await.contains("silent"));

    for answer in ["HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "+OK\r\n", ""] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        let told = refusal(plain(port)).await;
        assert!(
            told.contains("is not Redis") || told.contains("as Redis does") || told.contains("no Redis"),
            "{answer:?}: {told}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords() {
    let password = Some("s3cret".to_owned());
    let server = server!("passwords", Options { password, ..Options::default() });
    let none = format!("redis://127.0.0.1:{}", server.port());
    let settings =
        |password: &str| RedisSettings { password: Some(password.into()), ..RedisSettings::new(none.clone()) };
    assert!(refusal(RedisSettings::new(none.clone())).await.contains("none was given"));
    let told = refusal(settings("wr0ng")).await;
    assert!(told.contains("refuses this user and password") && !told.contains("wr0ng"), "{told}");
    let named = RedisSettings { username: Some("nobody".into()), ..settings("s3cret") };
    assert!(refusal(named).await.contains("refuses"));
    connect(settings("s3cret")).await.unwrap();
    connect(server.settings(LEASE)).await.unwrap();

    let open = server!("passwords", Options::default());
    let settings = RedisSettings { password: Some("s3cret".into()), ..open.settings(LEASE) };
    assert!(refusal(settings).await.contains("asks for no password"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_and_a_server_that_evicts_are_refused() {
    let server = server!("a_replica_and_a_server_that_evicts_are_refused", arguments("--replicaof 127.0.0.1 1"));
    let told = refusal(server.settings(LEASE)).await;
    assert!(told.contains("read-only replica") && told.contains("redis://127.0.0.1:1"), "{told}");

    let options = arguments("--maxmemory 50mb --maxmemory-policy volatile-lru");
    let server = server!("a_replica_and_a_server_that_evicts_are_refused", options);
    assert!(refusal(server.settings(LEASE)).await.contains("volatile-lru"));
    server.command::<()>(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    connect(server.settings(LEASE)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_becomes_a_replica_is_waited_for() {
    let server = server!("a_master_that_becomes_a_replica_is_waited_for");
    let queue = server.queue(LEASE).await;
    queue.push(vec![nap(1, 0)]).await.unwrap();
    server.command::<()>(&["REPLICAOF", "127.0.0.1", "1"]);
    let pushing = tokio::spawn({
        let queue = queue.clone();
        async move { queue.push(vec![nap(1, 1)]).await }
    });
    let stats = async || server.command::<String>(&["INFO", "errorstats"]);
    until("a write is refused", stats, |stats| stats.contains("READONLY")).await;
    server.command::<()>(&["REPLICAOF", "NO", "ONE"]);
    pushing.await.unwrap().unwrap();
    assert_eq!(take(&queue, "a", 9).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_with_an_authority_and_a_clients_certificate() {
    let server = server!("tls", Options { tls: true, ..Options::default() });
    let good = server.settings(LEASE);
    let queue = connect(good.clone()).await.unwrap();
    queue.push(vec![nap(1, 0)]).await.unwrap();
    assert_eq!(take_one(&queue, "a").await.task, nap(1, 0));

    let told = refusal(RedisSettings { ca: None, ..good.clone() }).await;
    assert!(told.contains("--tls-ca"), "{told}");
    assert!(
        refusal(RedisSettings { ca: Some(server.file("other-ca.crt")), ..good.clone() }).await.contains("--tls-ca")
    );
    let told = refusal(RedisSettings { cert: None, key: None, ..good.clone() }).await;
    assert!(told.contains("--tls-cert"), "{told}");
    let without = format!("redis://127.0.0.1:{}", server.port());
    let told = refusal(RedisSettings { url: without, timing: TIMING, ..RedisSettings::new("") }).await;
    assert!(told.contains("rediss://"), "{told}");
    let wrong = RedisSettings { key: Some(server.file("client.crt")), ..good.clone() };
    assert!(refusal(wrong).await.contains("private key"));

    let plain = server!("tls", Options::default());
    let settings =
        RedisSettings { url: plain.url().replace("redis://", "rediss://"), ca: good.ca, ..plain.settings(LEASE) };
    let told = refusal(settings).await;
    assert!(told.contains("redis://"), "{told}");
}

// ---- privileges and the registry

/// Works a task through as each side does, and asks all that each may ask.
async fn work_through(coordinator: &RedisQueue, hand: &RedisQueue) {
    for class in Class::ALL {
        let task = id(1, class, 0);
        coordinator.push(vec![nap_of(task), nap_of(id(1, class, 1))]).await.unwrap();
        let leased = take_one(hand, "a").await;
        hand.release_if_held(vec![leased.lease]).await.unwrap();
        let leased = hand.lease(&worker("a"), 2, PATIENTLY).await.unwrap();
        assert!(hand.extend_if_held(leases(&leased)).await.unwrap().is_empty());
        let result = TaskResult::NapStarted { name: "item0".into() };
        hand.notify(sheaf_common::outcome::Outcome { task, slot: "a".into(), result }).await.unwrap();
        let finished = leased.iter().map(|leased| completion(&leased.lease, "a", &["rows"])).collect();
        assert_eq!(hand.complete_if_held(finished).await.unwrap(), [Completed::Stored; 2]);
        assert_eq!(hand.rows(vec![rows_key(task, 0)]).await.unwrap(), [block("rows")]);
        assert_eq!(coordinator.rows(vec![rows_key(task, 0)]).await.unwrap(), [block("rows")]);
        assert_eq!(coordinator.collect(JobId(1), 9, PATIENTLY).await.unwrap().len(), 3);
        coordinator.forget(vec![rows_key(task, 0)]).await.unwrap();
        assert_eq!(coordinator.missing(vec![task]).await.unwrap(), [task]);
    }
    let info = WorkerInfo { id: "a".into(), slots: 2, ..WorkerInfo::default() };
    hand.announce(&info).await.unwrap();
    assert_eq!(coordinator.workers().await.unwrap()[0].info, info);
    hand.leave(&worker("a")).await.unwrap();
    assert!(hand.versions().await.unwrap()[0].is_ours);
    coordinator.close(JobId(1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_privileges_that_we_publish_are_enough_and_no_more() {
    let acl = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/users.acl");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.acl");
    let text = std::fs::read_to_string(acl).unwrap();
    let text = text.replace("CHANGE-ME-COORDINATOR", "pw-c").replace("CHANGE-ME-WORKER", "pw-w");
    std::fs::write(&file, format!("user default on nopass ~* &* +@all\n{text}")).unwrap();
    let options = Options { arguments: vec!["--aclfile".into(), file.display().to_string()], ..Options::default() };
    let server = server!("the_privileges_that_we_publish_are_enough_and_no_more", options);
    let user = |name: &str, password: &str| RedisSettings {
        username: Some(name.into()),
        password: Some(password.into()),
        ..server.settings(Duration::from_millis(300))
    };
    let coordinator = server.queue_with(user("sheaf-coordinator", "pw-c")).await;
    let hand = server.queue_with(user("sheaf-worker", "pw-w")).await;
    work_through(&coordinator, &hand).await;
    // A lease that ends and one whose group is gone need more commands than a good day.
    coordinator.push(naps(1, 0..2)).await.unwrap();
    take_one(&hand, "dies").await;
    let again = async || take(&hand, "a", 2).await;
    until("the lease ends", again, |leased| leased.iter().any(|leased| leased.delivery > 1)).await;
    tokio::time::sleep(TIMING.sweep * 2).await; // So that the next call sweeps.
    assert!(coordinator.collect(JobId(1), 9, Duration::ZERO).await.unwrap().is_empty());

    for name in ["sheaf-coordinator", "sheaf-worker"] {
        for words in
            [&["FLUSHALL"][..], &["GET", "other"], &["KEYS", "*"], &["CONFIG", "GET", "*"], &["SET", "sheaf:x", "1"]]
        {
            let dry: String = server.command(&[&["ACL", "DRYRUN", name], words].concat());
            assert!(dry.contains("no permissions"), "{name} may {words:?}: {dry}");
        }
    }
    let stranger = RedisSettings { queue: "other".into(), ..user("sheaf-worker", "pw-w") };
    connect(stranger).await.unwrap();
    server.command::<()>(&["ACL", "SETUSER", "sheaf-worker", "resetkeys"]);
    let refused = hand.lease(&WorkerId("a".into()), 1, Duration::ZERO).await;
    let Err(QueueError::Unusable { reason, .. }) = &refused else { panic!("{refused:?}") };
    assert!(reason.contains("may not do"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_are_listed_while_they_announce_themselves() {
    let server = server!("workers_are_listed_while_they_announce_themselves");
    let queue = server.queue(LEASE).await;
    assert!(queue.workers().await.unwrap().is_empty());
    let info = |id: &str, busy| WorkerInfo {
        id: id.into(),
        host: "host".into(),
        version: "0.1.0".into(),
        slots: 4,
        busy,
        files_done: 1,
        bytes_done: 2,
        queues: vec!["default".into()],
    };
    queue.announce(&info("b", 1)).await.unwrap();
    queue.announce(&info("a", 1)).await.unwrap();
    queue.announce(&info("b", 3)).await.unwrap();
    let seen = queue.workers().await.unwrap();
    assert_eq!(seen.iter().map(|seen| seen.info.clone()).collect::<Vec<_>>(), [info("a", 1), info("b", 3)]);
    assert!(seen.iter().all(|seen| seen.ago < DEADLINE));
    queue.leave(&worker("b")).await.unwrap();
    assert_eq!(queue.workers().await.unwrap().len(), 1);
    // One that has not said so for long is not listed, and forgotten at the next announcement.
    server.command::<i64>(&["ZADD", "sheaf:{default}:seen", "XX", "CH", "1", "a"]);
    assert!(queue.workers().await.unwrap().is_empty());
    queue.announce(&info("c", 0)).await.unwrap();
    assert_eq!(server.command::<i64>(&["HLEN", "sheaf:{default}:workers"]), 1);
    // Of another version, with fields that this one does not know.
    server.command::<i64>(&["HSET", "sheaf:{default}:workers", "c", r#"{"id":"c","version":"9.0","new":[1]}"#]);
    assert_eq!(queue.workers().await.unwrap()[0].info.version, "9.0");
}
