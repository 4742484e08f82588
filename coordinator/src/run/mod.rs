//! One run: from the settings to the outputs.
//!
//! `discover → resume or begin → drive (plan, queue, ledger, store) → outputs → summary`
//!
//! * [`mod@drive`]: the loop around the ledger. [`window`]: how much it has outstanding. [`ship`]:
//!   tasks onto the queue. [`store`]: where committed units go. [`own_workbooks`]: `--per-file`.
//! * [`identity`]: whether an interrupted run is the one that is asked for now. [`outputs`]: the
//!   end of a job.
//! * [`cpu`]: what the coordinator itself costs. [`interrupt`]: signals. [`waiting`]: when a run
//!   says that nobody works.

mod cpu;
mod drive;
mod identity;
mod interrupt;
mod large_files;
mod outputs;
mod own_workbooks;
mod ship;
mod store;
mod waiting;
mod window;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use sheaf_common::job::JobId;
use sheaf_common::queue::{JobOwner, JobQueue, MemoryQueue, Queue, QueueError, RedisQueue};
use sheaf_common::wire;
use sheaf_worker::host::host;
use sheaf_worker::pool::Program;
use sheaf_worker::run::WorkerError;
use sheaf_worker::signals::Stop;
use tempfile::TempDir;

use crate::config::RunConfig;
use crate::discover::Sources;
use crate::errors::{Exit, Failure};
use crate::human::{count, day_and_time, number};
use crate::ledger::{Ledger, Position};
use crate::local::LocalWorker;
use crate::plan::Plan;
use crate::report::{JobLog, Progress, Tally, Written};
use crate::spool::{self, Resume, Spool};
pub use cpu::CpuUse;
use drive::{DriveError, Driven, drive};
use identity::{Comparison, Identity};
pub use interrupt::{AtOnce, Interrupt};
use large_files::LargeFiles;
use own_workbooks::OwnWorkbooks;
use ship::Shipping;
use store::Store;
use window::Window;

/// How long a run that begins waits for a server that refuses, before it goes on to say so.
const OPENING: Duration = Duration::from_secs(2);

/// How long removing a job from the queue may take: workers and other runs do it minutes later.
const CALLING_OFF: Duration = Duration::from_secs(10);
/// The same after an interrupt: the user waits.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// What a run came to.
#[derive(Debug)]
pub struct Finished {
    pub end: End,
    pub tally: Tally,
    /// Bytes that this run itself has read, unpacked.
    pub read_bytes: u64,
    pub elapsed: Duration,
    pub cpu: CpuUse,
}

/// How a run ended.
#[derive(Debug)]
pub enum End {
    /// All outputs are written.
    Written(Vec<Written>),
    /// It was told to stop; the same command goes on.
    Interrupted(Stop),
}

/// Runs a job: on this machine, or through Redis. `child` is what this machine's slots start, if it
/// has any; `progress` is shown while it runs; `interrupt` says when it is to stop.
///
/// # Errors
/// When the run cannot begin or go on; what is stored stays, and the same command goes on with it.
pub async fn run(
    config: &RunConfig,
    sources: &Sources,
    child: Program,
    progress: Progress,
    interrupt: Interrupt,
) -> Result<Finished, Failure> {
    let done = run_through(config, sources, child, progress, interrupt).await;
    done.map_err(|failure| match failure.hint.as_deref() {
        Some(hint) => {
            let hint = hint.replace(GO_ON, config.go_on());
            failure.with_hint(hint)
        }
        None => failure,
    })
}

async fn run_through(
    config: &RunConfig,
    sources: &Sources,
    child: Program,
    progress: Progress,
    interrupt: Interrupt,
) -> Result<Finished, Failure> {
    let slots = config.processes.map_or(0, NonZeroUsize::get);

    match &config.redis {
        None => {
            let limits = (Window::local(slots), Shipping::None);
            run_on(MemoryQueue::default(), limits, config, sources, child, progress, interrupt)
                .await
        }
        Some(redis) => {
            let queue = RedisQueue::connect(redis.server.clone()).await.map_err(queue_failed)?;
            let shipping = if redis.by_path {
                Shipping::ByPath
            } else {
                Shipping::Content { pack_from: redis.pack_from }
            };

            let limits = (Window::redis(redis.budget, slots), shipping);
            run_on(queue, limits, config, sources, child, progress, interrupt).await
        }
    }
}

