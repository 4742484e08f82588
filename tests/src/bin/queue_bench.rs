//! How many empty tasks a second go through push, lease, finish and collect, for each engine.
//!
//! `cargo run --release -p sheaf-tests --bin queue_bench [TASKS]`; Redis is started for it, on this machine.

use std::time::{Duration, Instant};

use sheaf_common::job::JobId;
use sheaf_common::queue::{Completed, LEASE, MemoryQueue, Queue};
use sheaf_tests::make::{completion, naps, worker};
use sheaf_tests::redis_server::RedisServer;

/// How many tasks are pushed, leased, finished and collected at once.
const BATCH: u64 = 128;
/// The most tasks that are outstanding: as a coordinator with a bounded window has it.
const WINDOW: u64 = 8 * BATCH;
const WAIT: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() {
    let tasks = std::env::args().nth(1).map_or(200_000, |typed| typed.parse().expect("a number of tasks"));
    report("memory", 2, tasks, MemoryQueue::default()).await;
    let Some(server) = RedisServer::start("queue_bench").await else { return };
    for workers in [1, 2, 4] {
        report("redis", workers, tasks, server.queue(LEASE).await).await;
        let used: String = server.command(&["INFO", "cpu"]);
        let spent = used.lines().filter(|line| line.starts_with("used_cpu_user:") || line.starts_with("used_cpu_sys:"));
        show(&format!("        server so far: {}", spent.collect::<Vec<_>>().join(", ")));
    }
}

async fn report(engine: &str, workers: usize, tasks: u64, queue: impl Queue) {
    let began = Instant::now();
    let job = JobId(workers as u64);
    let working: Vec<_> = (0..workers).map(|n| tokio::spawn(work(queue.clone(), format!("bench:{n}")))).collect();
    let pushing = tokio::spawn(supply(queue.clone(), job, tasks));
    pushing.await.expect("pushes and collects");
    let seconds = began.elapsed().as_secs_f64();
    let speed = tasks as f64 / seconds;
    show(&format!("{engine:<7} {workers} workers: {tasks} tasks in {seconds:.2} s: {speed:.0} a second"));
    queue.close(job).await.expect("closes");
    for working in working {
        working.abort();
    }
}

/// Pushes while there is room in the window, and collects.
async fn supply(queue: impl Queue, job: JobId, tasks: u64) {
    let pushed = tokio::sync::Semaphore::new(WINDOW as usize);
    let push = async {
        for from in (0..tasks).step_by(BATCH as usize) {
            pushed.acquire_many(BATCH as u32).await.expect("stays open").forget();
            queue.push(&naps(job.0, from..tasks.min(from + BATCH))).await.expect("pushes");
        }
    };
    let collect = async {
        let mut collected = 0;
        while collected < tasks {
            let outcomes = queue.collect(job, BATCH as usize, WAIT).await.expect("collects");
            collected += outcomes.len() as u64;
            pushed.add_permits(outcomes.len());
        }
    };
    tokio::join!(push, collect);
}

async fn work(queue: impl Queue, name: String) {
    let worker = worker(&name);
    loop {
        let leased = queue.lease(&worker, BATCH as usize, WAIT).await.expect("leases");
        let completions = leased.iter().map(|leased| completion(&leased.lease, &name, &[])).collect::<Vec<_>>();
        let answers = queue.complete_if_held(&completions).await.expect("completes");
        assert!(answers.iter().all(|answer| *answer == Completed::Stored));
    }
}

#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
fn show(line: &str) {
    println!("{line}");
}
