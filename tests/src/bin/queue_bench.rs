//! Measures how many empty tasks a second pass through push, lease, finish and collect, for each
//! engine.
//!
//! `cargo run --release -p sheaf-tests --bin queue_bench [TASKS [BATCH]]` starts its own Redis. A
//! batch is the number of tasks in one call, 128 by default.

use std::time::{Duration, Instant};

use sheaf_common::fit;
use sheaf_common::job::JobId;
use sheaf_common::queue::{
    Completed, JobOwner, JobQueue, LEASE, MemoryQueue, Queue, Supply, WorkQueue,
};
use sheaf_tests::make::{completion, naps, worker};
use sheaf_tests::redis_server::RedisServer;

/// The most batches of tasks in flight, like the window of a coordinator.
const WINDOW: usize = 8;
const WAIT: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() {
    let typed = |place, default| {
        std::env::args().nth(place).map_or(default, |typed| typed.parse().expect("a number"))
    };
    let tasks = typed(1, 200_000);
    let batch = typed(2, 128);
    report("memory", 2, (tasks, batch), MemoryQueue::default()).await;
    let Some(server) = RedisServer::start("queue_bench").await else { return };

    for workers in [1, 2, 4] {
        report("redis", workers, (tasks, batch), server.queue(LEASE).await.engine()).await;
        let used: String = server.command(&["INFO", "cpu"]);
        let spent = used
            .lines()
            .filter(|line| line.starts_with("used_cpu_user:") || line.starts_with("used_cpu_sys:"));
        show(&format!("        server so far: {}", spent.collect::<Vec<_>>().join(", ")));
    }
}

async fn report(engine: &str, workers: usize, (tasks, batch): (usize, usize), queue: impl Queue) {
    let began = Instant::now();
    let job = JobId(workers as u64);
    let working: Vec<_> = (0..workers)
        .map(|n| tokio::spawn(work(queue.clone(), format!("bench:{n}"), batch)))
        .collect();
    let pushing = tokio::spawn(supply(queue.clone(), job, tasks, batch));
    pushing.await.expect("pushes and collects");
    let seconds = began.elapsed().as_secs_f64();
    let speed = tasks as f64 / seconds;
    show(&format!(
        "{engine:<7} {workers} workers: {tasks} tasks in {seconds:.2} s: {speed:.0} a second"
    ));
    queue.job(job, JobOwner::default()).close().await.expect("closes");

    for working in working {
        working.abort();
    }
}

/// Plays a coordinator: pushes while there is room in the window, and collects.
async fn supply(queue: impl Queue, job: JobId, tasks: usize, batch: usize) {
    let pushed = tokio::sync::Semaphore::new(WINDOW * batch);
    let mut queue = queue.job(job, JobOwner::default());
    let tasks_in = queue.supply();
    let push = async {
        for from in (0..tasks).step_by(batch) {
            pushed.acquire_many(fit::count(batch)).await.expect("stays open").forget();
            tasks_in
                .push(&naps(job.0, from as u64..tasks.min(from + batch) as u64))
                .await
                .expect("pushes");
        }
    };

    let collect = async {
        let mut collected = 0;
        while collected < tasks {
            let outcomes = queue.collect(batch, WAIT).await.expect("collects");
            collected += outcomes.len();
            pushed.add_permits(outcomes.len());
        }
    };

    tokio::join!(push, collect);
}

/// Plays a worker: leases and finishes tasks until it is aborted.
async fn work(queue: impl Queue, name: String, batch: usize) {
    let queue = queue.worker(worker(&name));
    loop {
        queue.listen(WAIT).await.expect("listens");
        let leased = queue.lease(batch).await.expect("leases");
        let completions =
            leased.iter().map(|leased| completion(&leased.lease, &name, &[])).collect::<Vec<_>>();
        let answers = queue.complete_if_held(&completions).await.expect("completes");
        assert!(answers.iter().all(|answer| *answer == Completed::Stored));
    }
}

#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
fn show(line: &str) {
    println!("{line}");
}
