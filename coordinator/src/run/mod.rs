//! One run, from its settings to its outputs.
//!
//! `discover → resume or begin → drive (plan, queue, ledger, store) → outputs → summary`
//!
//! * [`driver`]: a state machine that decides what comes next. [`mod@drive`]: the loop around it.
//!   [`callers`]: its calls to the queue. [`ship`]: brings tasks to the queue. [`prepare`]: reads
//!   their files. [`contents`]: where the bytes of files are.
//! * [`share`]: what a run may use of its queue. [`window`]: how much it may have outstanding.
//!   [`waiting`]: when it says that it waits. [`large_files`]: progress within files.
//! * [`store`]: stores committed units. [`own_workbooks`]: `--per-file`. [`outputs`]: writes the
//!   outputs at the end.
//! * [`resume`]: goes on with an interrupted run, or begins anew. [`identity`]: compares their
//!   jobs. [`on_queue`]: puts the job on the queue, and removes it.
//! * [`reusing`]: what of an earlier run is reused.
//! * [`interrupt`]: stops a run from outside. [`failure`]: why it cannot go on.

mod callers;
mod contents;
mod drive;
mod driver;
mod failure;
mod identity;
mod interrupt;
mod large_files;
mod on_queue;
mod outputs;
mod own_workbooks;
mod prepare;
mod resume;
mod reusing;
mod share;
mod ship;
mod store;
mod waiting;
mod window;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context;
use sheaf_common::job::JobId;
use sheaf_common::queue::{JobOwner, MemoryQueue, Queue, RedisQueue};
use sheaf_worker::pool::Program;
use tempfile::TempDir;

use crate::clock::day_and_time;
use crate::config::RunConfig;
use crate::discover::Sources;
use crate::errors::{Exit, Failure};
use crate::human::{count, number};
use crate::ledger::{Ledger, Position};
use crate::local::LocalWorker;
use crate::report::{Notice, Observer, StatusFile, Tally, Written};
use crate::spool::{self, Spool};
pub use contents::{Contents, Sha256, stored_path};
use drive::Drive;
use driver::{Driven, Driver};
pub use failure::{DriveError, GO_ON, queue_failed, worker_failed};
use failure::{could_not_run, drive_failed};
pub use identity::Identity;
pub use interrupt::{Cause, Interrupt, Interrupter};
pub use on_queue::owner;
use on_queue::{open_job, remove_job};
pub use share::Share;
use store::{Commits, Store};
use window::Window;

/// The result of a run that did not fail.
#[derive(Debug)]
pub struct Finished {
    pub end: End,
    pub tally: Tally,
    /// The bytes that this run read, unpacked, without those of earlier runs.
    pub read_bytes: u64,
    pub elapsed: Duration,
    /// What is kept for the next run; `None`: nothing is.
    pub kept: Option<Kept>,
    /// The CPU time of this machine's slots, without that of their children.
    pub slots_cpu: Duration,
}

/// The folder of a finished run, which is kept for the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub folder: PathBuf,
    pub bytes: u64,
}

/// How a run ended.
#[derive(Debug)]
pub enum End {
    /// All outputs are written.
    Written(Vec<Written>),
    /// It was interrupted. The same command goes on.
    Interrupted(Cause),
}

/// A run, with everything it needs: several fit into one process.
pub struct Run {
    pub config: Arc<RunConfig>,
    pub sources: Arc<Sources>,
    /// Where the bytes of the sources are.
    pub contents: Contents,
    /// The program that the slots of this machine start as their children.
    pub child: Program,
    /// Hears how far the run is; see [`Observer`].
    pub observer: Box<dyn Observer>,
    /// Stops the run from outside.
    pub interrupt: Interrupt,
}

impl Run {
    /// Runs the job to its end, on this machine or through Redis.
    ///
    /// # Errors
    /// When the run cannot begin or go on. What is stored stays, and the same command goes on with
    /// it.
    pub async fn execute(self) -> Result<Finished, Failure> {
        let go_on = self.config.go_on();

        self.on_its_queue().await.map_err(|failure| match failure.hint.as_deref() {
            Some(hint) => {
                // Queue and worker do not know the settings that decide this part of the hint.
                let hint = hint.replace(GO_ON, go_on);
                failure.with_hint(hint)
            }
            None => failure,
        })
    }

