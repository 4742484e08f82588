//! The queue on a Redis server: what its parts share, and the trait.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::blobs::{self, Blobs};
use super::collect::Collecting;
use super::config::RedisConfig;
use super::confirm::Unconfirmed;
use super::connect::{Tries, try_out};
use super::fault::Fault;
use super::jobs::Signs;
use super::keys::{JobKeys, Keys};
use super::link::Link;
use super::pool::{Pool, Use};
use super::recent::Recent;
use super::server::Server;
use super::{collect, finish, jobs, lease, lost, past, supply};
use crate::job::{JobId, TaskId, WorkerId};
use crate::outcome::Outcome;
use crate::queue::{
    Capacity, Completed, Completion, JobOwner, JobPlace, Known, Lease, Leased, LostWorker, Past,
    Queue, QueueError,
};
use crate::row::Block;
use crate::task::{RowsKey, Task};

/// Trouble that is over sooner is not worth a word.
const MOMENT: Duration = Duration::from_secs(2);

/// The queue on a Redis server. Cheap to clone.
#[derive(Clone)]
pub struct RedisQueue {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub config: RedisConfig,
    pub keys: Keys,
    /// For requests that carry small tasks and outcomes.
    pub bulk: Link,
    /// For requests that must not wait behind large ones: heartbeats.
    pub pulse: Link,
    /// For reads that block, and for what they find: each has its connection.
    pub blocking: Link,
    pub blobs: Blobs,
    pub recent: Recent,
    pub unconfirmed: Unconfirmed,
    /// Workers whose last lease left nothing for them.
    pub emptied: Mutex<HashSet<String>>,
    pub collecting: Mutex<HashMap<JobId, Arc<Collecting>>>,
    pub signs: Signs,
}

impl RedisQueue {
    /// Connects, and checks that the server can be used: see [`RedisQueue::check`].
    ///
    /// # Errors
    /// As [`RedisQueue::check`]. Nothing is tried twice: who wants to wait for a server calls
    /// again.
    pub async fn connect(config: RedisConfig) -> Result<Self, QueueError> {
        let queue = RedisQueue::lazy(config);
        queue.check().await?;
        Ok(queue)
    }

    /// The queue without a connection: the first call makes one.
    pub fn lazy(config: RedisConfig) -> Self {
        RedisQueue::lazy_all(vec![config]).remove(0)
    }

    /// Queues without a connection, which share those to the servers of the first.
    pub fn lazy_all(configs: Vec<RedisConfig>) -> Vec<Self> {
        let Some(first) = configs.first() else { return Vec::new() };

        let pool = Arc::new(Pool::new(first.server.clone()));
        let bytes: Vec<Arc<Pool>> = match first.bytes.as_slice() {
            [] => vec![Arc::clone(&pool)],
            servers => servers.iter().map(|server| Arc::new(Pool::new(server.clone()))).collect(),
        };

        configs.into_iter().map(|config| RedisQueue::over(&pool, &bytes, config)).collect()
    }

    fn over(pool: &Arc<Pool>, bytes: &[Arc<Pool>], config: RedisConfig) -> Self {
        let shared = Shared {
            keys: Keys::new(config.queue(), config.bytes.len()),
            bulk: Link::new(pool, Use::Small),
            pulse: Link::new(pool, Use::Small),
            blocking: Link::new(pool, Use::Blocking),
            blobs: Blobs::new(bytes),
            recent: Recent::default(),
            unconfirmed: Unconfirmed::default(),
            emptied: Mutex::default(),
            collecting: Mutex::default(),
            signs: Signs::default(),
            config,
        };
        RedisQueue { shared: Arc::new(shared) }
    }

    /// Dials every server and checks that it is Redis, new enough, no read-only replica, and drops
    /// nothing.
    ///
    /// # Errors
    /// [`QueueError::Unreachable`] when nothing answers within about twice
    /// [`super::Timing::connect`]; [`QueueError::Unusable`] with a sentence and a hint for all that
    /// waiting does not help: wrong password, missing privileges, untrusted certificate, not Redis,
    /// too old, a replica, a policy that evicts.
    pub async fn check(&self) -> Result<(), QueueError> {
        let config = &self.shared.config;
        let mut tries = Tries::new(config.timing.patience);

        // Without servers for bytes, both are one pool.
        let own = &self.shared.bulk.pool;
        let blobs = self.shared.blobs.servers().iter().map(|link| &link.pool);
        for pool in std::iter::once(own).chain(blobs.filter(|pool| !Arc::ptr_eq(own, pool))) {
            loop {
                match try_out(pool).await {
                    // Others give connections back while they wait.
                    Err(Fault::Crowded) if tries.again().await => {}
                    tried => break tried?,
                }
            }
        }
        Ok(())
    }

