//! Ctrl-C and SIGTERM while Redis is away: nobody waits for it.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use sheaf_tests::Running;
use sheaf_tests::job::{LONG, job};
use sheaf_tests::place::{Place, says};
use sheaf_tests::process::wait_for;
use sheaf_tests::proxy::{Proxy, Way};
use sheaf_tests::redis_server::RedisServer;

/// What is promised after one Ctrl-C, and for a worker within its grace. A busy machine may take
/// three times as long.
const PROMISED: Duration = Duration::from_secs(10);

/// How a server is away.
#[derive(Debug, Clone, Copy)]
enum Away {
    Behind(Way),
    /// The process is there, and does nothing.
    Frozen,
}

const WAYS: [Away; 4] =
    [Away::Behind(Way::Cut), Away::Behind(Way::Stalled), Away::Behind(Way::Deaf), Away::Frozen];

/// A server that goes away.
struct Leaving {
    away: Away,
    server: RedisServer,
    proxy: Proxy,
    place: Place,
}

impl Leaving {
    async fn all(test: &str) -> Vec<Leaving> {
        job(); // Made before any clock starts.
        let mut all = Vec::new();
        for away in WAYS {
            let Some(server) = RedisServer::start(test).await else { return Vec::new() };
            let proxy = Proxy::to(server.port()).await;
            let place = Place::at(proxy.url());
            all.push(Leaving { away, server, proxy, place });
        }
        all
    }

    fn leave(&self) {
        match self.away {
            Away::Behind(way) => self.proxy.set(way),
            Away::Frozen => self.server.freeze(true),
        }
    }

    /// Waits until tasks are on the queue.
    fn has_tasks(&self) {
        wait_for("tasks on the queue", LONG, || {
            (!self.server.command::<Vec<String>>(&["KEYS", "*:extract"]).is_empty()).then_some(())
        });
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.server.freeze(false);
    }
}

/// Interrupts all, and checks that each ends soon, with this exit code.
fn end_soon(running: Vec<(Away, Running)>, signal: Signal, code: i32) {
    let began = Instant::now();
    running.iter().for_each(|(_, running)| running.signal(signal));
    for (away, running) in running {
        running.finish().code(code);
        assert!(began.elapsed() < PROMISED * 3, "{away:?}: {:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waiting_for_workers_ends_at_once() {
    let all = Leaving::all("a_run_waiting_for_workers_ends_at_once").await;
    let runs: Vec<_> =
        all.iter().map(|leaving| (leaving.away, leaving.place.new_run("").start())).collect();
    all.iter().for_each(Leaving::has_tasks);
    all.iter().for_each(Leaving::leave);
    runs.iter().for_each(|(_, run)| says(run, "waiting: could not reach the queue"));
    end_soon(runs, Signal::SIGINT, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_with_own_slots_ends_at_once() {
    let all = Leaving::all("a_run_with_own_slots_ends_at_once").await;
    let mut runs = Vec::new();
    for leaving in &all {
        let mut run = leaving.place.new_run("-p 1").start();
        leaving.place.reaches(&mut run, 10);
        leaving.leave();
        runs.push((leaving.away, run));
    }
    runs.iter().for_each(|(_, run)| says(run, "waiting: could not reach the queue"));
    end_soon(runs, Signal::SIGINT, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connecting_run_ends_at_once() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = Place::at(format!("redis://{}", silent.local_addr().unwrap()));
    job();
    let run = place.new_run("-p 1").start();
    let (_connection, _) = silent.accept().await.unwrap();
    end_soon(vec![(Away::Frozen, run)], Signal::SIGINT, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_holding_tasks_ends_within_its_grace() {
    let all = Leaving::all("a_worker_holding_tasks_ends_within_its_grace").await;
    let (mut workers, mut runs) = (Vec::new(), Vec::new());
    for leaving in &all {
        let worker = leaving.place.worker("");
        runs.push(leaving.place.started(10));
        leaving.leave();
        workers.push((leaving.away, worker));
    }
    end_soon(workers, Signal::SIGTERM, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_once_redis_is_back() {
    let Some(server) = RedisServer::start("a_run_goes_on_once_redis_is_back").await else {
        return;
    };
    let proxy = Proxy::to(server.port()).await;
    let place = Place::at(proxy.url());
    let mut run = place.new_run("-p 1").start();
    place.reaches(&mut run, 10);
    proxy.set(Way::Cut);
    says(&run, "waiting: could not reach the queue");
    proxy.set(Way::Open);
    run.finish().code(0).says(&["going on"]);
    place.has_the_same_bytes();
}
