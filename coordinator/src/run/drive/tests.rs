//! Whole runs on the memory queue with a paused clock: waiting takes no time, and no process is
//! started.

mod outages;
mod worker;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sheaf_common::job::JobId;
use sheaf_common::numbers::FileIndex;
use sheaf_common::outcome::{FileReport, FileStatus, Outcome};
use sheaf_common::queue::{JobOwner, MemoryJob, MemoryQueue, Queue, WorkQueue};
use sheaf_common::rows::RowsKey;
use sheaf_worker::signals::Stop;

use super::*;
use crate::discover::Sources;
use crate::ledger::{Commit, Ledger, Position};
use crate::report::{Notice, Tally, UnderWay};
use crate::run::interrupt::{Cause, Interrupter};
use crate::run::window::Window;
use worker::{Habit, Worker};

const JOB: JobId = JobId(7);

/// The duration of a task. The window holds few tasks, so that a run has many turns.
const WORK: Duration = Duration::from_secs(1);

/// The files of every run here: enough for some units, and one that cannot be read.
const FILES: usize = 40;
const UNREADABLE: usize = 13;

/// The bytes of a file's rows: three files fill a unit.
const ROWS: u32 = 300_000;

fn sources() -> Sources {
    let size = |index| (index != UNREADABLE).then_some(1 << 20);
    Sources::example(&(0..FILES).map(size).collect::<Vec<_>>())
}

/// A unit as it was stored, without what depends on time and worker.
#[derive(Debug, PartialEq)]
struct Stored {
    end: Position,
    segments: Vec<Vec<u8>>,
    /// The files that end in it, and their rows.
    files: Vec<(u64, u64)>,
}

/// Remembers units as a spool does, on a disk with limited room.
struct Recorder {
    commits: Vec<Commit>,
    tally: Tally,
    room: usize,
}

impl Default for Recorder {
    fn default() -> Self {
        Recorder { commits: Vec::new(), tally: Tally::default(), room: usize::MAX }
    }
}

impl Recorder {
    fn end(&self) -> Position {
        self.commits.last().map_or(Position::default(), |commit| commit.end)
    }

    /// The units in order, in place of an output's bytes.
    fn stored(&self) -> Vec<Stored> {
        let stored = |commit: &Commit| Stored {
            end: commit.end,
            segments: commit.segments.iter().map(|segment| segment.bytes.clone()).collect(),
            files: commit.files.iter().map(|file| (file.report.sequence.0, file.rows)).collect(),
        };

        self.commits.iter().map(stored).collect()
    }
}

impl Commits for Recorder {
    fn commit(&mut self, commit: Commit) -> Result<(), StoreError> {
        if self.commits.len() == self.room {
            return Err(StoreError::JobLog(std::io::ErrorKind::StorageFull.into()));
        }

        self.tally.files += commit.files.len() as u64;
        self.commits.push(commit);
        Ok(())
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }
}

/// Records the notices of a run. Clones share the record.
#[derive(Clone, Default)]
struct Heard {
    notices: Arc<Mutex<Vec<Notice>>>,
    asked: Arc<Mutex<Vec<u64>>>,
}

impl Observer for Heard {
    fn progress(&mut self, _: &Tally, _: UnderWay) {}

    fn notice(&mut self, notice: &Notice) {
        self.notices.lock().unwrap().push(notice.clone());
    }

    fn asked(&mut self, tally: &Tally, _: UnderWay) {
        self.asked.lock().unwrap().push(tally.files);
    }

    fn ended(&mut self, _: &Tally) {}
}

/// A run, its store and its notices.
struct Stage {
    queue: MemoryQueue,
    store: Recorder,
    heard: Heard,
    interrupter: Arc<Interrupter>,
    interrupt: Interrupt,
}

impl Stage {
    fn new() -> Self {
        let (interrupter, interrupt) = Interrupt::new();
        Stage {
            queue: MemoryQueue::default(),
            store: Recorder::default(),
            heard: Heard::default(),
            interrupter: Arc::new(interrupter),
            interrupt,
        }
    }

    /// Runs to the end on the memory queue, from where the store ends.
    async fn run(&mut self) -> Result<Driven, DriveError> {
        let mut job = self.queue.job(JOB, JobOwner::default());
        self.run_on(&mut job).await
    }

    /// The same on any queue.
    async fn run_on(&mut self, job: &mut impl JobQueue) -> Result<Driven, DriveError> {
        let sources = sources();
        let from = self.store.end();
        let ledger = Ledger::new(JOB, Arc::default(), from);
        let now = Instant::now().into_std();
        let driver = Driver::new(ledger, &sources, from, Window::local(2), None, now);

        let drive = Drive {
            queue: job,
            shipping: Shipping::None,
            contents: Contents::AtPaths,
            reuser: None,
            store: &mut self.store,
            observer: &mut self.heard,
            interrupt: &self.interrupt,
        };

        let driven = drive.run(driver).await;
        job.close().await.unwrap();
        driven
    }