async fn run_on<Q: Queue>(
    queue: Q,
    limits: (Window, Shipping),
    config: &RunConfig,
    sources: &Sources,
    child: Program,
    progress: Progress,
    mut interrupt: Interrupt,
) -> Result<Finished, Failure> {
    let began = Instant::now();

    let (folder, _temporary) = work_folder(config)?;
    let mut store = open_store(config, &folder, sources, progress)?;
    let read_before = store.tally.read_bytes;
    let job = JobId::random();
    let mut job_queue = queue.job(job, owner(config));

    // From here on something of this run may stand on the queue, which is removed below.
    interrupt.begin();
    tokio::select! {
        taken = take_over(&queue, &mut job_queue, &store.spool) => taken?,
        () = soon_after(&mut interrupt) => {}
    }

    let worker = config.processes.map(|slots| LocalWorker::start(&queue, slots, child));
    let spec = Arc::new(config.spec.clone());
    let plan = Plan::new(sources, store.end.file);
    let ledger = Ledger::new(job, spec, store.end);
    let wait = config.redis.as_ref().and_then(|redis| redis.wait_for_workers);
    let driving = drive(&mut job_queue, ledger, plan, &mut store, limits, wait, &mut interrupt);
    let driven = match worker {
        Some(worker) => worker.beside(driving).await.map_err(DriveError::Worker),
        None => Ok((driving.await, Arc::default())),
    };

    // Whatever came of it: nothing of the job may stay on the queue.
    call_off(&mut job_queue, &mut interrupt).await;
    let driven = driven.and_then(|(driven, tally)| Ok((driven?, tally)));
    let (driven, worker_tally) = driven.map_err(|error| drive_failed(error, config))?;

    let read_bytes = store.tally.read_bytes - read_before;
    let Store { spool, tally, end: position, progress, .. } = store;
    progress.finish(&tally);

    let done_of_all = (tally.files, sources.len() as u64);
    let end = end_of(driven, spool, position, done_of_all, config, &interrupt)?;
    let cpu = CpuUse::of_this_process(&worker_tally);

    Ok(Finished { end, tally, read_bytes, elapsed: began.elapsed(), cpu })
}

/// Writes the outputs if every file is done, and removes the folder of the run; else notes in it
/// why the run stopped.
fn end_of(
    driven: Driven,
    spool: Spool,
    position: Position,
    done_of_all: (u64, u64),
    config: &RunConfig,
    interrupt: &Interrupt,
) -> Result<End, Failure> {
    let stop = match driven {
        Driven::Interrupted(stop) => stop,
        Driven::Whole => {
            match (write_outputs(config, &spool, position, interrupt), interrupt.told()) {
                (Ok(written), _) => {
                    spool.remove().map_err(could_not_run)?;
                    return Ok(End::Written(written));
                }
                // An output was given up because of the interrupt: the next run writes it.
                (Err(_), Some(stop)) => stop,
                (Err(failure), None) => return Err(failure),
            }
        }
    };

    note_stop(&spool, &stop, done_of_all, config);
    Ok(End::Interrupted(stop))
}

/// Where a run keeps what it has done. If no later run can go on with it, the folder is a temporary
/// one: dropping the second value removes it, however the run ends.
fn work_folder(config: &RunConfig) -> Result<(PathBuf, Option<TempDir>), Failure> {
    if let Some(folder) = config.work_folder() {
        return Ok((folder, None));
    }

    let made = tempfile::tempdir().context("could not make a temporary folder");
    let temporary = made.map_err(could_not_run)?;

    Ok((temporary.path().join("job"), Some(temporary)))
}

/// The error of a run that cannot go on, with what can be done about it.
fn drive_failed(error: DriveError, config: &RunConfig) -> Failure {
    match error {
        DriveError::Queue(error) => queue_failed(error),
        DriveError::Worker(error) => worker_failed(error),
        error @ DriveError::NobodyWorks { .. } => Failure::new(Exit::CouldNotRun, error).with_hint(
            format!("start workers, or let this machine work too with `-p N`; {}", config.go_on()),
        ),
        error => Failure::new(Exit::CouldNotRun, error).with_hint(config.go_on()),
    }
}