    /// Where the server is, without user and password: for messages.
    pub fn address(&self) -> &str {
        self.shared.config.address()
    }
}

impl Shared {
    pub fn job(&self, job: JobId) -> JobKeys {
        self.keys.job(job)
    }

    pub fn lease_ms(&self) -> u64 {
        self.config.lease.as_millis() as u64
    }
}

impl Queue for RedisQueue {
    async fn open(&self, job: JobId, owner: JobOwner) -> Result<(), QueueError> {
        jobs::open(&self.shared, job, owner).await
    }

    fn place(&self, job: JobId) -> Option<JobPlace> {
        Some(jobs::place(&self.shared, job))
    }

    async fn close_left(&self, left: &JobPlace) -> Result<bool, QueueError> {
        jobs::close_left(&self.shared, left).await
    }

    async fn push(&self, tasks: &[Task]) -> Result<(), QueueError> {
        supply::push(&self.shared, tasks).await
    }

    async fn collect(
        &self,
        job: JobId,
        most: usize,
        wait: Duration,
    ) -> Result<Vec<Outcome>, QueueError> {
        collect::collect(&self.shared, job, most, wait).await
    }

    async fn forget(&self, rows: Vec<RowsKey>) -> Result<(), QueueError> {
        supply::forget(&self.shared, rows).await
    }

    async fn missing(&self, tasks: Vec<TaskId>) -> Result<Vec<TaskId>, QueueError> {
        jobs::tend(&self.shared).await?;
        collect::confirm(&self.shared, tasks.iter().map(|task| task.job)).await?;
        supply::missing(&self.shared, tasks).await
    }

    async fn why_idle(&self, needs_others: bool) -> Result<Option<String>, QueueError> {
        self.why_nothing_comes(needs_others).await
    }

    async fn remarks(&self) -> Result<Vec<String>, QueueError> {
        self.other_leases().await
    }

    fn is_in_trouble(&self) -> bool {
        let lasts = |server: &Server| server.troubles.lasting().is_some_and(|time| time >= MOMENT);
        self.shared.config.servers().any(lasts)
    }

    async fn capacity(&self) -> Result<Capacity, QueueError> {
        Ok(Capacity { slots: self.slots().await?, bytes: blobs::capacity(&self.shared).await? })
    }

    async fn lost(&self, job: JobId) -> Result<Vec<LostWorker>, QueueError> {
        lost::lost(self, job).await
    }

    async fn close(&self, job: JobId) -> Result<(), QueueError> {
        supply::close(&self.shared, job).await
    }

    fn lease_length(&self) -> Duration {
        self.shared.config.lease
    }

    async fn lease(
        &self,
        worker: &WorkerId,
        most: usize,
        wait: Duration,
    ) -> Result<Vec<Leased>, QueueError> {
        lease::lease(self, worker, most, wait).await
    }

    async fn extend_if_held(&self, leases: Vec<Lease>) -> Result<Vec<Lease>, QueueError> {
        finish::extend(&self.shared, leases).await
    }

    async fn complete_if_held(
        &self,
        completions: &[Completion],
    ) -> Result<Vec<Completed>, QueueError> {
        finish::complete(&self.shared, completions).await
    }

    async fn release_if_held(&self, leases: Vec<Lease>) -> Result<(), QueueError> {
        finish::release(&self.shared, leases).await
    }

    async fn past(&self, lease: &Lease, previous: Option<&WorkerId>) -> Result<Known, QueueError> {
        past::past(&self.shared, lease, previous).await
    }

    async fn note_if_held(&self, lease: &Lease, past: &Past) -> Result<bool, QueueError> {
        past::note(&self.shared, lease, past).await
    }

    async fn give_back_if_held(&self, lease: &Lease, past: &Past) -> Result<(), QueueError> {
        past::give_back(&self.shared, lease, past).await
    }

    async fn has_others(&self, than: &WorkerId) -> Result<bool, QueueError> {
        self.has_other_workers(than).await
    }

    async fn hand_over(&self, rows: &[(RowsKey, Block)]) -> Result<(), QueueError> {
        finish::hand_over(&self.shared, rows).await
    }

    async fn rows(&self, keys: Vec<RowsKey>) -> Result<Vec<Option<Block>>, QueueError> {
        supply::rows(&self.shared, keys).await
    }

    async fn notify(&self, news: Outcome) -> Result<(), QueueError> {
        finish::notify(&self.shared, news).await
    }
}
