//! The worker loop, with real children, on a queue within this process.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use sheaf_common::fit;
use sheaf_common::job::{Class, JobId, TaskId, UNIT_BYTES, WorkerId};
use sheaf_common::numbers::{BlockNumber, FileIndex, TaskNumber};
use sheaf_common::outcome::{Extracted, Outcome, Reading, TaskResult};
use sheaf_common::queue::{
    Completed, Completion, JobOwner, JobQueue, Known, Lease, Leased, MemoryJob, MemoryQueue,
    MemoryWorker, Past, Queue, QueueError, Reason, Stashing, Supply, Traits, WorkQueue,
};
use sheaf_common::row::Block;
use sheaf_common::rows::{RowsKey, Slice};
use sheaf_common::task::{
    Content, Extract, Nap, Piece, Render, RenderUnit, SourceFile, SourcePath, Task, Work,
};
use sheaf_worker::extract::STEP;
use sheaf_worker::pool::Program;
use sheaf_worker::run::{Config, Order, Paths, WorkerError, run, run_all};
use tokio::sync::watch;

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_worker_hands_over_its_stash() {
    let queue = MemoryQueue::default();
    let text = "wheat ".repeat(fit::size(UNIT_BYTES) / 5);
    let content = format!("<doc id=1 title=large>{text}</doc>").into_bytes();
    let file = SourceFile {
        sequence: FileIndex(0),
        path: SourcePath(b"large".to_vec()),
        size: content.len() as u64,
        modified: 0,
        content: Content::Here(content),
    };

    let extract = Extract { spec: Arc::default(), files: vec![file] };
    let task = TaskId { job: JobId(1), class: Class::Extract, number: TaskNumber(0) };
    push(&queue, &[Task { id: task, work: Work::Extract(extract) }]).await;

    let (order, orders) = watch::channel(Order::Work);
    let running = tokio::spawn(run(Odd::listed(&queue), config(), orders, Arc::default()));
    let outcomes = job(&queue).collect(9, Duration::from_secs(20)).await.unwrap();
    let [
        Outcome {
            result: TaskResult::Extracted(Extracted { edition, stashed: Some(stashed), .. }),
            ..
        },
    ] = &outcomes[..]
    else {
        panic!("{outcomes:?}")
    };
    assert_eq!((stashed.by.0.as_str(), &stashed.blocks[..]), ("w", &[BlockNumber(0)][..]));

    let key = RowsKey { task, block: BlockNumber(0), edition: *edition };
    assert_eq!(worker(&queue).rows(vec![key]).await.unwrap(), [None]);

    order.send_replace(Order::Drain);
    running.await.unwrap().unwrap();
    let handed_over = worker(&queue).rows(vec![key]).await.unwrap().remove(0).expect("the block");
    assert!(handed_over.len() as u64 >= UNIT_BYTES);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_files_news_precedes_its_outcome() {
    let queue = MemoryQueue::default();
    let content = format!("<doc id=1 title=large>{}</doc>", "wheat ".repeat(STEP / 3)).into_bytes();
    let length = content.len() as u64;
    let file = SourceFile {
        sequence: FileIndex(7),
        path: SourcePath(b"large".to_vec()),
        size: length,
        modified: 0,
        content: Content::Here(content),
    };

    let work = Work::Extract(Extract { spec: Arc::default(), files: vec![file] });
    let task = TaskId { job: JobId(1), class: Class::Extract, number: TaskNumber(0) };
    push(&queue, &[Task { id: task, work }]).await;

    let (order, orders) = watch::channel(Order::Work);
    let running = tokio::spawn(run(Odd::listed(&queue), config(), orders, Arc::default()));
    let news = job(&queue).collect(1, Duration::from_secs(20)).await.unwrap();
    let expected =
        TaskResult::Reading(Reading { sequence: FileIndex(7), parsed: STEP as u64, of: length });
    assert_eq!(news, [Outcome { task, slot: "w/0".into(), result: expected }]);

    order.send_replace(Order::Drain);
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfit_worker_ends_and_returns_its_tasks() {
    let queue = MemoryQueue::default();
    let file = SourceFile {
        sequence: FileIndex(0),
        path: SourcePath(b"file".to_vec()),
        size: 4,
        modified: 0,
        content: Content::Here(b"text".to_vec()),
    };

    let work = Work::Extract(Extract { spec: Arc::default(), files: vec![file] });
    let task = |number| Task {
        id: TaskId { job: JobId(1), class: Class::Extract, number },
        work: work.clone(),
    };

    let tasks: Vec<Task> = (0..20).map(TaskNumber).map(task).collect();
    push(&queue, &tasks).await;

    let config = Config {
        id: WorkerId("w".into()),
        slots: NonZeroUsize::new(2).unwrap(),
        child: Program { path: "/nowhere/at/all".into(), arguments: Vec::new() },
        paths: Paths::Any,
    };

    let (_order, orders) = watch::channel(Order::Work);
    let ended = run(worker(&queue), config, orders, Arc::default()).await;
    assert!(
        matches!(&ended, Err(WorkerError::Unfit(unfit)) if unfit.reason.contains("No such file")),
        "{ended:?}"
    );

    assert!(job(&queue).collect(99, Duration::ZERO).await.unwrap().is_empty());
    let there = worker(&queue).lease(99).await.unwrap();
    assert_eq!(there.len(), tasks.len());
    assert!(there.iter().all(|leased| leased.delivery == 1), "{there:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_of_one_worker_take_turns() {
    const TASKS: u64 = 40;
    let queues = [MemoryQueue::default(), MemoryQueue::default()];
    for queue in &queues {
        let nap = Nap { name: String::new(), length: Duration::from_millis(5) };
        let task = |number| Task {
            id: TaskId { job: JobId(1), class: Class::Extract, number },
            work: Work::Nap(nap.clone()),
        };
        push(queue, &(0..TASKS).map(TaskNumber).map(task).collect::<Vec<_>>()).await;
    }

    let (order, orders) = watch::channel(Order::Work);
    let workers = queues.iter().map(worker).collect();
    let running = tokio::spawn(run_all(workers, config(), orders, Arc::default()));

    let mut ended = 0;
    while ended < TASKS / 2 {
        let outcomes = job(&queues[1]).collect(1, Duration::from_secs(20)).await.unwrap();
        ended += outcomes.iter().filter(|outcome| is_end(outcome)).count() as u64;
    }

    let other = job(&queues[0]).collect(999, Duration::ZERO).await.unwrap();
    let other = other.iter().filter(|outcome| is_end(outcome)).count() as u64;

    // A worker with one slot leases four at once, at most.
    let most_ahead = 12;
    assert!(other.abs_diff(ended) <= most_ahead, "{other} and {ended}");
    order.send_replace(Order::Stop);
    running.await.unwrap().unwrap();
}

fn is_end(outcome: &Outcome) -> bool {
    matches!(outcome.result, TaskResult::NapEnded { .. })
}

fn job(queue: &MemoryQueue) -> MemoryJob {
    queue.job(JobId(1), JobOwner::default())
}

async fn push(queue: &MemoryQueue, tasks: &[Task]) {
    job(queue).supply().push(tasks).await.unwrap();
}

/// A worker's side of the queue, for the test itself.
fn worker(queue: &MemoryQueue) -> MemoryWorker {
    queue.worker(WorkerId("other".into()))
}

fn config() -> Config {
    Config {
        id: WorkerId("w".into()),
        slots: NonZeroUsize::MIN,
        child: Program {
            path: env!("CARGO_BIN_EXE_sheaf-worker").into(),
            arguments: vec!["slot".into()],
        },
        paths: Paths::Any,
    }
}

// ---- a queue that returns tasks, but no rows

/// The deadline for a worker that must end at once. It is long, as the machine may be busy.
const AT_ONCE: Duration = Duration::from_secs(20);

/// Passes calls on to the queue inside, except for those that a test is about.
#[derive(Clone)]
struct Odd {
    queue: MemoryWorker,
    stashing: Stashing,
    /// The error for a fetch of rows; `None`: the answer of the queue inside.
    rows: Option<fn() -> QueueError>,
    /// The number of fetches of rows so far.
    asked: watch::Sender<u32>,
}

impl Odd {
    /// A worker in the registry, which may stash the only copy of rows.
    fn listed(queue: &MemoryQueue) -> Self {
        let queue = queue.worker(WorkerId("w".into()));
        Odd { queue, stashing: Stashing::Alone, rows: None, asked: watch::Sender::new(0) }
    }

    /// A worker that cannot fetch rows, and a task that needs some.
    async fn without_rows(queue: &MemoryQueue, answer: fn() -> QueueError) -> Self {
        let rows = RowsKey::new(
            TaskId { job: JobId(1), class: Class::Extract, number: TaskNumber(0) },
            BlockNumber(0),
            0,
        );

        let slice = Slice { length: 1, rows: 1, ..Slice::default() };

        let piece = Piece { rows, slice, sequence: FileIndex(0), first_row: 0, first_overflow: 0 };
        let unit = RenderUnit { pieces: vec![piece], ..RenderUnit::default() };

        let render = Render { spec: Arc::default(), units: vec![unit], stashed_by: None };
        let id = TaskId { job: JobId(1), class: Class::Render, number: TaskNumber(0) };
        push(queue, &[Task { id, work: Work::Render(render) }]).await;
        Odd { rows: Some(answer), ..Odd::listed(queue) }
    }
}

impl WorkQueue for Odd {
    fn traits(&self) -> Traits {
        Traits { stashing: self.stashing, ..self.queue.traits() }
    }

    async fn listen(&self, longest: Duration) -> Result<(), QueueError> {
        self.queue.listen(longest).await
    }

    async fn lease(&self, most: usize) -> Result<Vec<Leased>, QueueError> {
        self.queue.lease(most).await
    }

    async fn extend_if_held(&self, leases: Vec<Lease>) -> Result<Vec<Lease>, QueueError> {
        self.queue.extend_if_held(leases).await
    }

    async fn complete_if_held(
        &self,
        completions: &[Completion],
    ) -> Result<Vec<Completed>, QueueError> {
        self.queue.complete_if_held(completions).await
    }

    async fn release_if_held(&self, leases: Vec<Lease>) -> Result<(), QueueError> {
        self.queue.release_if_held(leases).await
    }

    async fn rows(&self, keys: Vec<RowsKey>) -> Result<Vec<Option<Block>>, QueueError> {
        self.asked.send_modify(|asked| *asked += 1);
        match self.rows {
            Some(answer) => Err(answer()),
            None => self.queue.rows(keys).await,
        }
    }

    async fn hand_over(&self, rows: &[(RowsKey, Block)]) -> Result<(), QueueError> {
        self.queue.hand_over(rows).await
    }

    async fn notify(&self, news: Outcome) -> Result<(), QueueError> {
        self.queue.notify(news).await
    }

    async fn past(&self, lease: &Lease, previous: Option<&WorkerId>) -> Result<Known, QueueError> {
        self.queue.past(lease, previous).await
    }

    async fn note_if_held(&self, lease: &Lease, past: &Past) -> Result<bool, QueueError> {
        self.queue.note_if_held(lease, past).await
    }

    async fn give_back_if_held(&self, lease: &Lease, past: &Past) -> Result<(), QueueError> {
        self.queue.give_back_if_held(lease, past).await
    }

    async fn has_others(&self) -> Result<bool, QueueError> {
        self.queue.has_others().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_without_usable_rows_ends_the_worker() {
    let unusable = || QueueError::Unusable(Reason::new("no rows here"));
    let queue = Odd::without_rows(&MemoryQueue::default(), unusable).await;
    let (_order, orders) = watch::channel(Order::Work);
    let running = run(queue, config(), orders, Arc::default());
    let ended = tokio::time::timeout(AT_ONCE, running).await.expect("it ends");
    assert_eq!(ended.unwrap_err().to_string(), "no rows here");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_rows_do_not_delay_a_stopping_worker() {
    let queue = MemoryQueue::default();
    let cut = || QueueError::Unreachable(Reason::new("cut"));
    let odd = Odd::without_rows(&queue, cut).await;
    let (order, orders) = watch::channel(Order::Work);
    let mut asked = odd.asked.subscribe();
    let running = tokio::spawn(run(odd, config(), orders, Arc::default()));
    asked.wait_for(|asked| *asked > 1).await.unwrap();
    order.send_replace(Order::Stop);
    tokio::time::timeout(AT_ONCE, running).await.expect("it ends").unwrap().unwrap();

    // The task was handed back.
    assert_eq!(worker(&queue).lease(9).await.unwrap().len(), 1);
}
