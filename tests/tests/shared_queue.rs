//! Several runs on one queue, with one worker beside them: the same bytes, turns, priorities, stops.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sheaf::config::RunConfig;
use sheaf::errors::Failure;
use sheaf::local::LocalWorker;
use sheaf::report::{Notice, Observer, Tally, UnderWay};
use sheaf::run::{Cause, End, Finished, Interrupter, Run, Share};
use sheaf_common::queue::{MemoryQueue, Priority, Queue, RedisQueue};
use sheaf_tests::in_process::{prepared, slots_program};
use sheaf_tests::redis_server::RedisServer;
use sheaf_tests::{corpus, server};
use tokio::task::JoinHandle;

const RUNS: usize = 4;
const FILES: usize = 30;

/// Files for runs that are overtaken: the second one is several tasks long.
const OVERTAKEN: [usize; RUNS] = [60, 150, 30, 1];

/// How many files of a run are done; clones are one observer.
#[derive(Clone, Default)]
struct Files(Arc<Mutex<u64>>);

impl Observer for Files {
    fn progress(&mut self, tally: &Tally, _: UnderWay) {
        *self.0.lock().unwrap() = tally.files;
    }

    fn notice(&mut self, _: &Notice) {}

    fn ended(&mut self, tally: &Tally) {
        *self.0.lock().unwrap() = tally.files;
    }
}

impl Files {
    fn done(&self) -> u64 {
        *self.0.lock().unwrap()
    }
}

/// A run that is under way.
struct Running {
    files: Files,
    interrupter: Interrupter,
    run: JoinHandle<Result<Finished, Failure>>,
}

/// A folder of inputs for each run.
fn place() -> tempfile::TempDir {
    place_of([0, 1, 2, 3].map(|run| FILES + run))
}

/// The same with these numbers of files.
fn place_of(counts: [usize; RUNS]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (run, files) in counts.into_iter().enumerate() {
        for file in 0..files {
            let text = format!("run {run}, file {file}. ").repeat(2000);
            let docs: String = (0..5).map(|id| corpus::doc(&id.to_string(), "t", &text)).collect();
            corpus::write(
                &folder.path().join(format!("in{run}")),
                &format!("{file:03}.html"),
                docs,
            );
        }
    }
    folder
}

fn run_of(folder: &Path, run: usize, output: &str) -> (Run, Interrupter, Files) {
    let files = Files::default();
    let inputs = folder.join(format!("in{run}"));
    let (run, interrupter) = prepared(&inputs, &folder.join(output), "-p 1", files.clone());
    (run, interrupter, files)
}

/// Starts a run on a queue.
fn start(
    queue: &impl Queue,
    share: &Share,
    folder: &Path,
    run: usize,
    priority: Priority,
) -> Running {
    let (run, interrupter, files) = run_of(folder, run, &format!("out{run}.xlsx"));
    interrupter.prioritise(priority);
    let (queue, share) = (queue.clone(), share.clone());
    let run = tokio::spawn(async move { run.execute_on(&queue, &share).await });
    Running { files, interrupter, run }
}

/// The bytes of a run that has a queue of its own.
async fn alone(folder: &Path, run: usize) -> Vec<u8> {
    let (prepared, _interrupter, _) = run_of(folder, run, "alone.xlsx");
    prepared.execute().await.unwrap();
    fs::read(folder.join("alone.xlsx")).unwrap()
}