    fn notices(&self) -> Vec<Notice> {
        self.heard.notices.lock().unwrap().clone()
    }
}

/// The units of a run without faults.
async fn undisturbed() -> Recorder {
    let mut stage = Stage::new();
    Worker::start(&stage.queue, "a", Habit::Reliable);
    assert_eq!(stage.run().await.unwrap(), Driven::Whole);
    stage.store
}

#[tokio::test(start_paused = true)]
async fn a_run_stores_every_file_in_order() {
    let store = undisturbed().await;

    let files = store.commits.iter().flat_map(|commit| &commit.files);
    let reports: HashMap<FileIndex, &FileReport> =
        files.map(|file| (file.report.sequence, &file.report)).collect();
    assert_eq!(reports.len(), FILES);
    assert!(store.commits.len() > 5, "{} units", store.commits.len());
    assert_eq!(store.end().file, FileIndex::at(FILES));

    // The unreadable file is reported, and the run goes on.
    let unreadable = &reports[&FileIndex::at(UNREADABLE)].status;
    assert!(matches!(unreadable, FileStatus::Failed { .. }), "{unreadable:?}");
}

#[tokio::test(start_paused = true)]
async fn a_dead_worker_changes_nothing() {
    let expected = undisturbed().await.stored();

    for habit in [Habit::Dies, Habit::FallsAsleep] {
        let mut stage = Stage::new();
        Worker::start(&stage.queue, "a", habit);
        Worker::start(&stage.queue, "b", Habit::Reliable);

        assert_eq!(stage.run().await.unwrap(), Driven::Whole, "{habit:?}");
        assert_eq!(stage.store.stored(), expected, "{habit:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_flushed_queue_changes_nothing() {
    let expected = undisturbed().await.stored();

    let mut stage = Stage::new();
    Worker::start(&stage.queue, "a", Habit::Reliable);
    let mut job = stage.queue.job(JOB, JobOwner::default());
    let flushes = tokio::spawn(async move {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(7500)).await;
            job.close().await.unwrap();
        }
    });

    assert_eq!(stage.run().await.unwrap(), Driven::Whole);
    assert!(flushes.is_finished(), "it was flushed while the run went on");
    assert_eq!(stage.store.stored(), expected);
}

#[tokio::test(start_paused = true)]
async fn lost_rows_are_extracted_again() {
    let expected = undisturbed().await.stored();

    let mut stage = Stage::new();
    Worker::start(&stage.queue, "a", Habit::LosesRows);

    assert_eq!(stage.run().await.unwrap(), Driven::Whole);
    assert_eq!(stage.store.stored(), expected);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_run_goes_on_where_it_stopped() {
    let expected = undisturbed().await.stored();

    for seconds in [0, 1, 5, 20, 31] {
        let mut stage = Stage::new();
        Worker::start(&stage.queue, "a", Habit::Reliable);
        let interrupter = Arc::clone(&stage.interrupter);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            interrupter.stop(Stop::Terminate);
        });

        let began = Instant::now();
        assert_eq!(stage.run().await.unwrap(), Driven::Interrupted(Cause::Signal(Stop::Terminate)));
        assert!(began.elapsed() <= Duration::from_secs(seconds + 1), "it waits for nobody");
        let front = stage.store.stored();
        assert_eq!(front, expected[..front.len()], "after {seconds} s");

        let (_interrupter, interrupt) = Interrupt::new();
        stage.interrupt = interrupt;
        assert_eq!(stage.run().await.unwrap(), Driven::Whole);
        assert_eq!(stage.store.stored(), expected, "after {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_on_after_a_full_disk() {
    let expected = undisturbed().await.stored();

    let mut stage = Stage::new();
    Worker::start(&stage.queue, "a", Habit::Reliable);
    stage.store.room = 3;
    let error = stage.run().await.unwrap_err();
    assert!(matches!(error, DriveError::Store(_)), "{error}");
    assert_eq!(stage.store.stored(), expected[..3]);

    stage.store.room = usize::MAX;
    assert_eq!(stage.run().await.unwrap(), Driven::Whole);
    assert_eq!(stage.store.stored(), expected);
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_hears_how_far_a_run_is() {
    let mut stage = Stage::new();
    Worker::start(&stage.queue, "a", Habit::Reliable);
    let interrupter = Arc::clone(&stage.interrupter);
    tokio::spawn(async move {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(15)).await;
            interrupter.ask();
        }
    });

    assert_eq!(stage.run().await.unwrap(), Driven::Whole);
    let asked = stage.heard.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked.is_sorted() && asked[2] > asked[0], "{asked:?}");
    assert_eq!(stage.notices(), [], "nothing else was to be said");
}
