//! The engine: it connects, and makes the handles of both sides.

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
    /// As [`RedisQueue::check`]. Nothing is tried twice: to wait for a server, call it again.
    pub async fn connect(config: RedisConfig) -> Result<Self, QueueError> {
        let queue = RedisQueue::lazy(config);
        queue.check().await?;
        Ok(queue)
    }

    /// The queue without a connection: the first call dials.
    pub fn lazy(config: RedisConfig) -> Self {
        RedisQueue::lazy_all(vec![config]).remove(0)
    }

    /// Queues without a connection. All share the connections to the servers of the first.
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
    /// [`super::Timing::connect`]; [`QueueError::Unusable`] with a sentence and a hint for faults
    /// that no wait mends: wrong password, missing privileges, untrusted certificate, not Redis,
    /// too old, a replica, a policy that evicts.
    pub async fn check(&self) -> Result<(), QueueError> {
        let config = &self.shared.config;
        let mut tries = Tries::new(config.timing.patience);

        // Without servers for bytes, all links share one pool, which is checked once.
        let queue = &self.shared.small.pool;
        let blobs = self.shared.blobs.servers().iter().map(|link| &link.pool);
        for pool in std::iter::once(queue).chain(blobs.filter(|pool| !Arc::ptr_eq(queue, pool))) {
            loop {
                match try_out(pool).await {
                    // Other processes find the server full, too, and close some connections.
                    Err(Fault::Crowded) if tries.again().await => {}
                    tried => break tried?,
                }
            }
        }
        Ok(())
    }

    /// The server's address, without user and password: for messages.
    pub fn address(&self) -> &str {
        self.shared.config.address()
    }

    /// The side of a worker in the registry: it must announce itself
    /// ([`RedisWorker::announce`]), so that its end is noticed.
    pub fn listed_worker(&self, info: WorkerInfo) -> RedisWorker {
        RedisWorker::new(&self.shared, WorkerId(info.id.clone()), Some(info))
    }
}

/// Calls for the people who look after a queue.
impl RedisQueue {
    /// The workers in the registry, of all versions, sorted by name.
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

    /// Removes a job. If its coordinator is alive, it pushes the tasks again.
    ///
    /// # Errors
    /// As the methods of [`Queue`].
    pub async fn purge(&self, job: &JobSeen) -> Result<(), QueueError> {
        close::remove(&self.shared, &self.shared.keys.of_version(&job.version), job.job).await
    }

    /// Parks jobs whose coordinators are silent, and removes one that has been silent for long.
    /// Every process that uses a queue calls it now and then.
    ///
    /// # Errors
    /// As the methods of [`Queue`].
    pub async fn tend(&self) -> Result<(), QueueError> {
        jobs::tend(&self.shared).await
    }

    /// The fault of a server that still lasts; `None`: there is none. Makes no call.
    pub fn trouble(&self) -> Option<QueueError> {
        why::trouble(&self.shared)
    }

    /// The runs whose leases have another length than this side's.
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
