//! Leases of whose answer nobody heard: the tasks go to others within seconds, however long a lease
//! lasts.

use std::time::Duration;

use sheaf_common::job::Class;
use sheaf_common::numbers::TaskNumber;
use sheaf_common::queue::{Completed, QueueError, RedisQueue, RedisSettings, Timing};
use sheaf_tests::both::Both;
use sheaf_tests::conformance::{PATIENTLY, take, take_one};
use sheaf_tests::make::{addressed, completion, id, nap, nap_of, naps, numbers, worker};
use sheaf_tests::proxy::{Proxy, Way};
use sheaf_tests::redis_server::{RedisServer, TIMING};
use sheaf_tests::server;
use sheaf_tests::wait::until;

/// Three times as long as anything here is waited for.
const LEASE: Duration = Duration::from_secs(60);

/// How many tasks are leased, of one stream of job 1.
fn pending(server: &RedisServer, stream: &str) -> usize {
    let keys: Vec<String> = server.command(&["KEYS", &format!("*1:{stream}")]);
    let summary: Vec<redis::Value> = server.command(&["XPENDING", &keys[0], "workers"]);
    match summary[0] {
        redis::Value::Int(count) => usize::try_from(count).expect("a count"),
        ref other => panic!("{other:?}"),
    }
}

/// The lease ids that are not confirmed.
fn unconfirmed(server: &RedisServer) -> Vec<String> {
    let keys: Vec<String> = server.command(&["KEYS", "*:unconfirmed"]);
    keys.iter().flat_map(|key| server.command::<Vec<String>>(&["ZRANGE", key, "0", "-1"])).collect()
}

/// Connects for leases, and brings the script: a client that hears nothing could not.
async fn warm_up(queue: &Both<RedisQueue>, name: &str) {
    assert_eq!(take(queue, name, 1).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_of_clients_that_gave_up_pass_on() {
    let server = server!("leases_of_clients_that_gave_up_pass_on");
    let queue = server.queue(LEASE).await;
    let timing = Timing { patience: Duration::from_secs(1), ..TIMING };
    let impatient = server.queue_with(RedisSettings { timing, ..server.settings(LEASE) }).await;
    warm_up(&impatient, "gone").await;
    queue
        .push(&[nap(1, 0), nap_of(id(1, Class::Repair, 1)), addressed(1, 2, "gone")])
        .await
        .unwrap();

    server.freeze(true);
    let given_up = impatient.lease(&worker("gone"), 9, Duration::ZERO).await;
    assert!(matches!(given_up, Err(QueueError::Unreachable(_))), "{given_up:?}");
    drop(impatient);
    server.freeze(false);
    for stream in ["extract", "repair", "render@gone"] {
        until(
            "the server runs what it was asked for",
            async || pending(&server, stream),
            |count| *count == 1,
        )
        .await;
    }

    let leased = queue.lease(&worker("other"), 9, PATIENTLY).await.unwrap();
    assert_eq!(numbers(&leased), [1, 0]);
    // Nobody had it, so nobody failed at it.
    assert!(leased.iter().all(|leased| leased.delivery == 1), "{leased:?}");
    let own = queue.lease(&worker("gone"), 9, PATIENTLY).await.unwrap();
    assert_eq!((numbers(&own), own[0].delivery), (vec![2], 1));
    let finished: Vec<_> =
        leased.iter().chain(&own).map(|leased| completion(&leased.lease, "x", &[])).collect();
    assert_eq!(queue.complete_if_held(&finished).await.unwrap(), [Completed::Stored; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_whose_answer_is_lost_passes_on() {
    let server = server!("a_lease_whose_answer_is_lost_passes_on");
    let queue = server.queue(LEASE).await;
    let proxy = Proxy::to(server.port()).await;
    let deaf =
        server.queue_with(RedisSettings { url: proxy.url(), ..server.settings(LEASE) }).await;
    warm_up(&deaf, "who finds nothing, and listens at first the next time").await;
    queue.push(&naps(1, 0..3)).await.unwrap();

    proxy.set(Way::Deaf);
    let leasing = tokio::spawn(async move { deaf.lease(&worker("deaf"), 9, PATIENTLY).await });
    until("the tasks are leased", async || pending(&server, "extract"), |count| *count == 3).await;
    leasing.abort();

    let leased = queue.lease(&worker("other"), 9, PATIENTLY).await.unwrap();
    assert_eq!(numbers(&leased), [0, 1, 2]);
    assert!(leased.iter().all(|leased| leased.delivery == 1), "{leased:?}");
    // No other lease is in the way of these.
    let finished: Vec<_> =
        leased.iter().map(|leased| completion(&leased.lease, "other", &[])).collect();
    assert_eq!(queue.complete_if_held(&finished).await.unwrap(), [Completed::Stored; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmed_lease_survives_its_workers_silence() {
    let server = server!("a_confirmed_lease_survives_its_workers_silence");
    let queue = server.queue(LEASE).await;
    queue.push(&naps(1, 0..2)).await.unwrap();
    let held = take_one(&queue, "works").await;
    until("the lease is confirmed", async || unconfirmed(&server), Vec::is_empty).await;

    let other = take_one(&queue, "other").await;
    assert_eq!(other.task.id.number, TaskNumber(1));
    // Longer than a lease may be unconfirmed: the other looks again and again, and the first says
    // nothing.
    assert_eq!(queue.lease(&worker("other"), 9, Duration::from_secs(6)).await.unwrap(), []);
    let finished = [completion(&held.lease, "works", &[]), completion(&other.lease, "other", &[])];
    assert_eq!(queue.complete_if_held(&finished).await.unwrap(), [Completed::Stored; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_lease_confirms_the_one_before() {
    let server = server!("the_next_lease_confirms_the_one_before");
    let queue = server.queue(LEASE).await;
    queue.push(&naps(1, 0..100)).await.unwrap();
    for _ in 0..100 {
        take_one(&queue, "works").await;
    }
    // How many a lease confirmed, and not a command of its own, depends on the machine's speed;
    // never more than the last.
    assert!(unconfirmed(&server).len() <= 1);
    until("the last one is confirmed, too", async || unconfirmed(&server), Vec::is_empty).await;
}
