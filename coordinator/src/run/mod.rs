//! One run: from the settings to the outputs.
//!
//! `discover → resume or begin → drive (plan, queue, ledger, store) → outputs → summary`
//!
//! * [`mod@drive`]: the loop around the ledger. [`window`]: how much it has outstanding. [`ship`]: tasks onto the queue. [`store`]: where committed units go. [`own_workbooks`]: `--per-file`.
//! * [`identity`]: whether an interrupted run is the one that is asked for now. [`outputs`]: the end of a job.
//! * [`cpu`]: what the coordinator itself costs. [`interrupt`]: signals.
//!   [`waiting`]: when it is said that nobody works.

mod cpu;
mod drive;
mod identity;
mod interrupt;
mod outputs;
mod own_workbooks;
mod ship;
mod store;
mod waiting;
mod window;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sheaf_common::queue::{MemoryQueue, Queue, QueueError, RedisQueue};
use sheaf_common::wire;
use sheaf_worker::pool::Program;
use sheaf_worker::run::WorkerError;
use sheaf_worker::signals::Stop;

use crate::assemble::Counts;
use crate::config::RunConfig;
use crate::discover::Sources;
use crate::errors::{Exit, Failure};
use crate::human::{count, day_and_time, number};
use crate::ledger::{Ledger, Position};
use crate::local::{LocalWorker, new_job};
use crate::plan::Plan;
use crate::report::{JobLog, Progress, Tally, Written};
use crate::spool::{self, Resume, Spool};
pub use cpu::CpuUse;
use drive::{DriveError, Driven, drive};
use identity::{Comparison, Identity};
pub use interrupt::{AtOnce, Interrupt};
use own_workbooks::OwnWorkbooks;
use ship::Shipping;
use store::Store;
use window::Window;

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

/// Runs a job: on this machine, or through Redis. `child` is what this machine's slots start, if it has any; `progress` is
/// shown while it runs; `interrupt` says when it is to stop.
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
    let slots = config.processes.map_or(0, NonZeroUsize::get);
    match &config.redis {
        None => {
            let limits = (Window::local(slots), Shipping::None);
            run_on(MemoryQueue::default(), limits, config, sources, child, progress, interrupt).await
        }
        Some(redis) => {
            let queue = RedisQueue::connect(redis.server.clone()).await.map_err(queue_failed)?;
            let shipping = match redis.by_path {
                true => Shipping::ByPath,
                false => Shipping::Content { pack_from: redis.pack_from },
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
    let mut store = open_store(config, sources, progress)?;
    let read_before = store.tally.read_bytes;
    interrupt.begin();
    let worker = config.processes.map(|slots| LocalWorker::start(queue.clone(), slots, child));

    let spec = Arc::new(config.spec.clone());
    let plan = Plan::new(sources, store.end.file);
    let ledger = Ledger::new(new_job(), spec, store.end);
    let job = ledger.job();
    let wait = config.redis.as_ref().and_then(|redis| redis.wait_for_workers);
    let driving = drive(&queue, ledger, plan, &mut store, limits, wait, &mut interrupt);
    let driven = match worker {
        Some(worker) => worker.beside(driving).await.map_err(DriveError::Worker),
        None => Ok((driving.await, Arc::default())),
    };
    if let Err(error) = queue.close(job).await {
        tracing::warn!(%error, "could not remove the job from the queue; it disappears by itself within an hour");
    }
    let driven = driven.and_then(|(driven, tally)| Ok((driven?, tally)));
    let (driven, worker_tally) = driven.map_err(|error| match error {
        DriveError::Queue(error) => queue_failed(error),
        DriveError::Worker(error) => worker_failed(error),
        error @ DriveError::NobodyWorks { .. } => Failure::new(Exit::CouldNotRun, error)
            .with_hint(format!("start workers, or let this machine work too with `-p N`; {}", config.go_on())),
        error => Failure::new(Exit::CouldNotRun, error).with_hint(config.go_on()),
    })?;

    let read_bytes = store.tally.read_bytes - read_before;
    let Store { spool, tally, end: position, progress, .. } = store;
    progress.finish();
    let finished = |end, tally| {
        let cpu = CpuUse::of_this_process(&worker_tally);
        Ok(Finished { end, tally, read_bytes, elapsed: began.elapsed(), cpu })
    };
    let end = match driven {
        Driven::Interrupted(stop) => End::Interrupted(stop),
        Driven::Whole => match (write_outputs(config, &spool, position, &interrupt), interrupt.told()) {
            (Ok(written), _) => {
                spool.remove().map_err(could_not_run)?;
                return finished(End::Written(written), tally);
            }
            (Err(_), Some(stop)) => End::Interrupted(stop),
            (Err(failure), None) => return Err(failure),
        },
    };
    if let End::Interrupted(stop) = &end {
        let (done, all) = (number(tally.files), count(sources.len() as u64, "file"));
        let line =
            format!("{} stopped by {}: {done} of {all} are done; {}", day_and_time(), stop.name(), config.go_on());
        if let Err(error) = spool.note_stop(&line) {
            tracing::warn!(%error, "could not note in the folder of the run why it stopped");
        }
    }
    finished(end, tally)
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
            Failure::new(Exit::CouldNotRun, anyhow::anyhow!("this machine cannot work: {unfit}")).with_hint(hint)
        }
    }
}

