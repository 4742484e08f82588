//! Links to the server that are slow, few, or forgotten on the way.

use std::time::{Duration, Instant};

use sheaf_common::job::JobId;
use sheaf_common::queue::{Completed, LEASE, RedisSettings, Timing};
use sheaf_tests::conformance::{PATIENTLY, take, take_one};
use sheaf_tests::make::{completion, heavy, leases, nap, worker};
use sheaf_tests::place::{Place, says};
use sheaf_tests::proxy::Proxy;
use sheaf_tests::redis_server::{Options, TIMING};
use sheaf_tests::server;
use sheaf_tests::wait::DEADLINE;

/// A link of 1 MB/s.
const NARROW: u64 = 1_000_000;

/// What takes 6 s over that link.
const LARGE: usize = 6_000_000;

/// A third of that: what a whole answer was given before.
const SILENCE: Timing = Timing { answer: Duration::from_secs(2), ..TIMING };

// ---- slow ones

#[tokio::test(flavor = "multi_thread")]
async fn long_transfers_arrive_and_are_sent_once() {
    let server = server!("long_transfers_arrive_and_are_sent_once");
    let proxy = Proxy::to(server.port()).await;
    proxy.narrow_to(NARROW);
    let settings = RedisSettings { url: proxy.url(), timing: SILENCE, ..server.settings(LEASE) };
    let queue = server.queue_with(settings).await;
    queue.push(&[heavy(1, 0, LARGE)]).await.unwrap();
    let (up, _) = proxy.passed();
    assert!((LARGE as u64..LARGE as u64 * 5 / 4).contains(&up), "{up} bytes went up");

    assert_eq!(take_one(&queue, "a").await.task, heavy(1, 0, LARGE));
    let (_, down) = proxy.passed();
    assert!((LARGE as u64..LARGE as u64 * 5 / 4).contains(&down), "{down} bytes came down");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_goes_on_while_its_bytes_arrive() {
    let server = server!("a_lease_goes_on_while_its_bytes_arrive");
    let direct = server.queue(Duration::from_secs(3)).await;
    let proxy = Proxy::to(server.port()).await;
    let slow = RedisSettings { url: proxy.url(), ..server.settings(Duration::from_secs(3)) };
    let slow = server.queue_with(slow).await;
    direct.push(&[heavy(1, 0, LARGE)]).await.unwrap();
    proxy.narrow_to(NARROW);
    let leasing = tokio::spawn({
        let slow = slow.clone();
        async move { take_one(&slow, "slow").await }
    });
    // Whoever looks meanwhile finds nothing that is nobody's.
    while !leasing.is_finished() {
        let other = direct.lease(&worker("other"), 9, Duration::ZERO).await.unwrap();
        assert!(
            other.is_empty() || other[0].delivery == 1 && !leasing.is_finished(),
            "{} were taken over",
            other.len()
        );
        if !other.is_empty() {
            // It came first: the slow one is to have it.
            direct.release_if_held(leases(&other)).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let leased = leasing.await.unwrap();
    assert_eq!(leased.delivery, 1);
    let stored = direct.complete_if_held(&[completion(&leased.lease, "slow", &[])]).await.unwrap();
    assert_eq!(stored, [Completed::Stored]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pace_of_a_link_limits_its_leases() {
    let server = server!("the_pace_of_a_link_limits_its_leases");
    let lease = Duration::from_secs(6);
    let direct = server.queue(lease).await;
    let proxy = Proxy::to(server.port()).await;
    let slow =
        server.queue_with(RedisSettings { url: proxy.url(), ..server.settings(lease) }).await;
    for number in 0..12 {
        direct.push(&[heavy(1, number, 1 << 20)]).await.unwrap();
    }
    proxy.narrow_to(NARROW);
    let first = slow.lease(&worker("slow"), 9, PATIENTLY).await.unwrap();
    let next = slow.lease(&worker("slow"), 9, PATIENTLY).await.unwrap();
    assert!(first.len() <= 5, "{} before the pace was known", first.len());
    assert!((1..=3).contains(&next.len()), "{} of 1 MiB, at 1 MB/s and 2 s", next.len());
}

// ---- few ones

#[tokio::test(flavor = "multi_thread")]
async fn each_process_needs_only_one_connection() {
    let options = Options::of("--maxclients 6");
    let server = server!("each_process_needs_only_one_connection", options);
    let place = Place::at(server.url());
    let _workers = [0, 1, 2, 3].map(|_| place.worker(""));
    place.new_run("").finish().code(0);
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_with_own_slots_needs_one_connection() {
    let server =
        server!("a_run_with_own_slots_needs_one_connection", Options::of("--maxclients 1"));
    let place = Place::at(server.url());
    place.new_run("-p 2").finish().code(0);
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_waits_for_a_free_connection() {
    let server = server!("a_worker_waits_for_a_free_connection", Options::of("--maxclients 1"));
    let client = redis::Client::open(server.url()).unwrap();
    let taken = client.get_connection().unwrap();
    let place = Place::at(server.url());
    let worker = place.new_worker("-p 1").start();
    says(&worker, "allows no more connections");
    drop(taken);
    sheaf_tests::place::connected(&worker);
}

// ---- forgotten ones

#[tokio::test(flavor = "multi_thread")]
async fn forgotten_connections_cost_only_seconds() {
    let server = server!("forgotten_connections_cost_only_seconds");
    let proxy = Proxy::to(server.port()).await;
    // As it is in use: an answer may take 15 s, and so it did.
    let settings =
        RedisSettings { url: proxy.url(), timing: Timing::default(), ..server.settings(LEASE) };
    let queue = server.queue_with(settings).await;
    let (promised, idle) = (Duration::from_secs(5), Duration::from_secs(4));
    for (number, pause) in [(0, Duration::ZERO), (1, idle)] {
        // The second is no small request.
        queue.push(&[nap(1, number), heavy(2, number, 100_000)]).await.unwrap();
        tokio::time::sleep(pause).await;
        let before = proxy.connections();
        proxy.forget();
        let began = Instant::now();
        queue.push(&[nap(3, number)]).await.unwrap();
        if pause == idle {
            queue.push(&[heavy(4, number, 100_000)]).await.unwrap();
        }
        assert!(began.elapsed() < promised * 3, "{:?} after a pause of {pause:?}", began.elapsed());
        assert!(proxy.connections() > before, "another connection is in use");
    }
    assert_eq!(take(&queue, "a", 9).await.len(), 7);
    assert!(queue.collect(JobId(1), 9, Duration::ZERO).await.unwrap().is_empty());
    assert!(DEADLINE > promised * 3);
}
