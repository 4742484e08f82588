//! One run: from the settings to the outputs.
//!
//! `discover → resume or begin → drive (plan, queue, ledger, store) → outputs → summary`
//!
//! * [`mod@drive`]: the loop around the ledger. [`window`]: how much it has outstanding. [`ship`]: tasks onto the queue. [`store`]: where committed units go. [`own_workbooks`]: `--per-file`.
//! * [`identity`]: whether an interrupted run is the one that is asked for now. [`outputs`]: the end of a job.
//! * [`cpu`]: what the coordinator itself costs. [`interrupt`]: Ctrl-C.

mod cpu;
mod drive;
mod identity;
mod interrupt;
mod outputs;
mod own_workbooks;
mod ship;
mod store;
mod window;

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use sheaf_common::job::JobId;
use sheaf_common::queue::{JobOwner, MemoryQueue, Queue, QueueError, RedisQueue};
use sheaf_common::wire;
use sheaf_worker::pool::Program;
use sheaf_worker::run::WorkerError;

use crate::config::RunConfig;
use crate::discover::Sources;
use crate::errors::{Exit, Failure};
use crate::ledger::{Ledger, Position};
use crate::local::{LocalWorker, host};
use crate::plan::Plan;
use crate::report::{JobLog, Progress, Tally, Written};
use crate::spool::{Resume, Spool};
pub use cpu::CpuUse;
use drive::{DriveError, Driven, drive};
use identity::Identity;
use own_workbooks::OwnWorkbooks;
use ship::Shipping;
use store::Store;
use window::Window;

/// How long a run that begins waits for a server that refuses, before it goes on to say so.
const OPENING: Duration = Duration::from_secs(2);

/// What a run came to.
#[derive(Debug)]
pub struct Finished {
    pub end: End,
    pub tally: Tally,
    /// Bytes of the files that this run itself finished, as they were discovered.
    pub read_bytes: u64,
    pub elapsed: Duration,
    pub cpu: CpuUse,
}

/// How a run ended.
#[derive(Debug)]
pub enum End {
    /// All outputs are written.
    Written(Vec<Written>),
    /// The user asked to stop; the same command goes on.
    Interrupted,
}

/// Runs a job: on this machine, or through Redis. `child` is what this machine's slots start, if it has any; `progress` is
/// shown while it runs; `again` is called when the user asks to stop a second time.
///
/// # Errors
/// When the run cannot begin or go on; what is stored stays, and the same command goes on with it.
pub async fn run(
    config: &RunConfig,
    sources: &Sources,
    child: Program,
    progress: Progress,
    again: impl Fn() + Send + 'static,
) -> Result<Finished, Failure> {
    let done = run_through(config, sources, child, progress, again).await;
    done.map_err(|failure| match failure.hint.as_deref() {
        Some(GO_ON) => failure.with_hint(go_on(config)),
        _ => failure,
    })
}