/// Notes in the folder of the run why it stopped, with how many files were done, of how many.
fn note_stop(spool: &Spool, stop: &Stop, (done, all): (u64, u64), config: &RunConfig) {
    let done = number(done);
    let all = count(all, "file");
    let line = format!(
        "{} stopped by {}: {done} of {all} are done; {}",
        day_and_time(),
        stop.name(),
        config.go_on()
    );
    if let Err(error) = spool.note_stop(&line) {
        tracing::warn!(%error, "could not note in the folder of the run why it stopped");
    }
}

/// Ends when a call that was under way at an interrupt has had [`LAST_WORDS`].
async fn soon_after(interrupt: &mut Interrupt) {
    interrupt.stopped().await;
    tokio::time::sleep(LAST_WORDS).await;
}

/// Removes the job from the queue, as far as that is possible in [`CALLING_OFF`], or in
/// [`LAST_WORDS`] after an interrupt.
async fn call_off(queue: &mut impl JobQueue, interrupt: &mut Interrupt) {
    let closed = tokio::select! {
        closed = queue.close() => closed.map_err(|error| error.to_string()),
        () = tokio::time::sleep(CALLING_OFF) => Err("the queue does not answer".into()),
        () = soon_after(interrupt) => Err("the queue does not answer".into()),
    };

    if let Err(error) = closed {
        tracing::warn!(
            %error,
            "could not remove the job from the queue; the workers do that in a few minutes"
        );
    }
}

/// Removes what an earlier run of this job left on the queue, and puts this one in its place.
async fn take_over<Q: Queue>(queue: &Q, job: &mut Q::Job, spool: &Spool) -> Result<(), Failure> {
    if let Some(left) = spool.place() {
        match queue.close_left(&left).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::info!(
                    server = left.server,
                    "the earlier run was on another queue: its job ends by itself"
                )
            }
            Err(error) => {
                tracing::warn!(
                    %error,
                    "could not remove the job of the earlier run; it ends by itself"
                )
            }
        }
    }

    // Noted before anything stands there.
    if let Some(place) = job.place() {
        spool.note_place(&place).map_err(could_not_run)?;
    }

    match tokio::time::timeout(OPENING, job.open()).await {
        Ok(Err(error @ QueueError::Unusable { .. })) => Err(queue_failed(error)),
        // Trouble that may pass is left to the run: it tries again, and says what is wrong.
        Ok(Ok(()) | Err(_)) | Err(_) => Ok(()),
    }
}

/// Whose the job of this run is.
fn owner(config: &RunConfig) -> JobOwner {
    let output = config.outputs[0].name();
    JobOwner { host: host(), pid: std::process::id(), output, ..JobOwner::default() }
}

/// A queue that cannot be used, with what can be done about it.
pub fn queue_failed(error: QueueError) -> Failure {
    let hint = error.hint().unwrap_or(GO_ON).to_string();
    Failure::new(Exit::CouldNotRun, error).with_hint(hint)
}

/// A worker of this process that stopped by itself, with what can be done about it.
pub fn worker_failed(error: WorkerError) -> Failure {
    match error {
        WorkerError::Queue(error) => queue_failed(error),
        WorkerError::Unfit(unfit) => {
            let hint = format!("{}\n{GO_ON}", unfit.hint);
            Failure::new(Exit::CouldNotRun, anyhow::anyhow!("this machine cannot work: {unfit}"))
                .with_hint(hint)
        }
    }
}

