//! The coordinator's side of a job: its three handles.

use std::sync::Arc;
use std::time::Duration;

use super::collect::Collecting;
use super::due::Due;
use super::keys::rows_name;
use super::limits::LARGEST_FILE;
use super::of_job::OfJob;
use super::server::Server;
use super::sign::{SIGNS, Signs};
use super::state::Shared;
use super::{audit, close, jobs, lost, push, rows, why};
use crate::job::{JobId, TaskId};
use crate::outcome::Outcome;
use crate::queue::{
    Capacity, JobOwner, JobPlace, JobQueue, LostWorker, Outlook, Priority, QueueError, Supply,
};
use crate::row::Block;
use crate::rows::RowsKey;
use crate::task::Task;

/// Trouble is reported only if it lasts for this long.
const MOMENT: Duration = Duration::from_secs(2);

/// The coordinator's side of one job.
pub struct RedisJob {
    job: Arc<OfJob>,
    collecting: Collecting,
    signs: Signs,
    /// When the silent jobs of other runs are parked or removed.
    tending: Due,
}

impl RedisJob {
    pub(super) fn new(shared: &Arc<Shared>, id: JobId, owner: JobOwner) -> Self {
        let timing = &shared.config.timing;
        let job = Arc::new(OfJob::new(shared, id, owner));
        shared.jobs.add(&job);

        RedisJob {
            collecting: Collecting::new(timing),
            signs: Signs::new(timing),
            tending: Due::at_once(timing.abandoned / SIGNS),
            job,
        }
    }
}

impl JobQueue for RedisJob {
    type Supply = RedisSupply;
    type Outlook = RedisOutlook;

    fn supply(&self) -> RedisSupply {
        RedisSupply(Arc::clone(&self.job))
    }

    fn outlook(&self) -> RedisOutlook {
        RedisOutlook(Arc::clone(&self.job))
    }

    fn place(&self) -> Option<JobPlace> {
        Some(jobs::place(&self.job.shared, self.job.id))
    }

    async fn open(&mut self) -> Result<(), QueueError> {
        self.signs.first(&self.job).await
    }

    async fn collect(&mut self, most: usize, wait: Duration) -> Result<Vec<Outcome>, QueueError> {
        self.signs.give_beside(&self.job);
        self.collecting.collect(&self.job, most, wait).await
    }

    async fn missing(&mut self, tasks: Vec<TaskId>) -> Result<Vec<TaskId>, QueueError> {
        if self.tending.take() {
            jobs::tend(&self.job.shared).await?;
        }

        // First, so that no task whose outcome arrived counts as missing.
        self.collecting.confirm(&self.job).await?;
        audit::rescue(&self.job).await?;
        audit::missing(&self.job, tasks, &self.collecting.shown()).await
    }

    async fn rows(&mut self, keys: Vec<RowsKey>) -> Result<Vec<Option<Block>>, QueueError> {
        rows::fetch(&self.job.shared, &keys).await
    }

    async fn prioritise(&mut self, priority: Priority) -> Result<(), QueueError> {
        self.job.set_priority(priority);
        self.signs.give_now(&self.job).await
    }

    async fn forget(&mut self, rows: Vec<RowsKey>) -> Result<(), QueueError> {
        let names: Vec<String> = rows.iter().map(rows_name).collect();
        self.job.shared.blobs.settle(&self.job.keys, &[], &names).await
    }

    async fn close(&mut self) -> Result<(), QueueError> {
        // First, so that the script sees only open tasks: for these, blobs are searched everywhere.
        self.collecting.confirm(&self.job).await?;
        self.signs.end().await;
        self.collecting = Collecting::new(&self.job.shared.config.timing);

        close::close(&self.job.shared, &self.job.keys, self.job.id).await
    }
}

/// Puts tasks of one job on the queue.
#[derive(Clone)]
pub struct RedisSupply(Arc<OfJob>);

impl Supply for RedisSupply {
    async fn push(&self, tasks: &[Task]) -> Result<(), QueueError> {
        push::push(&self.0, tasks).await
    }

    async fn put_rows(&self, rows: &[(RowsKey, Block)]) -> Result<(), QueueError> {
        rows::put(&self.0.shared, &self.0.keys, rows).await
    }

    fn largest_file(&self) -> Option<u64> {
        Some(LARGEST_FILE)
    }
}

/// Answers questions about a job on its queue.
#[derive(Clone)]
pub struct RedisOutlook(Arc<OfJob>);

impl Outlook for RedisOutlook {
    async fn why_idle(&self, needs_others: bool) -> Result<Option<String>, QueueError> {
        why::why_nothing_comes(&self.0, needs_others).await
    }

    async fn remarks(&self) -> Result<Vec<String>, QueueError> {
        why::other_leases(&self.0.shared).await
    }

    async fn lost(&self) -> Result<Vec<LostWorker>, QueueError> {
        lost::lost(&self.0).await
    }

    fn is_in_trouble(&self) -> bool {
        let lasts = |server: &Server| server.troubles.lasting().is_some_and(|time| time >= MOMENT);
        self.0.shared.config.servers().any(lasts)
    }

    async fn capacity(&self) -> Result<Capacity, QueueError> {
        let shared = &self.0.shared;
        let slots = shared.slots().await?;
        let bytes = shared.blobs.capacity().await?;
        Ok(Capacity { slots, bytes, jobs: shared.jobs.beside(&self.0) })
    }
}
