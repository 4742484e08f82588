//! The worker loop, with real children, on a queue within this process.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use sheaf_common::job::{Class, JobId, TaskId, UNIT_BYTES, WorkerId};
use sheaf_common::outcome::{Extracted, Outcome, Reading, Slice, TaskResult};
use sheaf_common::queue::{
    Capacity, Completed, Completion, JobOwner, JobPlace, Known, Lease, Leased, LostWorker,
    MemoryQueue, Past, Queue, QueueError,
};
use sheaf_common::row::Block;
use sheaf_common::task::{
    Content, Extract, Piece, Render, RenderUnit, RowsKey, SourceFile, SourcePath, Task, Work,
};
use sheaf_worker::extract::STEP;
use sheaf_worker::pool::Program;
use sheaf_worker::run::{Config, Order, Paths, WorkerError, run};
use tokio::sync::watch;

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_told_to_stop_hands_over_the_rows_that_it_keeps() {
    let queue = MemoryQueue::default();
    let text = "wheat ".repeat(UNIT_BYTES as usize / 5);
    let content = format!("<doc id=1 title=large>{text}</doc>").into_bytes();
    let file = SourceFile {
        sequence: 0,
        path: SourcePath(b"large".to_vec()),
        size: content.len() as u64,
        modified: 0,
        content: Content::Here(content),
    };
    let extract = Extract { spec: Arc::default(), files: vec![file] };
    let task = TaskId { job: JobId(1), class: Class::Extract, number: 0 };
    queue.push(&[Task { id: task, work: Work::Extract(extract) }]).await.unwrap();

    let (order, orders) = watch::channel(Order::Work);
    let running = tokio::spawn(run(queue.clone(), config(&queue), orders, Arc::default()));
    let outcomes = queue.collect(JobId(1), 9, Duration::from_secs(20)).await.unwrap();
    let [
        Outcome {
            result: TaskResult::Extracted(Extracted { edition, kept: Some(kept), .. }), ..
        },
    ] = &outcomes[..]
    else {
        panic!("{outcomes:?}")
    };
    assert_eq!((kept.by.0.as_str(), &kept.blocks[..]), ("w", &[0][..]));
    let key = RowsKey { task, block: 0, edition: *edition };
    assert_eq!(queue.rows(vec![key]).await.unwrap(), [None]);

    order.send_replace(Order::Drain);
    running.await.unwrap().unwrap();
    let handed_over = queue.rows(vec![key]).await.unwrap().remove(0).expect("the block");
    assert!(handed_over.len() as u64 >= UNIT_BYTES);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_news_of_a_large_file_before_its_outcome() {
    let queue = MemoryQueue::default();
    let content = format!("<doc id=1 title=large>{}</doc>", "wheat ".repeat(STEP / 3)).into_bytes();
    let length = content.len() as u64;
    let file = SourceFile {
        sequence: 7,
        path: SourcePath(b"large".to_vec()),
        size: length,
        modified: 0,
        content: Content::Here(content),
    };
    let work = Work::Extract(Extract { spec: Arc::default(), files: vec![file] });
    let task = TaskId { job: JobId(1), class: Class::Extract, number: 0 };
    queue.push(&[Task { id: task, work }]).await.unwrap();

    let (order, orders) = watch::channel(Order::Work);
    let running = tokio::spawn(run(queue.clone(), config(&queue), orders, Arc::default()));
    let news = queue.collect(JobId(1), 1, Duration::from_secs(20)).await.unwrap();
    let expected = TaskResult::Reading(Reading { sequence: 7, parsed: STEP as u64, of: length });
    assert_eq!(news, [Outcome { task, slot: "w/0".into(), result: expected }]);
    order.send_replace(Order::Drain);
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_can_start_no_child_ends_and_its_tasks_are_as_they_were() {
    let queue = MemoryQueue::default();
    let file = SourceFile {
        sequence: 0,
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
    let tasks: Vec<Task> = (0..20).map(task).collect();
    queue.push(&tasks).await.unwrap();

    let config = Config {
        id: WorkerId("w".into()),
        slots: NonZeroUsize::new(2).unwrap(),
        keep: 0,
        child: Program { path: "/nowhere/at/all".into(), arguments: Vec::new() },
        lease: queue.lease_length(),
        paths: Paths::Any,
    };
    let (_order, orders) = watch::channel(Order::Work);
    let ended = run(queue.clone(), config, orders, Arc::default()).await;
    assert!(
        matches!(&ended, Err(WorkerError::Unfit(unfit)) if unfit.reason.contains("No such file")),
        "{ended:?}"
    );
    assert!(queue.collect(JobId(1), 99, Duration::ZERO).await.unwrap().is_empty());
    let there = queue.lease(&WorkerId("other".into()), 99, Duration::ZERO).await.unwrap();
    assert_eq!(there.len(), tasks.len());
    assert!(there.iter().all(|leased| leased.delivery == 1), "{there:?}");
}

fn config(queue: &impl Queue) -> Config {
    Config {
        id: WorkerId("w".into()),
        slots: NonZeroUsize::MIN,
        keep: 8 << 20,
        child: Program {
            path: env!("CARGO_BIN_EXE_sheaf-worker").into(),
            arguments: vec!["slot".into()],
        },
        lease: queue.lease_length(),
        paths: Paths::Any,
    }
}

// ---- a queue that gives tasks, and no rows

/// How long a worker may take to end: it is to be at once.
const AT_ONCE: Duration = Duration::from_secs(20);

/// Answers all but one question as the queue within does.
#[derive(Clone)]
struct NoRows {
    queue: MemoryQueue,
    answer: fn() -> QueueError,
    asked: watch::Sender<u32>,
}

impl NoRows {
    /// With a task that needs rows.
    async fn with_a_task(answer: fn() -> QueueError) -> Self {
        let queue = MemoryQueue::default();
        let rows = RowsKey::new(TaskId { job: JobId(1), class: Class::Extract, number: 0 }, 0, 0);
        let slice = Slice { block: 0, offset: 0, length: 1, rows: 1, overflow: 0, long_cells: 0 };
        let piece = Piece { rows, slice, sequence: 0, first_row: 0, first_overflow: 0 };
        let unit = RenderUnit { number: 0, first_row: 0, first_overflow: 0, pieces: vec![piece] };
        let render = Render { spec: Arc::default(), units: vec![unit], keeper: None };
        let id = TaskId { job: JobId(1), class: Class::Render, number: 0 };
        queue.push(&[Task { id, work: Work::Render(render) }]).await.unwrap();
        NoRows { queue, answer, asked: watch::Sender::new(0) }
    }
}

impl Queue for NoRows {
    async fn open(&self, job: JobId, owner: JobOwner) -> Result<(), QueueError> {
        self.queue.open(job, owner).await
    }

    fn place(&self, job: JobId) -> Option<JobPlace> {
        self.queue.place(job)
    }

    async fn close_left(&self, left: &JobPlace) -> Result<bool, QueueError> {
        self.queue.close_left(left).await
    }

    async fn push(&self, tasks: &[Task]) -> Result<(), QueueError> {
        self.queue.push(tasks).await
    }

    async fn collect(
        &self,
        job: JobId,
        most: usize,
        wait: Duration,
    ) -> Result<Vec<Outcome>, QueueError> {
        self.queue.collect(job, most, wait).await
    }

    async fn forget(&self, rows: Vec<RowsKey>) -> Result<(), QueueError> {
        self.queue.forget(rows).await
    }

    async fn missing(&self, tasks: Vec<TaskId>) -> Result<Vec<TaskId>, QueueError> {
        self.queue.missing(tasks).await
    }

    async fn why_idle(&self, needs_others: bool) -> Result<Option<String>, QueueError> {
        self.queue.why_idle(needs_others).await
    }

    async fn remarks(&self) -> Result<Vec<String>, QueueError> {
        self.queue.remarks().await
    }

    async fn lost(&self, job: JobId) -> Result<Vec<LostWorker>, QueueError> {
        self.queue.lost(job).await
    }

    async fn capacity(&self) -> Result<Capacity, QueueError> {
        self.queue.capacity().await
    }

    async fn close(&self, job: JobId) -> Result<(), QueueError> {
        self.queue.close(job).await
    }

    fn lease_length(&self) -> Duration {
        self.queue.lease_length()
    }

    async fn lease(
        &self,
        worker: &WorkerId,
        most: usize,
        wait: Duration,
    ) -> Result<Vec<Leased>, QueueError> {
        self.queue.lease(worker, most, wait).await
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

    async fn past(&self, lease: &Lease, previous: Option<&WorkerId>) -> Result<Known, QueueError> {
        self.queue.past(lease, previous).await
    }

    async fn note_if_held(&self, lease: &Lease, past: &Past) -> Result<bool, QueueError> {
        self.queue.note_if_held(lease, past).await
    }

    async fn give_back_if_held(&self, lease: &Lease, past: &Past) -> Result<(), QueueError> {
        self.queue.give_back_if_held(lease, past).await
    }

    async fn has_others(&self, than: &WorkerId) -> Result<bool, QueueError> {
        self.queue.has_others(than).await
    }

    async fn hand_over(&self, rows: &[(RowsKey, Block)]) -> Result<(), QueueError> {
        self.queue.hand_over(rows).await
    }

    async fn rows(&self, _: Vec<RowsKey>) -> Result<Vec<Option<Block>>, QueueError> {
        self.asked.send_modify(|asked| *asked += 1);
        Err((self.answer)())
    }

    async fn notify(&self, news: Outcome) -> Result<(), QueueError> {
        self.queue.notify(news).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_whose_rows_cannot_be_had_ends_the_worker() {
    let unusable = || QueueError::Unusable { reason: "no rows here".into(), hint: None };
    let queue = NoRows::with_a_task(unusable).await;
    let (_order, orders) = watch::channel(Order::Work);
    let running = run(queue.clone(), config(&queue), orders, Arc::default());
    let ended = tokio::time::timeout(AT_ONCE, running).await.expect("it ends");
    assert_eq!(ended.unwrap_err().to_string(), "no rows here");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_do_not_come_do_not_keep_a_worker_that_is_told_to_stop() {
    let queue = NoRows::with_a_task(|| QueueError::Unreachable("cut".into())).await;
    let (order, orders) = watch::channel(Order::Work);
    let mut asked = queue.asked.subscribe();
    let running = tokio::spawn(run(queue.clone(), config(&queue), orders, Arc::default()));
    asked.wait_for(|asked| *asked > 1).await.unwrap();
    order.send_replace(Order::Stop);
    tokio::time::timeout(AT_ONCE, running).await.expect("it ends").unwrap().unwrap();
    // The task is for anyone again.
    assert_eq!(queue.lease(&WorkerId("other".into()), 9, Duration::ZERO).await.unwrap().len(), 1);
}