    /// Runs the job to its end on a queue that other runs use too, with workers that the caller
    /// starts and stops: see [`LocalWorker`]. The settings `redis` and
    /// `processes` do not count, and no child is started.
    ///
    /// A [`MemoryQueue`] without a worker is waited for without end: when its worker fails, the
    /// caller must stop the runs.
    ///
    /// # Errors
    /// As [`Run::execute`].
    pub async fn execute_on<Q: Queue>(self, queue: &Q, share: &Share) -> Result<Finished, Failure> {
        // The state of a run is too large for the stacks of small threads.
        Box::pin(self.on(queue, share.clone(), None)).await
    }

    async fn on_its_queue(self) -> Result<Finished, Failure> {
        let slots = self.config.processes;
        let Some(redis) = &self.config.redis else {
            // A run without Redis has slots: the settings see to that.
            let share = Share::of_memory(slots.unwrap_or(NonZeroUsize::MIN));
            return Box::pin(self.on(&MemoryQueue::default(), share, slots)).await;
        };

        let queue = RedisQueue::connect(redis.server.clone()).await.map_err(queue_failed)?;
        let share = Share::of_redis(redis, slots.map_or(0, NonZeroUsize::get));

        Box::pin(self.on(&queue, share, slots)).await
    }

    /// Runs the job on a queue, beside a worker with these slots if any are given.
    async fn on<Q: Queue>(
        self,
        queue: &Q,
        share: Share,
        slots: Option<NonZeroUsize>,
    ) -> Result<Finished, Failure> {
        let began = Instant::now();

        let Run { config, sources, contents, child, observer, mut interrupt } = self;
        let mut observer = vec![observer];
        contents.check(sources.len()).map_err(could_not_run)?;
        let (folder, _temporary) = work_folder(&config)?;
        let mut store = open_store(&config, folder, &sources, &mut observer)?;
        let reuser = reusing::reuser(&config, &sources, &contents, store.spool(), &mut observer)?;
        if let Some(reuser) = &reuser {
            store.tell(Arc::clone(reuser));
        }

        let read_before = store.tally().read_bytes;
        let job = JobId::random();
        let owner = JobOwner { priority: interrupt.priority(), ..owner(config.outputs[0].name()) };
        let mut job_queue = queue.job(job, owner);

        // From here on the queue may hold something of this run, which is removed below.
        interrupt.begin();
        open_job(queue, &mut job_queue, store.spool(), &mut interrupt).await?;

        let worker = slots.map(|slots| LocalWorker::start(queue, slots, child));

        let Share { window, shipping, wait_for_workers } = share;
        let driver = make_driver(job, &config, &sources, store.end(), (window, wait_for_workers));
        let drive = Drive {
            queue: &mut job_queue,
            shipping,
            contents,
            reuser,
            store: &mut store,
            observer: &mut observer,
            interrupt: &interrupt,
        };
        let driving = drive.run(driver);

        let driven = match worker {
            Some(worker) => worker.beside(driving).await.map_err(DriveError::Worker),
            None => Ok((driving.await, Arc::default())),
        };

        // Before any error is returned: nothing of the job may stay on the queue.
        remove_job(&mut job_queue, &mut interrupt).await;
        let driven = driven.and_then(|(driven, tally)| Ok((driven?, tally)));
        let (driven, worker_tally) = driven.map_err(|error| drive_failed(error, &config))?;

        let (spool, tally, position) = store.close();
        observer.ended(&tally);

        // No observer may act from here on: outputs may go to the terminal, and the folder of the
        // run is removed.
        drop(observer);

        // The tally includes what earlier runs read.
        let read_bytes = tally.read_bytes - read_before;
        let done_of_all = (tally.files, sources.len() as u64);
        let (end, kept) = end_of(driven, spool, position, done_of_all, &config, &interrupt)?;
        let slots_cpu = Duration::from_micros(worker_tally.slot_cpu_us.load(Ordering::Relaxed));

        Ok(Finished { end, tally, read_bytes, elapsed: began.elapsed(), kept, slots_cpu })
    }
}