/// Opens what an earlier run left, if this is the same job, or begins anew.
fn open_store<'a>(config: &'a RunConfig, sources: &'a Sources, mut progress: Progress) -> Result<Store<'a>, Failure> {
    let folder = config.work_folder();
    let mut spool = Spool::open(&folder).map_err(could_not_run)?;
    let resume = take_up(&mut spool, config, sources, &mut progress)?;
    let Resume { position, notes } = resume;
    let tally: Tally = if notes.is_empty() { Tally::default() } else { wire::decode(&notes).map_err(could_not_run)? };
    let own_workbooks = config
        .per_file
        .as_deref()
        .map(|folder| OwnWorkbooks::new(folder, &config.spec, sources, position.file))
        .transpose()
        .map_err(could_not_run)?;
    let joblog = config.joblog.as_deref().map(|path| JobLog::open(path, position.file)).transpose();
    let joblog = joblog.map_err(could_not_run)?;
    let mut store =
        Store { spool, sources, own_workbooks, joblog, progress, tally, end: position, forgettable: Vec::new() };
    store.progress.note_in(folder.join(spool::STATUS), &store.tally);
    if position != Position::default() {
        store.progress.say(&format!("going on after {} of {} files", store.tally.files, sources.len()));
    }
    Ok(store)
}

/// Takes up what an earlier run left, as far as it is of this job, or begins anew.
fn take_up(
    spool: &mut Spool,
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
    let folder = config.work_folder();
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
            progress.say(&format!("starting over, as the interrupted run was another one: {differences}"));
            begin(spool)?;
            Ok(Resume::default())
        }
        Comparison::OtherInputs { what, same, .. } => {
            let error = anyhow::anyhow!("{what}")
                .context(format!("the inputs have changed since the run that was interrupted (`{folder}`)"));
            let files = count(same, "file");
            let hint = format!(
                "`--changed` goes on with what is done of the first {files}, which are the same, and reads the rest anew; \
                 `--fresh` starts over"
            );
            Err(Failure::new(Exit::CouldNotRun, error).with_hint(hint))
        }
        Comparison::AnotherJob(differences) => {
            let error = anyhow::anyhow!("{}", differences.join("; "))
                .context(format!("the interrupted run in `{folder}` was another one"));
            let hint = "`--fresh` starts over; the command as it was goes on where that run stopped";
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
    let written = written.map_err(|error| Failure::new(Exit::CouldNotRun, error).with_hint(config.go_on()))?;
    let sheets = Counts { rows: position.rows, overflow: position.overflow }.sheets().len() as u32;
    let is_workbook = |path: &std::path::Path| path.extension().is_some_and(|extension| extension == "xlsx");
    let written = written.into_iter().map(|(path, bytes)| {
        let sheets = if is_workbook(&path) { sheets } else { 0 };
        Written { path, bytes, sheets }
    });
    Ok(written.collect())
}

/// What can be said whenever a run stops before its end.
pub const GO_ON: &str = "what is done so far is kept: the same command goes on where this one stopped";

impl RunConfig {
    /// How this very run is gone on with.
    pub fn go_on(&self) -> &'static str {
        match self.fresh {
            true => "what is done so far is kept: the same command without `--fresh` goes on where this one stopped",
            false => GO_ON,
        }
    }
}

fn could_not_run(error: impl Into<anyhow::Error>) -> Failure {
    Failure::new(Exit::CouldNotRun, error)
}
