//! A queue from both sides, for tests that play a coordinator and workers at once.

use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sheaf_common::job::{JobId, TaskId, WorkerId};
use sheaf_common::outcome::Outcome;
use sheaf_common::queue::{
    Activity, Capacity, Completed, Completion, JobOwner, JobPlace, JobQueue, Known, Lease, Leased,
    LostWorker, Outlook, Past, Priority, Queue, QueueError, RedisQueue, Supply, WorkQueue,
    WorkerInfo,
};
use sheaf_common::row::Block;
use sheaf_common::rows::RowsKey;
use sheaf_common::task::Task;
use tokio::time::Instant;

type Done<T> = Result<T, QueueError>;

/// A queue, with a handle for each job and each worker that a test names. Cheap to clone; all
/// clones share the handles. Calls without a worker go through the worker `any`.
pub struct Both<Q: Queue> {
    queue: Q,
    jobs: Handles<JobId, Arc<tokio::sync::Mutex<Q::Job>>>,
    workers: Handles<WorkerId, Q::Worker>,
}

type Handles<K, H> = Arc<Mutex<HashMap<K, H>>>;

impl<Q: Queue> Clone for Both<Q> {
    fn clone(&self) -> Self {
        Both {
            queue: self.queue.clone(),
            jobs: Arc::clone(&self.jobs),
            workers: Arc::clone(&self.workers),
        }
    }
}

impl<Q: Queue> Deref for Both<Q> {
    type Target = Q;

    fn deref(&self) -> &Q {
        &self.queue
    }
}

impl<Q: Queue> Both<Q> {
    pub fn of(queue: Q) -> Self {
        Both { queue, jobs: Arc::default(), workers: Arc::default() }
    }

    /// The queue itself.
    pub fn engine(&self) -> Q {
        self.queue.clone()
    }

    fn job_handle(&self, job: JobId) -> Arc<tokio::sync::Mutex<Q::Job>> {
        let mut jobs = self.jobs.lock().expect("no holder panics");
        let new = || Arc::new(tokio::sync::Mutex::new(self.queue.job(job, JobOwner::default())));
        Arc::clone(jobs.entry(job).or_insert_with(new))
    }

    fn any(&self) -> Q::Worker {
        self.worker_handle(&WorkerId("any".into()))
    }

    /// The handle of a worker.
    pub fn worker_handle(&self, worker: &WorkerId) -> Q::Worker {
        let mut workers = self.workers.lock().expect("no holder panics");
        let new = || self.queue.worker(worker.clone());
        workers.entry(worker.clone()).or_insert_with(new).clone()
    }

    // ---- the coordinators

    pub async fn open(&self, job: JobId, owner: JobOwner) -> Done<()> {
        let mut handle = self.queue.job(job, owner);
        let opened = handle.open().await;
        let handle = Arc::new(tokio::sync::Mutex::new(handle));
        self.jobs.lock().expect("no holder panics").insert(job, handle);
        opened
    }

    pub async fn place(&self, job: JobId) -> Option<JobPlace> {
        self.job_handle(job).lock().await.place()
    }

    /// Pushes tasks through a new handle, as another call may be collecting through the usual one.
    pub async fn push(&self, tasks: &[Task]) -> Done<()> {
        let mut jobs: BTreeMap<JobId, Vec<Task>> = BTreeMap::new();
        for task in tasks {
            jobs.entry(task.id.job).or_default().push(task.clone());
        }
        for (job, tasks) in jobs {
            self.queue.job(job, JobOwner::default()).supply().push(&tasks).await?;
        }
        Ok(())
    }

    /// Pushes tasks of one job through its usual handle, which knows its priority.
    pub async fn push_as(&self, job: JobId, tasks: &[Task]) -> Done<()> {
        let supply = self.job_handle(job).lock().await.supply();
        supply.push(tasks).await
    }

    /// Closes a job, and drops its handle.
    pub async fn end(&self, job: JobId) -> Done<()> {
        self.close(job).await?;
        self.jobs.lock().expect("no holder panics").remove(&job);
        Ok(())
    }

    pub async fn collect(&self, job: JobId, most: usize, wait: Duration) -> Done<Vec<Outcome>> {
        self.job_handle(job).lock().await.collect(most, wait).await
    }

    pub async fn missing(&self, tasks: Vec<TaskId>) -> Done<Vec<TaskId>> {
        let mut missing = Vec::new();
        let mut jobs: BTreeMap<JobId, Vec<TaskId>> = BTreeMap::new();
        for task in tasks {
            jobs.entry(task.job).or_default().push(task);
        }

        for (job, tasks) in jobs {
            missing.extend(self.job_handle(job).lock().await.missing(tasks).await?);
        }

        Ok(missing)
    }

