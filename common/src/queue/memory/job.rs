//! The coordinator's side of the queue within one process.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Shared;
use super::state::Waiting;
use crate::job::{JobId, TaskId};
use crate::outcome::Outcome;
use crate::queue::{
    Capacity, JobPlace, JobQueue, LostWorker, Outlook, Priority, QueueError, Supply,
};
use crate::row::Block;
use crate::rows::RowsKey;
use crate::task::Task;

/// A job: the handle for calls, tasks and questions at once.
#[derive(Clone)]
pub struct MemoryJob {
    pub(super) shared: Arc<Shared>,
    pub(super) job: JobId,
    /// The priority with which the job begins.
    pub(super) priority: Priority,
}

impl JobQueue for MemoryJob {
    type Supply = MemoryJob;
    type Outlook = MemoryJob;

    fn supply(&self) -> MemoryJob {
        self.clone()
    }

    fn outlook(&self) -> MemoryJob {
        self.clone()
    }

    fn place(&self) -> Option<JobPlace> {
        None
    }

    async fn open(&mut self) -> Result<(), QueueError> {
        self.shared.state().job(self.job, self.priority);
        Ok(())
    }

    async fn collect(&mut self, most: usize, wait: Duration) -> Result<Vec<Outcome>, QueueError> {
        let until = Instant::now() + wait;
        let finished = Arc::clone(&self.shared.state().job(self.job, self.priority).finished);

        loop {
            // Listens before it looks, so that no outcome in between is missed.
            let finished = finished.notified();
            tokio::pin!(finished);
            finished.as_mut().enable();

            if let Some(job) = self.shared.state().jobs.get_mut(&self.job)
                && !job.outcomes.is_empty()
            {
                let count = most.min(job.outcomes.len());
                return Ok(job.outcomes.drain(..count).collect());
            }

            if tokio::time::timeout_at(until, finished).await.is_err() {
                return Ok(Vec::new());
            }
        }
    }

    async fn missing(&mut self, tasks: Vec<TaskId>) -> Result<Vec<TaskId>, QueueError> {
        let state = self.shared.state();
        Ok(tasks.into_iter().filter(|id| !state.knows(id)).collect())
    }

    async fn rows(&mut self, keys: Vec<RowsKey>) -> Result<Vec<Option<Block>>, QueueError> {
        let state = self.shared.state();
        Ok(keys.iter().map(|key| state.rows.get(key).cloned()).collect())
    }

    async fn prioritise(&mut self, priority: Priority) -> Result<(), QueueError> {
        self.priority = priority;
        self.shared.state().job(self.job, priority).priority = priority;
        Ok(())
    }

    async fn forget(&mut self, rows: Vec<RowsKey>) -> Result<(), QueueError> {
        let mut state = self.shared.state();
        for key in rows {
            state.rows.remove(&key);
        }
        Ok(())
    }

    async fn close(&mut self) -> Result<(), QueueError> {
        let mut state = self.shared.state();
        state.jobs.remove(&self.job);

        // A lease without its task is stale, so late results change nothing.
        state.leased.retain(|id, _| id.job != self.job);
        state.rows.retain(|key, _| key.task.job != self.job);
        state.pasts.retain(|id, _| id.job != self.job);
        Ok(())
    }
}

impl Supply for MemoryJob {
    async fn push(&self, tasks: &[Task]) -> Result<(), QueueError> {
        if tasks.is_empty() {
            return Ok(());
        }

        let mut state = self.shared.state();
        let job = state.job(self.job, self.priority);

        for task in tasks {
            // A task that waits or is leased already is left as it is.
            if job.ids.insert(task.id) {
                let waiting =
                    Waiting { task: task.clone(), deliveries: 0, previous: None, given_back: None };
                job.waiting[task.id.class as usize].push_back(waiting);
            }
        }

        drop(state);
        self.shared.pushed.notify_waiters();
        Ok(())
    }

    async fn put_rows(&self, rows: &[(RowsKey, Block)]) -> Result<(), QueueError> {
        let mut state = self.shared.state();
        for (key, block) in rows {
            state.rows.insert(*key, Arc::clone(block));
        }
        Ok(())
    }

    fn largest_file(&self) -> Option<u64> {
        None
    }
}

// The workers are threads of this process, so there is no server and no worker to miss.
impl Outlook for MemoryJob {
    async fn why_idle(&self, _needs_others: bool) -> Result<Option<String>, QueueError> {
        Ok(None)
    }

    async fn remarks(&self) -> Result<Vec<String>, QueueError> {
        Ok(Vec::new())
    }

    async fn lost(&self) -> Result<Vec<LostWorker>, QueueError> {
        Ok(Vec::new())
    }

    fn is_in_trouble(&self) -> bool {
        false
    }

    async fn capacity(&self) -> Result<Capacity, QueueError> {
        let jobs = self.shared.state().jobs_beside(self.job);
        Ok(Capacity { jobs, ..Capacity::default() })
    }
}
