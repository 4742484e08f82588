//! Everything that the parts of the service share.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sheaf_common::queue::{QueueError, WorkerSeen};
use sheaf_common::{VERSION, fit};
use sheaf_worker::host::host;
use sheaf_worker::pool::Program;
use sheaf_worker::run::Tally;

use super::contents::{self, Contents};
use super::disk::Disk;
use super::engine::Engine;
use super::http::metrics::Metrics;
use super::jobs::Jobs;
use super::store::{Store, StoreError};
use crate::api::{Service, Worker};
use crate::clock::{now_ms, rfc3339};
use crate::config::RedisRun;

/// The settings of a service.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The data folder.
    pub data: PathBuf,
    /// How many files this machine reads at once; `None`: only other machines work.
    pub slots: Option<NonZeroUsize>,
    /// The queue in Redis; `None`: this process does everything.
    pub redis: Option<RedisRun>,
    /// The canonical folders below which jobs may name paths.
    pub roots: Vec<PathBuf>,
    /// How long finished jobs stay; `None`: for ever.
    pub keep: Option<Duration>,
    /// The bytes that must stay free on the disk.
    pub reserve: u64,
    /// The largest content that may be uploaded, in bytes.
    pub largest_content: u64,
}

/// The service.
pub struct Core {
    pub jobs: Arc<Jobs>,
    pub engine: Engine,
    pub disk: Disk,
    pub settings: Settings,
    pub metrics: Arc<Metrics>,
    /// The workers when they were last asked for; `None`: the queue could not be asked.
    seen_workers: Mutex<Option<Vec<Worker>>>,
    /// When it was started, in milliseconds since 1970.
    pub started: u64,
    stopping: AtomicBool,
}

impl Core {
    /// Opens the data folder. The second value names records that could not be read.
    ///
    /// # Errors
    /// When the folder cannot be used, or another service has it.
    pub fn open(settings: Settings, child: Program) -> Result<(Self, Vec<String>), StoreError> {
        let store = Store::open(&settings.data)?;
        let disk = Disk::new(store.folder(), settings.reserve);
        let (jobs, unreadable) = Jobs::open(store, settings.keep)?;

        let engine = match &settings.redis {
            Some(redis) => Engine::over_redis(redis, settings.slots, child),
            None => Engine::in_memory(settings.slots.unwrap_or(NonZeroUsize::MIN), child),
        };

        let core = Core {
            jobs: Arc::new(jobs),
            engine,
            disk,
            settings,
            metrics: Arc::default(),
            seen_workers: Mutex::default(),
            started: now_ms(),
            stopping: AtomicBool::new(false),
        };
        Ok((core, unreadable))
    }

    /// Does work that may wait for the disk, on a thread for such work.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))
    }

    /// Opens the folder of uploaded contents.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open_contents(&self) -> Result<Contents, StoreError> {
        let path = self.contents_folder();
        let limits = contents::Limits {
            largest: self.settings.largest_content,
            reserve: self.settings.reserve,
        };
        let opened = Contents::open(&path, limits);
        opened.map_err(|source| StoreError::Io { doing: "make", path, source })
    }

    /// The folder of uploaded contents.
    pub fn contents_folder(&self) -> PathBuf {
        self.jobs.store().folder().join("contents")
    }

    /// From now on nothing new is begun.
    pub fn begin_to_stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// All workers, this machine's first.
    ///
    /// # Errors
    /// Those of the queue.
    pub async fn workers(&self) -> Result<Vec<Worker>, QueueError> {
        let own = self.engine.own_tally().map(|tally| self.own_worker(&tally));
        let others = self.engine.workers().await?;

        let other = |WorkerSeen { info, ago }: WorkerSeen| Worker {
            fits: info.is_of_this_build(),
            id: info.id,
            host: info.host,
            version: info.version,
            slots: info.slots,
            busy: info.busy,
            files_done: info.files_done,
            bytes_done: info.bytes_done,
            seen_ms: fit::millis(ago),
            own: false,
        };
        Ok(own.into_iter().chain(others.into_iter().map(other)).collect())
    }

    /// Notes the workers for those who watch: however many these are, the queue is asked once.
    pub fn note_workers(&self, workers: Option<Vec<Worker>>) {
        *self.seen_workers.lock().expect("no holder of this lock panics") = workers;
    }

    /// The workers as they were noted last; `None`: the queue could not be asked.
    pub fn seen_workers(&self) -> Option<Vec<Worker>> {
        self.seen_workers.lock().expect("no holder of this lock panics").clone()
    }

    fn own_worker(&self, tally: &Tally) -> Worker {
        Worker {
            id: format!("{}:{}", host(), std::process::id()),
            host: host(),
            version: VERSION.into(),
            fits: true,
            slots: fit::count(self.engine.own_slots()),
            busy: u32::try_from(tally.busy.load(Ordering::Relaxed)).unwrap_or(u32::MAX),
            files_done: tally.files.load(Ordering::Relaxed),
            bytes_done: tally.bytes.load(Ordering::Relaxed),
            seen_ms: 0,
            own: true,
        }
    }

    /// The service, as a client sees it that may change things or not.
    pub fn seen(&self, may_write: bool, largest_content: u64) -> Service {
        let counts = self.jobs.count();
        let of = |finished: bool| {
            let those = counts.iter().filter(|(state, _)| state.is_finished() == finished);
            those.map(|(_, jobs)| jobs).sum()
        };
        let refusal = match self.is_stopping() {
            true => Some("the service is stopping".into()),
            false => self.disk.refusal(),
        };

        Service {
            version: VERSION.into(),
            host: host(),
            started: rfc3339(self.started),
            slots: fit::count(self.engine.own_slots()),
            redis: self.engine.redis().map(String::from),
            takes_paths: !self.settings.roots.is_empty(),
            accepts: refusal.is_none(),
            refusal,
            free_bytes: self.disk.free(),
            reserved_bytes: self.disk.reserve(),
            largest_content,
            keep_seconds: self.settings.keep.map(|keep| keep.as_secs()),
            may_write,
            jobs_active: of(false),
            jobs_finished: of(true),
        }
    }

    /// Whether new jobs are taken.
    ///
    /// # Errors
    /// Why not, for people.
    pub fn readiness(&self) -> Result<(), String> {
        if self.is_stopping() {
            return Err("the service is stopping".into());
        }

        match self.disk.refusal().or_else(|| self.engine.own_trouble()) {
            Some(why) => Err(why),
            None => Ok(()),
        }
    }
}