async fn run_through(
    config: &RunConfig,
    sources: &Sources,
    child: Program,
    progress: Progress,
    again: impl Fn() + Send + 'static,
) -> Result<Finished, Failure> {
    let slots = config.processes.map_or(0, NonZeroUsize::get);
    match &config.redis {
        None => {
            let limits = (Window::local(slots), Shipping::None);
            run_on(MemoryQueue::default(), limits, config, sources, child, progress, again).await
        }
        Some(redis) => {
            let queue = RedisQueue::connect(redis.server.clone()).await.map_err(queue_failed)?;
            let shipping = match redis.by_path {
                true => Shipping::ByPath,
                false => Shipping::Content { pack_from: redis.pack_from },
            };
            run_on(queue, (Window::redis(redis.budget, slots), shipping), config, sources, child, progress, again).await
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
    again: impl Fn() + Send + 'static,
) -> Result<Finished, Failure> {
    let began = Instant::now();
    // Removed when this run ends, however it ends: nobody can go on with it.
    let temporary = match config.work_folder() {
        Some(_) => None,
        None => Some(tempfile::tempdir().context("could not make a temporary folder").map_err(could_not_run)?),
    };
    let folder = config.work_folder().or(temporary.as_ref().map(|folder| folder.path().join("job")));
    let folder = folder.expect("one of the two");
    let mut store = open_store(config, &folder, sources, progress)?;
    let read_before = store.tally.bytes;
    let interrupted = interrupt::watch(again).map_err(could_not_run)?;
    let job = JobId::random();
    take_over(&queue, job, config, &store.spool).await?;
    let worker = config.processes.map(|slots| LocalWorker::start(queue.clone(), slots, child));

    let spec = Arc::new(config.spec.clone());
    let plan = Plan::new(sources, store.end.file);
    let ledger = Ledger::new(job, spec, store.end);
    let driving = drive(&queue, ledger, plan, &mut store, limits, interrupted);
    let driven = match worker {
        Some(worker) => worker.beside(driving).await.map_err(DriveError::Worker),
        None => Ok((driving.await, Arc::default())),
    };
    if let Err(error) = queue.close(job).await {
        tracing::warn!(%error, "could not remove the job from the queue; the workers do that in a few minutes");
    }
    let driven = driven.and_then(|(driven, tally)| Ok((driven?, tally)));
    let (driven, worker_tally) = driven.map_err(|error| match error {
        DriveError::Queue(error) => queue_failed(error),
        DriveError::Worker(error) => worker_failed(error),
        error => Failure::new(Exit::CouldNotRun, error).with_hint(GO_ON),
    })?;

    let read_bytes = store.tally.bytes - read_before;
    let Store { spool, tally, end: position, progress, .. } = store;
    progress.finish();
    let end = match driven {
        Driven::Interrupted => End::Interrupted,
        Driven::Whole => {
            let written = outputs::write_outputs(&config.spec, &config.outputs, &spool, position);
            let written = written.map_err(|error| Failure::new(Exit::CouldNotRun, error).with_hint(GO_ON))?;
            spool.remove().map_err(could_not_run)?;
            End::Written(written)
        }
    };
    let cpu = CpuUse::of_this_process(&worker_tally);
    Ok(Finished { end, tally, read_bytes, elapsed: began.elapsed(), cpu })
}

/// Removes what an earlier run of this job left on the queue, and puts this one in its place.
async fn take_over<Q: Queue>(queue: &Q, job: JobId, config: &RunConfig, spool: &Spool) -> Result<(), Failure> {
    if let Some(left) = spool.place() {
        match queue.close_left(&left).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::info!(server = left.server, "the earlier run was on another queue: its job ends by itself")
            }
            Err(error) => tracing::warn!(%error, "could not remove the job of the earlier run; it ends by itself"),
        }
    }
    // Noted before anything stands there.
    if let Some(place) = queue.place(job) {
        spool.note_place(&place).map_err(could_not_run)?;
    }
    let output = config.outputs[0].path.display().to_string();
    let owner = JobOwner { host: host(), pid: std::process::id(), output, ..JobOwner::default() };
    match tokio::time::timeout(OPENING, queue.open(job, owner)).await {
        Ok(Err(error @ QueueError::Unusable { .. })) => Err(queue_failed(error)),
        // What may pass is tried again while the run collects, which says what it is.
        Ok(Ok(()) | Err(_)) | Err(_) => Ok(()),
    }
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
fn open_store<'a>(
    config: &'a RunConfig,
    folder: &Path,
    sources: &'a Sources,
    progress: Progress,
) -> Result<Store<'a>, Failure> {
    let mut spool = Spool::open(folder).map_err(could_not_run)?;
    let identity = Identity::of(config);
    let resume = match spool.saved().filter(|_| !config.fresh) {
        None => {
            let mut listed = Vec::new();
            sources.save(&mut listed).expect("writing to memory does not fail");
            spool.begin(&identity.encode(), &listed).map_err(could_not_run)?;
            Resume::default()
        }
        Some(saved) => {
            let differences = identity.differences(sources, &saved);
            if !differences.is_empty() {
                let error = anyhow::anyhow!("{}", differences.join("; "))
                    .context(format!("the interrupted run in `{}` was another one", folder.display()));
                let hint = "`--fresh` starts over; the command as it was goes on where that run stopped";
                return Err(Failure::new(Exit::CouldNotRun, error).with_hint(hint));
            }
            spool.resume().map_err(could_not_run)?
        }
    };
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
    if position != Position::default() {
        store.progress.say(&format!("going on after {} of {} files", store.tally.files, sources.len()));
    }
    Ok(store)
}

/// What can be said whenever a run stops before its end.
pub const GO_ON: &str = "what is done so far is kept: the same command goes on where this one stopped";

/// The same for a run whose outputs all go to standard output.
pub const NOTHING_KEPT: &str = "nothing is kept, as no output is a file: the same command begins anew";

/// What can be done after this run stopped before its end.
pub fn go_on(config: &RunConfig) -> &'static str {
    if config.work_folder().is_some() { GO_ON } else { NOTHING_KEPT }
}

fn could_not_run(error: impl Into<anyhow::Error>) -> Failure {
    Failure::new(Exit::CouldNotRun, error)
}