/// Makes the driver of a job that goes on at `from`.
fn make_driver<'s>(
    job: JobId,
    config: &RunConfig,
    sources: &'s Sources,
    from: Position,
    (window, wait_for_workers): (Window, Option<Duration>),
) -> Driver<'s> {
    let ledger = Ledger::new(job, Arc::new(reusing::spec(config)), from);

    // Tokio's clock, which tests can stop.
    let now = tokio::time::Instant::now().into_std();

    Driver::new(ledger, sources, from, window, wait_for_workers, now)
}

/// The folder of a run's journal and segments. If no later run can go on with them, it is a
/// temporary one, and dropping the second value removes it.
fn work_folder(config: &RunConfig) -> Result<(PathBuf, Option<TempDir>), Failure> {
    if let Some(folder) = config.work_folder() {
        return Ok((folder, None));
    }

    let made = tempfile::tempdir().context("could not make a temporary folder");
    let temporary = made.map_err(could_not_run)?;

    Ok((temporary.path().join("job"), Some(temporary)))
}

/// Opens the store: with what an earlier run of this job left, or anew.
fn open_store<'a>(
    config: &'a RunConfig,
    folder: PathBuf,
    sources: &'a Sources,
    observer: &mut Vec<Box<dyn Observer>>,
) -> Result<Store<'a>, Failure> {
    let mut spool = Spool::open(&folder).map_err(could_not_run)?;
    let resume = resume::take_up(&mut spool, &folder, config, sources, observer)?;
    let is_resumed = resume.position != Position::default();

    let store = Store::open(config, sources, spool, resume).map_err(could_not_run)?;

    let files = sources.len() as u64;
    let status = folder.join(spool::STATUS);

    // Only now, as the status begins with the tally of earlier runs.
    observer.push(Box::new(StatusFile::new(status, files, sources.total_bytes(), store.tally())));

    if is_resumed {
        let files_done = store.tally().files;
        observer.notice(&Notice::Resumed { files_done, files });
    }

    Ok(store)
}

/// Writes the outputs if every file is done, and removes the folder of the run, or keeps it for the
/// next. Else notes in the folder why the run stopped.
fn end_of(
    driven: Driven,
    spool: Spool,
    position: Position,
    done_of_all: (u64, u64),
    config: &RunConfig,
    interrupt: &Interrupt,
) -> Result<(End, Option<Kept>), Failure> {
    let cause = match driven {
        Driven::Interrupted(cause) => cause,
        Driven::Whole => {
            match (write_outputs(config, &spool, position, interrupt), interrupt.pending_stop()) {
                (Ok(written), _) => {
                    if !config.keeps() {
                        spool.remove().map_err(could_not_run)?;
                        return Ok((End::Written(written), None));
                    }

                    let (folder, bytes) = spool.keep().map_err(could_not_run)?;
                    return Ok((End::Written(written), Some(Kept { folder, bytes })));
                }
                // An interrupt ended the writing of an output: the next run writes it.
                (Err(_), Some(cause)) => cause,
                (Err(failure), None) => return Err(failure),
            }
        }
    };

    note_stop(&spool, cause, done_of_all, config);
    Ok((End::Interrupted(cause), None))
}

/// Notes in the folder of the run why it stopped, and how many files of all are done.
fn note_stop(spool: &Spool, cause: Cause, (done, all): (u64, u64), config: &RunConfig) {
    let done = number(done);
    let all = count(all, "file");
    let line = format!(
        "{} stopped by {}: {done} of {all} are done; {}",
        day_and_time(),
        cause.name(),
        cause.go_on(config.go_on())
    );
    if let Err(error) = spool.note_stop(&line) {
        tracing::warn!(%error, "could not note in the folder of the run why it stopped");
    }
}

fn write_outputs(
    config: &RunConfig,
    spool: &Spool,
    position: Position,
    interrupt: &Interrupt,
) -> Result<Vec<Written>, Failure> {
    let written = outputs::write_outputs(&config.spec, &config.outputs, spool, position, interrupt);
    written.map_err(|error| Failure::new(Exit::CouldNotRun, error).with_hint(config.go_on()))
}
