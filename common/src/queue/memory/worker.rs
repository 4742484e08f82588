//! A worker's side of the queue within one process.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Shared;
use super::state::{Held, Waiting};
use crate::job::WorkerId;
use crate::outcome::Outcome;
use crate::queue::{
    Completed, Completion, Known, Lease, Leased, Past, QueueError, Stashing, Traits, WorkQueue,
};
use crate::row::Block;
use crate::rows::RowsKey;

/// A worker of this process.
#[derive(Clone)]
pub struct MemoryWorker {
    pub(super) shared: Arc<Shared>,
    pub(super) id: WorkerId,
}

impl WorkQueue for MemoryWorker {
    fn traits(&self) -> Traits {
        Traits { lease: self.shared.lease, linger: Duration::ZERO, stashing: Stashing::Nothing }
    }

    async fn listen(&self, longest: Duration) -> Result<(), QueueError> {
        let until = Instant::now() + longest;

        loop {
            // Listens before it looks, so that no push in between is missed.
            let pushed = self.shared.pushed.notified();
            tokio::pin!(pushed);
            pushed.as_mut().enable();

            let next_change = {
                let mut state = self.shared.state();
                let now = Instant::now();
                state.expire(now);
                if state.has_for(&self.id, now) {
                    return Ok(());
                }
                state.next_change()
            };

            // A lease that ends only makes it look again; the call itself ends with `longest`.
            let wake = next_change.map_or(until, |end| end.min(until));
            if tokio::time::timeout_at(wake, pushed).await.is_err() && wake == until {
                return Ok(());
            }
        }
    }

    async fn lease(&self, most: usize) -> Result<Vec<Leased>, QueueError> {
        let mut state = self.shared.state();
        let now = Instant::now();
        state.expire(now);

        let mut leased = Vec::new();
        while leased.len() < most
            && let Some(mut waiting) = state.next(&self.id, now)
        {
            waiting.deliveries += 1;
            state.leases += 1;

            let lease = Lease { task: waiting.task.id, token: state.leases.to_string() };
            let task = waiting.task.clone();
            let delivery = waiting.deliveries;
            let previous = waiting.previous.take();
            leased.push(Leased { lease: lease.clone(), task, delivery, previous });

            let by = self.id.clone();
            let ends = now + self.shared.lease;
            let held = Held { by, token: lease.token, ends, waiting };
            state.leased.insert(lease.task, held);
        }

        Ok(leased)
    }

    async fn extend_if_held(&self, leases: Vec<Lease>) -> Result<Vec<Lease>, QueueError> {
        let mut state = self.shared.state();
        let ends = Instant::now() + self.shared.lease;
        let mut lost = Vec::new();

        for lease in leases {
            // A lease that has ended goes on as well, unless its task was put back meanwhile.
            match state.leased.get_mut(&lease.task) {
                Some(held) if held.token == lease.token => held.ends = ends,
                Some(_) | None => lost.push(lease),
            }
        }
        Ok(lost)
    }

    async fn complete_if_held(
        &self,
        completions: &[Completion],
    ) -> Result<Vec<Completed>, QueueError> {
        let mut state = self.shared.state();
        let mut answers = Vec::with_capacity(completions.len());

        for Completion { lease, outcome, rows, has_past } in completions {
            // The lease ended and its task was put back, or the job is closed.
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

            // The task leaves `ids` with its outcome stored, so it is never counted as missing.
            if let Some(job) = state.jobs.get_mut(&lease.task.job) {
                job.ids.remove(&lease.task);
                job.outcomes.push_back(outcome.clone());
                job.finished.notify_waiters();
            }

            answers.push(Completed::Stored);
        }

        drop(state);
        self.shared.pushed.notify_waiters();
        Ok(answers)
    }

    async fn release_if_held(&self, leases: Vec<Lease>) -> Result<(), QueueError> {
        let mut state = self.shared.state();

        // Each is put in front of all others, so the first in order must come last.
        for lease in leases.into_iter().rev() {
            if state.holds(&lease) {
                let mut held = state.leased.remove(&lease.task).expect("just seen");
                // As if it had never been leased.
                held.waiting.deliveries -= 1;
                state.put_back(held.waiting);
            }
        }

        drop(state);
        self.shared.pushed.notify_waiters();
        Ok(())
    }

    async fn rows(&self, keys: Vec<RowsKey>) -> Result<Vec<Option<Block>>, QueueError> {
        let state = self.shared.state();
        Ok(keys.iter().map(|key| state.rows.get(key).cloned()).collect())
    }

    async fn hand_over(&self, rows: &[(RowsKey, Block)]) -> Result<(), QueueError> {
        let mut state = self.shared.state();
        for (key, block) in rows {
            // Rows of a closed job would stay for ever.
            if state.jobs.contains_key(&key.task.job) {
                state.rows.insert(*key, Arc::clone(block));
            }
        }
        Ok(())
    }

    async fn notify(&self, news: Outcome) -> Result<(), QueueError> {
        if let Some(job) = self.shared.state().jobs.get_mut(&news.task.job) {
            job.outcomes.push_back(news);
            job.finished.notify_waiters();
        }
        Ok(())
    }

    async fn past(&self, lease: &Lease, _previous: Option<&WorkerId>) -> Result<Known, QueueError> {
        let past = self.shared.state().pasts.get(&lease.task).cloned().unwrap_or_default();
        Ok(Known { past, ..Known::default() }) // A worker never vanishes without this process.
    }

    async fn note_if_held(&self, lease: &Lease, past: &Past) -> Result<bool, QueueError> {
        let mut state = self.shared.state();
        let holds = state.holds(lease);
        if holds {
            state.pasts.insert(lease.task, past.clone());
        }
        Ok(holds)
    }

    async fn give_back_if_held(&self, lease: &Lease, past: &Past) -> Result<(), QueueError> {
        let mut state = self.shared.state();
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

    async fn has_others(&self) -> Result<bool, QueueError> {
        Ok(false) // This process has only one worker.
    }
}