async fn has_the_same_bytes(folder: &Path, run: usize) {
    let written = fs::read(folder.join(format!("out{run}.xlsx"))).unwrap();
    assert!(written == alone(folder, run).await, "run {run}");
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The share of a queue on a server, as `sheaf run --redis` has it.
fn share_of(server: &RedisServer, folder: &Path, typed: &str) -> (Share, RunConfig) {
    let typed = format!("--redis {} -p 1 {typed}", server.url());
    let (run, _) = prepared(&folder.join("in0"), &folder.join("x.csv"), &typed, Files::default());
    let config = Arc::into_inner(run.config).unwrap();
    (Share::of_redis(config.redis.as_ref().unwrap(), 1), config)
}

/// All runs at once, beside one worker.
async fn all_at_once(queue: &impl Queue, share: &Share) {
    let folder = place();
    let worker = LocalWorker::start(queue, NonZeroUsize::new(2).unwrap(), slots_program());
    let runs: Vec<Running> =
        (0..RUNS).map(|run| start(queue, share, folder.path(), run, Priority::Normal)).collect();

    for (run, running) in runs.into_iter().enumerate() {
        let finished = running.run.await.unwrap().unwrap();
        assert!(matches!(finished.end, End::Written(_)), "run {run}: {:?}", finished.end);
        assert_eq!(running.files.done(), (FILES + run) as u64);
        has_the_same_bytes(folder.path(), run).await;
    }
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_on_one_memory_queue_write_the_same() {
    let queue = MemoryQueue::default();
    all_at_once(&queue, &Share::of_memory(NonZeroUsize::new(2).unwrap())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_on_one_redis_queue_write_the_same() {
    let server = server!("runs_on_one_redis_queue_write_the_same");
    let folder = place();
    let (share, config) = share_of(&server, folder.path(), "");
    let queue = RedisQueue::connect(config.redis.unwrap().server).await.unwrap();
    all_at_once(&queue, &share).await;
    assert_eq!(server.command::<Vec<String>>(&["KEYS", "*"]), [""; 0], "something is left");
}

/// Stops one of two runs for this cause, and goes on with it.
async fn stop_one(queue: &impl Queue, share: &Share, cause: Cause, words: &str) {
    let folder = place();
    let folder = folder.path();
    let worker = LocalWorker::start(queue, NonZeroUsize::MIN, slots_program());
    let stopped = start(queue, share, folder, 0, Priority::Normal);
    let other = start(queue, share, folder, 1, Priority::Normal);
    until("some files are done", || stopped.files.done() > 0).await;
    stopped.interrupter.stop(cause);

    let finished = stopped.run.await.unwrap().unwrap();
    assert!(matches!(finished.end, End::Interrupted(found) if found == cause), "{finished:?}");
    let note = fs::read_to_string(folder.join("out0.xlsx.sheaf/stopped")).unwrap();
    assert!(note.contains(words), "{note}");
    assert!(matches!(other.run.await.unwrap().unwrap().end, End::Written(_)));

    let again = start(queue, share, folder, 0, Priority::Normal);
    let finished = again.run.await.unwrap().unwrap();
    assert!(matches!(finished.end, End::Written(_)), "{:?}", finished.end);
    assert_eq!(finished.tally.files, FILES as u64);
    assert!(finished.read_bytes < finished.tally.read_bytes, "it began anew");
    has_the_same_bytes(folder, 0).await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_run_goes_on_later() {
    let queue = MemoryQueue::default();
    let share = Share::of_memory(NonZeroUsize::MIN);
    stop_one(&queue, &share, Cause::Paused, "stopped by a pause").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_leaves_no_keys() {
    let server = server!("a_cancelled_run_leaves_no_keys");
    let folder = place();
    let (share, config) = share_of(&server, folder.path(), "");
    let queue = RedisQueue::connect(config.redis.unwrap().server).await.unwrap();
    stop_one(&queue, &share, Cause::Cancelled, "stopped by a cancel").await;
    assert_eq!(server.command::<Vec<String>>(&["KEYS", "*"]), [""; 0], "something is left");
}

/// A run of high priority overtakes others, and so does one that is raised while it runs.
async fn overtaking(queue: &impl Queue, share: &Share) {
    let folder = place_of(OVERTAKEN);
    let folder = folder.path();
    let worker = LocalWorker::start(queue, NonZeroUsize::MIN, slots_program());

    let low = start(queue, share, folder, 0, Priority::Low);
    let normal = start(queue, share, folder, 1, Priority::Normal);
    until("the first works", || low.files.done() + normal.files.done() > 0).await;
    let high = start(queue, share, folder, 2, Priority::High);
    low.interrupter.prioritise(Priority::High);

    for first in [high, low] {
        assert!(matches!(first.run.await.unwrap().unwrap().end, End::Written(_)));
        assert!(!normal.run.is_finished(), "it overtook nobody");
    }
    assert!(matches!(normal.run.await.unwrap().unwrap().end, End::Written(_)));
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn priorities_order_runs_in_memory() {
    overtaking(&MemoryQueue::default(), &Share::of_memory(NonZeroUsize::MIN)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn priorities_order_runs_over_redis() {
    let server = server!("priorities_order_runs_over_redis");
    let folder = place_of([1; RUNS]);
    let (share, config) = share_of(&server, folder.path(), "--redis-budget 8MiB");
    let queue = RedisQueue::connect(config.redis.unwrap().server).await.unwrap();
    overtaking(&queue, &share).await;
}
