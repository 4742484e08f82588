//! The queue within one process.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::{
    Capacity, Completed, Completion, JobOwner, JobPlace, Known, LEASE, Lease, Leased, LostWorker,
    Past, Queue, QueueError,
};
use crate::job::{Class, JobId, TaskId, WorkerId};
use crate::outcome::Outcome;
use crate::row::Block;
use crate::task::{RowsKey, Task};

/// The queue that `sheaf run` uses without a server. Its clock is tokio's, so that tests can stop
/// it.
#[derive(Clone)]
pub struct MemoryQueue {
    shared: Arc<Shared>,
}

struct Shared {
    lease: Duration,
    state: Mutex<State>,
    /// Woken when a task comes to wait.
    pushed: Notify,
    /// Woken when an outcome is stored.
    finished: Notify,
}

#[derive(Default)]
struct State {
    jobs: BTreeMap<JobId, Job>,
    /// The job that was served last: the next one in order goes first.
    served: Option<JobId>,
    leased: HashMap<TaskId, Held>,
    rows: HashMap<RowsKey, Block>,
    /// The past of tasks that have one; most do not.
    pasts: HashMap<TaskId, Past>,
    /// Numbers the leases; a token is a number never used before.
    leases: u64,
}

#[derive(Default)]
struct Job {
    waiting: [VecDeque<Waiting>; Class::ALL.len()],
    ids: HashSet<TaskId>,
    outcomes: VecDeque<Outcome>,
}

struct Waiting {
    task: Task,
    /// How often it was leased before.
    deliveries: u32,
    /// The worker that let the last lease on it end.
    previous: Option<WorkerId>,
    /// The worker that gave it back, and until when it is for others.
    given_back: Option<(WorkerId, Instant)>,
}

struct Held {
    by: WorkerId,
    token: String,
    ends: Instant,
    waiting: Waiting,
}

impl Default for MemoryQueue {
    fn default() -> Self {
        Self::with_lease(LEASE)
    }
}

impl MemoryQueue {
    /// A queue whose leases last `lease`.
    pub fn with_lease(lease: Duration) -> Self {
        let shared = Shared {
            lease,
            state: Mutex::default(),
            pushed: Notify::new(),
            finished: Notify::new(),
        };
        MemoryQueue { shared: Arc::new(shared) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().expect("no holder of this lock panics")
    }
}

impl State {
    /// Puts the tasks whose leases have ended back in front.
    fn expire(&mut self, now: Instant) {
        let mut ended: Vec<TaskId> =
            self.leased.iter().filter(|(_, held)| held.ends <= now).map(|(id, _)| *id).collect();
        // Each goes to the front, so the first goes last.
        ended.sort_unstable_by(|a, b| b.cmp(a));

        for id in ended {
            let Held { by, waiting, .. } = self.leased.remove(&id).expect("just found");
            self.put_back(Waiting { previous: Some(by), ..waiting });
        }
    }

    fn put_back(&mut self, waiting: Waiting) {
        let id = waiting.task.id;
        if let Some(job) = self.jobs.get_mut(&id.job) {
            job.waiting[id.class as usize].push_front(waiting);
        }
    }

    /// Takes the task that goes next to a worker: class by class, and within a class the jobs in
    /// turn. No worker is ever gone here: all are threads of this process.
    fn next(&mut self, worker: &WorkerId, now: Instant) -> Option<Waiting> {
        for class in Class::ALL {
            let turn = |job: &&JobId| self.served.is_none_or(|served| **job > served);

            // The jobs behind the one that was served last, then the others from the beginning.
            let order: Vec<JobId> = self
                .jobs
                .keys()
                .filter(turn)
                .chain(self.jobs.keys().filter(|job| !turn(job)))
                .copied()
                .collect();

            for id in order {
                let job = self.jobs.get_mut(&id).expect("just listed");
                let waiting = &mut job.waiting[class as usize];

                // A worker that gave a task back leaves it to others for a while.
                let for_it = |waiting: &Waiting| {
                    let is_for_others =
                        |(by, until): &(WorkerId, Instant)| by == worker && *until > now;
                    waiting.task.addressee().is_none_or(|addressee| addressee == worker)
                        && !waiting.given_back.as_ref().is_some_and(is_for_others)
                };

                if let Some(place) = waiting.iter().position(for_it) {
                    self.served = Some(id);
                    return waiting.remove(place);
                }
            }
        }
        None
    }

