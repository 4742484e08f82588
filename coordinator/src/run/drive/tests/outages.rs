//! A queue that cannot be reached for a while, or whose calls hang.

use sheaf_common::job::TaskId;
use sheaf_common::queue::{Capacity, JobPlace, LostWorker, Priority, QueueError, Reason, Supply};
use sheaf_common::row::Block;
use sheaf_common::task::Task;

use super::*;

/// From the fifth second on, the queue is away for thirty.
const AWAY: std::ops::Range<u64> = 5..35;

/// How a call fails while the queue is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    Unreachable,
    Full,
    /// There is no answer, not even an error.
    Hangs,
}

/// The coordinator's side of a memory queue behind a bad network; the workers notice nothing.
#[derive(Clone)]
struct Distant {
    job: MemoryJob,
    failure: Failure,
    began: Instant,
}

impl Distant {
    fn is_away(&self) -> bool {
        AWAY.contains(&self.began.elapsed().as_secs())
    }

    /// Fails, if the queue is away.
    async fn reach(&self) -> Result<(), QueueError> {
        if !self.is_away() {
            return Ok(());
        }

        match self.failure {
            Failure::Unreachable => Err(QueueError::Unreachable(Reason::new("no route"))),
            Failure::Full => Err(QueueError::Full(Reason::new("no memory"))),
            Failure::Hangs => std::future::pending().await,
        }
    }
}

impl JobQueue for Distant {
    type Supply = Distant;
    type Outlook = Distant;

    fn supply(&self) -> Distant {
        self.clone()
    }

    fn outlook(&self) -> Distant {
        self.clone()
    }

    fn place(&self) -> Option<JobPlace> {
        None
    }

    async fn open(&mut self) -> Result<(), QueueError> {
        self.reach().await
    }

    async fn prioritise(&mut self, priority: Priority) -> Result<(), QueueError> {
        self.reach().await?;
        self.job.prioritise(priority).await
    }

    async fn collect(&mut self, most: usize, wait: Duration) -> Result<Vec<Outcome>, QueueError> {
        self.reach().await?;
        self.job.collect(most, wait).await
    }

    async fn missing(&mut self, tasks: Vec<TaskId>) -> Result<Vec<TaskId>, QueueError> {
        self.reach().await?;
        self.job.missing(tasks).await
    }

    async fn rows(&mut self, keys: Vec<RowsKey>) -> Result<Vec<Option<Block>>, QueueError> {
        self.reach().await?;
        self.job.rows(keys).await
    }

    async fn forget(&mut self, rows: Vec<RowsKey>) -> Result<(), QueueError> {
        self.reach().await?;
        self.job.forget(rows).await
    }

    async fn close(&mut self) -> Result<(), QueueError> {
        self.job.close().await
    }
}

impl Supply for Distant {
    async fn push(&self, tasks: &[Task]) -> Result<(), QueueError> {
        self.reach().await?;
        self.job.push(tasks).await
    }

    async fn put_rows(&self, rows: &[(RowsKey, Block)]) -> Result<(), QueueError> {
        self.reach().await?;
        self.job.put_rows(rows).await
    }

    fn largest_file(&self) -> Option<u64> {
        None
    }
}

impl Outlook for Distant {
    /// As an engine does that notes the failures of its calls, this asks no server.
    async fn why_idle(&self, _: bool) -> Result<Option<String>, QueueError> {
        Ok(self.is_away().then(|| format!("{:?}", self.failure)))
    }

    async fn remarks(&self) -> Result<Vec<String>, QueueError> {
        self.reach().await?;
        Ok(Vec::new())
    }

    async fn lost(&self) -> Result<Vec<LostWorker>, QueueError> {
        self.reach().await?;
        Ok(Vec::new())
    }

    fn is_in_trouble(&self) -> bool {
        self.is_away()
    }

    async fn capacity(&self) -> Result<Capacity, QueueError> {
        self.reach().await?;
        Ok(Capacity::default())
    }
}

/// A stage whose run meets the failure, and the time that the run took.
async fn run_with(failure: Failure, stage: &mut Stage) -> (Result<Driven, DriveError>, Duration) {
    let began = Instant::now();
    let job = stage.queue.job(JOB, JobOwner::default());
    let driven = stage.run_on(&mut Distant { job, failure, began }).await;

    (driven, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_run_outlives_a_queue_that_fails() {
    let expected = undisturbed().await.stored();

    for failure in [Failure::Unreachable, Failure::Full] {
        let mut stage = Stage::new();
        Worker::start(&stage.queue, "a", Habit::Reliable);
        let (driven, took) = run_with(failure, &mut stage).await;

        assert_eq!(driven.unwrap(), Driven::Whole, "{failure:?}");
        assert!(took > Duration::from_secs(AWAY.end), "it ended before the queue was back");
        assert_eq!(stage.store.stored(), expected, "{failure:?}");

        let waits = Notice::Waits(format!("{failure:?}"));
        assert_eq!(stage.notices(), [waits, Notice::GoesOn], "{failure:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_waits_for_no_call() {
    let mut stage = Stage::new();
    Worker::start(&stage.queue, "a", Habit::Reliable);
    let interrupter = Arc::clone(&stage.interrupter);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(20)).await;
        interrupter.stop(Stop::Interrupt);
    });

    let (driven, took) = run_with(Failure::Hangs, &mut stage).await;
    assert_eq!(driven.unwrap(), Driven::Interrupted(Cause::Signal(Stop::Interrupt)));

    // A push that is under way may end first, within a few seconds.
    assert!(took < Duration::from_secs(24), "{took:?}");
    assert_eq!(stage.notices(), [Notice::Waits("Hangs".into())]);
}
