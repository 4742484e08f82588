//! The worker loop, with real children, on a queue within this process.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use sheaf_common::job::{Class, JobId, TaskId, UNIT_BYTES, WorkerId};
use sheaf_common::outcome::{Extracted, Outcome, TaskResult};
use sheaf_common::queue::{MemoryQueue, Queue};
use sheaf_common::task::{Content, Extract, RowsKey, SourceFile, SourcePath, Task, Work};
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
    let config = Config {
        id: WorkerId("w".into()),
        slots: NonZeroUsize::MIN,
        keep: 8 << 20,
        child: Program { path: env!("CARGO_BIN_EXE_sheaf-worker").into(), arguments: vec!["slot".into()] },
        lease: queue.lease_length(),
        paths: Paths::Any,
    };
    let running = tokio::spawn(run(queue.clone(), config, orders, Arc::default()));
    let outcomes = queue.collect(JobId(1), 9, Duration::from_secs(20)).await.unwrap();
    let [Outcome { result: TaskResult::Extracted(Extracted { edition, kept: Some(kept), .. }), .. }] = &outcomes[..]
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
    let task = |number| Task { id: TaskId { job: JobId(1), class: Class::Extract, number }, work: work.clone() };
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
    assert!(matches!(&ended, Err(WorkerError::Unfit(unfit)) if unfit.reason.contains("No such file")), "{ended:?}");
    assert!(queue.collect(JobId(1), 99, Duration::ZERO).await.unwrap().is_empty());
    let there = queue.lease(&WorkerId("other".into()), 99, Duration::ZERO).await.unwrap();
    assert_eq!(there.len(), tasks.len());
    assert!(there.iter().all(|leased| leased.delivery == 1), "{there:?}");
}
