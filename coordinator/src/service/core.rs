//! Everything that the parts of the service share.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::disk::Disk;
use super::engine::Engine;
use super::jobs::Jobs;
use super::store::{Store, StoreError};
use crate::api::Job;
use crate::clock::now_ms;
use crate::config::RedisRun;
use sheaf_worker::pool::Program;

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
}

/// The service.
pub struct Core {
    pub jobs: Arc<Jobs>,
    pub engine: Engine,
    pub disk: Disk,
    pub settings: Settings,
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

    /// Counts a job whose run is over.
    pub fn metrics_of_end(&self, _job: &Job) {}
}
