//! The engine: it connects, and gives the sides of the queue.

use std::sync::Arc;

use super::config::RedisConfig;
use super::connect::{Tries, try_out};
use super::fault::Fault;
use super::job::RedisJob;
use super::jobs::{self, JobSeen};
use super::pool::Pool;
use super::registry::{GONE_AFTER, VersionInUse, WorkerInfo, WorkerSeen};
use super::state::Shared;
use super::worker::RedisWorker;
use super::{close, why};
use crate::job::{JobId, WorkerId};
use crate::queue::{JobOwner, JobPlace, Queue, QueueError};

/// The queue on a Redis server. Cheap to clone.
#[derive(Clone)]
pub struct RedisQueue {
    pub(super) shared: Arc<Shared>,
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

        let queue = |config| RedisQueue { shared: Arc::new(Shared::new(&pool, &bytes, config)) };
        configs.into_iter().map(queue).collect()
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

    /// The side of a worker that is on the list of workers, as long as it announces itself
    /// ([`RedisWorker::announce`]): so its end is noticed.
    pub fn listed_worker(&self, info: WorkerInfo) -> RedisWorker {
        RedisWorker::new(&self.shared, WorkerId(info.id.clone()), Some(info))
    }
}

/// For people who look after a queue.
impl RedisQueue {
    /// The workers that announced themselves lately, of all versions, sorted by name.
    ///
    /// # Errors
    /// As the methods of [`Queue`].
    pub async fn workers(&self) -> Result<Vec<WorkerSeen>, QueueError> {
        self.shared.workers().await
    }

    /// The versions whose coordinators called lately.
    ///
    /// # Errors
    /// As the methods of [`Queue`].
    pub async fn versions(&self) -> Result<Vec<VersionInUse>, QueueError> {
        self.shared.versions(GONE_AFTER).await
    }

    /// The jobs on the queue, of all versions, the oldest first.
    ///
    /// # Errors
    /// As the methods of [`Queue`].
    pub async fn jobs(&self) -> Result<Vec<JobSeen>, QueueError> {
        jobs::list(&self.shared).await
    }

    /// Removes a job. A coordinator that lives pushes it again.
    ///
    /// # Errors
    /// As the methods of [`Queue`].
    pub async fn purge(&self, job: &JobSeen) -> Result<(), QueueError> {
        close::remove(&self.shared, &self.shared.keys.of_version(&job.version), job.job).await
    }

    /// Parks jobs whose coordinators give no sign of life, and removes one that has given none for
    /// long. Every process that has something to do with a queue calls it now and then.
    ///
    /// # Errors
    /// As the methods of [`Queue`].
    pub async fn tend(&self) -> Result<(), QueueError> {
        jobs::tend(&self.shared).await
    }

    /// The refusal of a server that it has not taken back since; `None`: there is none. Asks no
    /// server.
    pub fn trouble(&self) -> Option<QueueError> {
        why::trouble(&self.shared)
    }

    /// The runs whose leases are of another length than this side's.
    ///
    /// # Errors
    /// As the methods of [`Queue`].
    pub async fn runs_with_other_leases(&self) -> Result<Vec<JobOwner>, QueueError> {
        why::runs_with_other_leases(&self.shared).await
    }
}

impl Queue for RedisQueue {
    type Job = RedisJob;
    type Worker = RedisWorker;

    fn job(&self, job: JobId, owner: JobOwner) -> RedisJob {
        RedisJob::new(&self.shared, job, owner)
    }

    fn worker(&self, worker: WorkerId) -> RedisWorker {
        RedisWorker::new(&self.shared, worker, None)
    }

    async fn close_left(&self, left: &JobPlace) -> Result<bool, QueueError> {
        jobs::close_left(&self.shared, left).await
    }
}