/// Opens what an earlier run left, if this is the same job, or begins anew.
fn open_store<'a>(
    config: &'a RunConfig,
    folder: &Path,
    sources: &'a Sources,
    mut progress: Progress,
) -> Result<Store<'a>, Failure> {
    let mut spool = Spool::open(folder).map_err(could_not_run)?;
    let Resume { position, notes } = take_up(&mut spool, folder, config, sources, &mut progress)?;

    let tally: Tally = if notes.is_empty() {
        Tally::default()
    } else {
        wire::decode(&notes).map_err(could_not_run)?
    };

    let own_workbooks = config
        .per_file
        .as_deref()
        .map(|folder| OwnWorkbooks::new(folder, &config.spec, sources, position.file))
        .transpose()
        .map_err(could_not_run)?;
    let joblog = config.joblog.as_deref().map(|path| JobLog::open(path, position.file)).transpose();
    let joblog = joblog.map_err(could_not_run)?;

    let mut store = Store {
        spool,
        sources,
        own_workbooks,
        joblog,
        progress,
        tally,
        end: position,
        large_files: LargeFiles::new(position),
        forgettable: Vec::new(),
    };

    store.progress.note_in(folder.join(spool::STATUS), &store.tally);
    if position != Position::default() {
        store.progress.say(&format!(
            "going on after {} of {} files",
            store.tally.files,
            sources.len()
        ));
    }

    Ok(store)
}

/// Takes up what an earlier run left, as far as it is of this job, or begins anew.
fn take_up(
    spool: &mut Spool,
    folder: &Path,
    config: &RunConfig,
    sources: &Sources,
    progress: &mut Progress,
) -> Result<Resume, Failure> {
    let job = Identity::of(config);
    let mut listed = Vec::new();
    sources.save(&mut listed).expect("writing to memory does not fail");

    let begin = |spool: &mut Spool| spool.begin(&job.encode(), &listed).map_err(could_not_run);

    let Some(saved) = spool.saved().filter(|_| !config.fresh) else {
        begin(spool)?;
        return Ok(Resume::default());
    };

    let folder = folder.display();
    match job.compare(sources, &saved) {
        Comparison::Same => spool.resume().map_err(could_not_run),
        Comparison::OtherInputs { what, same, listed: before } if config.changed => {
            progress.say(&format!("the inputs have changed since the interrupted run: {what}"));

            // The last unit of a list ends where the list ends, not where it is full.
            let front = same.min(before.saturating_sub(1));
            spool.resume_before(front, &job.encode(), &listed).map_err(could_not_run)
        }
        Comparison::AnotherJob(differences) if config.changed => {
            let differences = differences.join("; ");
            progress.say(&format!(
                "starting over, as the interrupted run was another one: {differences}"
            ));

            begin(spool)?;
            Ok(Resume::default())
        }
        Comparison::OtherInputs { what, same, .. } => {
            let error = anyhow::anyhow!("{what}").context(format!(
                "the inputs have changed since the run that was interrupted (`{folder}`)"
            ));

            let files = count(same, "file");
            let hint = format!(
                "`--changed` goes on with what is done of the first {files}, which are the same, \
                 and reads the rest anew; `--fresh` starts over"
            );

            Err(Failure::new(Exit::CouldNotRun, error).with_hint(hint))
        }
        Comparison::AnotherJob(differences) => {
            let error = anyhow::anyhow!("{}", differences.join("; "))
                .context(format!("the interrupted run in `{folder}` was another one"));
            let hint =
                "`--fresh` starts over; the command as it was goes on where that run stopped";
            Err(Failure::new(Exit::CouldNotRun, error).with_hint(hint))
        }
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

/// What can be said whenever a run stops before its end.
pub const GO_ON: &str =
    "what is done so far is kept: the same command goes on where this one stopped";

const GO_ON_WITHOUT_FRESH: &str = "what is done so far is kept: the same command without \
                                   `--fresh` goes on where this one stopped";

/// The same for a run whose outputs all go to standard output.
const NOTHING_KEPT: &str = "nothing is kept, as no output is a file: the same command begins anew";

impl RunConfig {
    /// How this very run is gone on with.
    pub fn go_on(&self) -> &'static str {
        match (self.work_folder(), self.fresh) {
            (None, _) => NOTHING_KEPT,
            (Some(_), true) => GO_ON_WITHOUT_FRESH,
            (Some(_), false) => GO_ON,
        }
    }
}

fn could_not_run(error: impl Into<anyhow::Error>) -> Failure {
    Failure::new(Exit::CouldNotRun, error)
}