    pub async fn prioritise(&self, job: JobId, priority: Priority) -> Done<()> {
        self.job_handle(job).lock().await.prioritise(priority).await
    }

    pub async fn forget(&self, rows: Vec<RowsKey>) -> Done<()> {
        for key in rows {
            self.job_handle(key.task.job).lock().await.forget(vec![key]).await?;
        }
        Ok(())
    }

    /// Puts blocks of rows of a job on the queue, as its coordinator does.
    pub async fn put_rows(&self, job: JobId, rows: &[(RowsKey, Block)]) -> Done<()> {
        self.queue.job(job, JobOwner::default()).supply().put_rows(rows).await
    }

    /// Fetches blocks of rows of a job, as its coordinator does.
    pub async fn rows_of(&self, job: JobId, keys: Vec<RowsKey>) -> Done<Vec<Option<Block>>> {
        self.job_handle(job).lock().await.rows(keys).await
    }

    pub async fn close(&self, job: JobId) -> Done<()> {
        self.job_handle(job).lock().await.close().await
    }

    fn outlook(&self, job: JobId) -> <Q::Job as JobQueue>::Outlook {
        self.queue.job(job, JobOwner::default()).outlook()
    }

    /// Asks for job 1.
    pub async fn why_idle(&self, needs_others: bool) -> Done<Option<String>> {
        self.outlook(JobId(1)).why_idle(needs_others).await
    }

    pub async fn remarks(&self) -> Done<Vec<String>> {
        self.outlook(JobId(1)).remarks().await
    }

    pub async fn lost(&self, job: JobId) -> Done<Vec<LostWorker>> {
        self.outlook(job).lost().await
    }

    pub fn is_in_trouble(&self) -> bool {
        self.outlook(JobId(1)).is_in_trouble()
    }

    pub async fn capacity(&self) -> Done<Capacity> {
        self.capacity_of(JobId(1)).await
    }

    /// Asks through the usual handle of a job.
    pub async fn capacity_of(&self, job: JobId) -> Done<Capacity> {
        let outlook = self.job_handle(job).lock().await.outlook();
        outlook.capacity().await
    }

    // ---- the workers

    /// Leases as a worker's loop does. Waits up to `wait` for the first task.
    pub async fn lease(&self, worker: &WorkerId, most: usize, wait: Duration) -> Done<Vec<Leased>> {
        let until = Instant::now() + wait;
        let worker = self.worker_handle(worker);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if !left.is_zero() && most > 0 {
                worker.listen(left).await?;
            }
            let leased = worker.lease(most).await?;
            if !leased.is_empty() || most == 0 || Instant::now() >= until {
                return Ok(leased);
            }
        }
    }

    pub async fn extend_if_held(&self, leases: Vec<Lease>) -> Done<Vec<Lease>> {
        self.any().extend_if_held(leases).await
    }

    pub async fn complete_if_held(&self, completions: &[Completion]) -> Done<Vec<Completed>> {
        self.any().complete_if_held(completions).await
    }

    pub async fn release_if_held(&self, leases: Vec<Lease>) -> Done<()> {
        self.any().release_if_held(leases).await
    }

    pub async fn past(&self, lease: &Lease, previous: Option<&WorkerId>) -> Done<Known> {
        self.any().past(lease, previous).await
    }

    pub async fn note_if_held(&self, lease: &Lease, past: &Past) -> Done<bool> {
        self.any().note_if_held(lease, past).await
    }

    pub async fn give_back_if_held(&self, lease: &Lease, past: &Past) -> Done<()> {
        self.any().give_back_if_held(lease, past).await
    }

    pub async fn has_others(&self, than: &WorkerId) -> Done<bool> {
        self.worker_handle(than).has_others().await
    }

    pub async fn rows(&self, keys: Vec<RowsKey>) -> Done<Vec<Option<Block>>> {
        self.any().rows(keys).await
    }

    pub async fn hand_over(&self, rows: &[(RowsKey, Block)]) -> Done<()> {
        self.any().hand_over(rows).await
    }

    pub async fn notify(&self, news: Outcome) -> Done<()> {
        self.any().notify(news).await
    }
}

impl Both<RedisQueue> {
    /// Puts a worker into the registry.
    pub async fn announce(&self, info: &WorkerInfo) -> Done<()> {
        let WorkerInfo { busy, files_done, bytes_done, .. } = *info;
        let worker = self.queue.listed_worker(info.clone());
        worker.announce(Activity { busy, files_done, bytes_done }).await
    }

    pub async fn leave(&self, worker: &WorkerId) -> Done<()> {
        self.worker_handle(worker).leave().await
    }
}