    /// When something may be there to lease that is not there now.
    fn next_change(&self) -> Option<Instant> {
        let waiting = self.jobs.values().flat_map(|job| job.waiting.iter().flatten());
        let given_back =
            waiting.filter_map(|waiting| waiting.given_back.as_ref().map(|(_, until)| *until));
        self.leased.values().map(|held| held.ends).chain(given_back).min()
    }

    fn holds(&self, lease: &Lease) -> bool {
        self.leased.get(&lease.task).is_some_and(|held| held.token == lease.token)
    }

    fn knows(&self, id: &TaskId) -> bool {
        let job = self.jobs.get(&id.job);
        job.is_some_and(|job| {
            job.ids.contains(id) || job.outcomes.iter().any(|outcome| outcome.task == *id)
        })
    }
}

impl Queue for MemoryQueue {
    async fn open(&self, _job: JobId, _owner: JobOwner) -> Result<(), QueueError> {
        Ok(())
    }

    fn place(&self, _job: JobId) -> Option<JobPlace> {
        None
    }

    async fn close_left(&self, _left: &JobPlace) -> Result<bool, QueueError> {
        Ok(false)
    }

    async fn push(&self, tasks: &[Task]) -> Result<(), QueueError> {
        let mut state = self.state();

        for task in tasks {
            let job = state.jobs.entry(task.id.job).or_default();
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

    async fn collect(
        &self,
        job: JobId,
        most: usize,
        wait: Duration,
    ) -> Result<Vec<Outcome>, QueueError> {
        let until = Instant::now() + wait;

        loop {
            // Listened for before the look, so that none is missed in between.
            let finished = self.shared.finished.notified();
            tokio::pin!(finished);
            finished.as_mut().enable();

            if let Some(job) = self.state().jobs.get_mut(&job)
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

    async fn forget(&self, rows: Vec<RowsKey>) -> Result<(), QueueError> {
        let mut state = self.state();
        for key in rows {
            state.rows.remove(&key);
        }
        Ok(())
    }

    async fn missing(&self, tasks: Vec<TaskId>) -> Result<Vec<TaskId>, QueueError> {
        let state = self.state();
        Ok(tasks.into_iter().filter(|id| !state.knows(id)).collect())
    }

    async fn capacity(&self) -> Result<Capacity, QueueError> {
        Ok(Capacity::default())
    }

    async fn why_idle(&self, _needs_others: bool) -> Result<Option<String>, QueueError> {
        Ok(None) // The workers are threads of this process.
    }

    async fn remarks(&self) -> Result<Vec<String>, QueueError> {
        Ok(Vec::new())
    }

    async fn lost(&self, _: JobId) -> Result<Vec<LostWorker>, QueueError> {
        Ok(Vec::new()) // The workers are threads of this process.
    }

    async fn close(&self, job: JobId) -> Result<(), QueueError> {
        let mut state = self.state();
        state.jobs.remove(&job);

        state.leased.retain(|id, _| id.job != job);
        state.rows.retain(|key, _| key.task.job != job);
        state.pasts.retain(|id, _| id.job != job);
        Ok(())
    }

    fn lease_length(&self) -> Duration {
        self.shared.lease
    }

    async fn lease(
        &self,
        worker: &WorkerId,
        most: usize,
        wait: Duration,
    ) -> Result<Vec<Leased>, QueueError> {
        let until = Instant::now() + wait;

        loop {
            // Listened for before the look, so that none is missed in between.
            let pushed = self.shared.pushed.notified();
            tokio::pin!(pushed);
            pushed.as_mut().enable();

            let next_change = {
                let mut state = self.state();
                let now = Instant::now();
                state.expire(now);

                let mut leased = Vec::new();
                while leased.len() < most
                    && let Some(mut waiting) = state.next(worker, now)
                {
                    waiting.deliveries += 1;
                    state.leases += 1;

                    let lease = Lease { task: waiting.task.id, token: state.leases.to_string() };
                    let task = waiting.task.clone();
                    let delivery = waiting.deliveries;
                    let previous = waiting.previous.take();
                    leased.push(Leased { lease: lease.clone(), task, delivery, previous });

                    let by = worker.clone();
                    let ends = now + self.shared.lease;
                    let held = Held { by, token: lease.token, ends, waiting };
                    state.leased.insert(lease.task, held);
                }

                if !leased.is_empty() || most == 0 {
                    return Ok(leased);
                }
                state.next_change()
            };

            let wake = next_change.map_or(until, |end| end.min(until));
            // A lease that ended is a reason to look again; the call ends only when `wait` does.
            if tokio::time::timeout_at(wake, pushed).await.is_err() && wake == until {
                return Ok(Vec::new());
            }
        }
    }

    async fn extend_if_held(&self, leases: Vec<Lease>) -> Result<Vec<Lease>, QueueError> {
        let mut state = self.state();
        let ends = Instant::now() + self.shared.lease;
        let mut lost = Vec::new();

        for lease in leases {
            match state.leased.get_mut(&lease.task) {
                Some(held) if held.token == lease.token => held.ends = ends,
                _ => lost.push(lease),
            }
        }
        Ok(lost)
    }

    async fn complete_if_held(
        &self,
        completions: &[Completion],
    ) -> Result<Vec<Completed>, QueueError> {
        let mut state = self.state();
        let mut answers = Vec::with_capacity(completions.len());

        for Completion { lease, outcome, rows, has_past } in completions {
            if !state.holds(lease) {
                answers.push(Completed::Stale);
                continue;
            }

            state.leased.remove(&lease.task);
            if *has_past {
                state.pasts.remove(&lease.task);
            }

            for (block, rows) in rows {
                state.rows.insert(lease.rows_key(*block), Arc::clone(rows));
            }

            if let Some(job) = state.jobs.get_mut(&lease.task.job) {
                job.ids.remove(&lease.task);
                job.outcomes.push_back(outcome.clone());
            }

            answers.push(Completed::Stored);
        }

        drop(state);
        self.shared.finished.notify_waiters();
        self.shared.pushed.notify_waiters();
        Ok(answers)
    }

    async fn release_if_held(&self, leases: Vec<Lease>) -> Result<(), QueueError> {
        let mut state = self.state();

        // Each goes to the front, so the first goes last.
        for lease in leases.into_iter().rev() {
            if state.holds(&lease) {
                let mut held = state.leased.remove(&lease.task).expect("just seen");
                held.waiting.deliveries -= 1;
                state.put_back(held.waiting);
            }
        }

        drop(state);
        self.shared.pushed.notify_waiters();
        Ok(())
    }

    async fn past(&self, lease: &Lease, _previous: Option<&WorkerId>) -> Result<Known, QueueError> {
        let past = self.state().pasts.get(&lease.task).cloned().unwrap_or_default();
        Ok(Known { past, ..Known::default() }) // No worker ever vanishes here.
    }

    async fn note_if_held(&self, lease: &Lease, past: &Past) -> Result<bool, QueueError> {
        let mut state = self.state();
        let holds = state.holds(lease);
        if holds {
            state.pasts.insert(lease.task, past.clone());
        }
        Ok(holds)
    }

    async fn give_back_if_held(&self, lease: &Lease, past: &Past) -> Result<(), QueueError> {
        let mut state = self.state();
        if state.holds(lease) {
            state.pasts.insert(lease.task, past.clone());

            let Held { by, waiting, .. } = state.leased.remove(&lease.task).expect("just seen");
            let given_back = Some((by, Instant::now() + self.shared.lease));
            state.put_back(Waiting { given_back, ..waiting });
        }

        drop(state);
        self.shared.pushed.notify_waiters();
        Ok(())
    }

    async fn has_others(&self, _than: &WorkerId) -> Result<bool, QueueError> {
        Ok(false) // There is one, within this process.
    }

    async fn hand_over(&self, rows: &[(RowsKey, Block)]) -> Result<(), QueueError> {
        let mut state = self.state();
        for (key, block) in rows {
            if state.jobs.contains_key(&key.task.job) {
                state.rows.insert(*key, Arc::clone(block));
            }
        }
        Ok(())
    }

    async fn rows(&self, keys: Vec<RowsKey>) -> Result<Vec<Option<Block>>, QueueError> {
        let state = self.state();
        Ok(keys.iter().map(|key| state.rows.get(key).cloned()).collect())
    }

    async fn notify(&self, news: Outcome) -> Result<(), QueueError> {
        if let Some(job) = self.state().jobs.get_mut(&news.task.job) {
            job.outcomes.push_back(news);
        }
        self.shared.finished.notify_waiters();
        Ok(())
    }
}
