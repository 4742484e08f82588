//! The runs of jobs: which is next, how they begin, go on and end.

use std::time::{Duration, Instant};

use super::entry::Entry;
use super::registry::{JobError, Jobs};
use crate::api::{Job, JobId, NoticeEvent, State};
use crate::clock::now_ms;
use crate::run::{Cause, Interrupter};
use crate::service::feed::News;
use crate::service::lifecycle::{self, Event};
use crate::service::record::Record;
use crate::service::store::{JobPlace, Key};

/// How long a job rests whose disk was full.
const REST: Duration = Duration::from_secs(10);

/// A job that was started.
pub struct Started {
    pub key: Key,
    pub place: JobPlace,
    pub record: Record,
}

impl Jobs {
    /// Begins to run a job. `interrupter` stops the run, and hears of a change of priority.
    pub fn start(&self, id: &JobId, interrupter: Interrupter) -> Result<Started, JobError> {
        if let Some(entry) = self.inner().entries.get_mut(id) {
            entry.is_starting = false;
        }

        self.advance(id, Event::Start, |record| {
            record.started.get_or_insert_with(now_ms);
            record.reason = None;
            record.hint = None;
        })?;

        let mut inner = self.inner();
        let entry = inner.entries.get_mut(id).ok_or_else(|| JobError::Unknown(id.clone()))?;

        // A wish may have come between the two.
        match entry.record.state {
            State::Pausing => interrupter.stop(Cause::Paused),
            State::Cancelling => interrupter.stop(Cause::Cancelled),
            _ => {}
        }
        interrupter.prioritise(entry.record.priority.into());
        entry.interrupter = Some(interrupter);

        let place = self.store().place(entry.key);
        Ok(Started { key: entry.key, place, record: entry.record.clone() })
    }

    /// Notes that the run of a job is over.
    pub fn end(
        &self,
        id: &JobId,
        ended: lifecycle::Ended,
        also: impl FnOnce(&mut Record),
    ) -> Result<Job, JobError> {
        if let Some(entry) = self.inner().entries.get_mut(id) {
            entry.interrupter = None;
            entry.sample(true);
            // It would only fill the disk again.
            if ended == lifecycle::Ended::DiskFull {
                entry.rests_until = Some(Instant::now() + REST);
            }
        }
        self.advance(id, Event::Ended(ended), also)
    }

    /// Changes the figures of a running job, and tells watchers. Nothing is written to the disk.
    pub fn progress(&self, id: &JobId, change: impl FnOnce(&mut Record)) {
        let mut inner = self.inner();
        if let Some(entry) = inner.entries.get_mut(id) {
            change(&mut entry.record);
            entry.sample(false);
            self.publish(entry);
        }
    }

    /// Stops the run of a job, as too many files failed.
    pub fn exceed(&self, id: &JobId) {
        if let Some(Entry { interrupter: Some(run), .. }) = self.inner().entries.get(id) {
            run.stop(Cause::OverBudget);
        }
    }

    /// Notes an incident of a job's run.
    pub fn note(&self, id: &JobId, notice: NoticeEvent) {
        if let Some(entry) = self.inner().entries.get_mut(id) {
            entry.note(notice.clone());
            self.feed.tell(News::Notice(id.clone(), notice));
        }
    }

    /// Stops all runs: the service ends. Their jobs go on when it is started again.
    pub fn stop_all(&self, cause: Cause) {
        for entry in self.inner().entries.values() {
            if let Some(run) = &entry.interrupter {
                run.stop(cause);
            }
        }
    }

    /// How many runs there are.
    pub fn running(&self) -> usize {
        self.inner().entries.values().filter(|entry| entry.interrupter.is_some()).count()
    }

    /// The job to start next: of the highest priority the oldest. It is given once.
    pub fn take_queued(&self) -> Option<JobId> {
        let mut inner = self.inner();
        let now = Instant::now();
        let is_ready = |entry: &&mut Entry| {
            let rests = entry.rests_until.is_some_and(|until| until > now);
            entry.record.state == State::Queued && !entry.is_starting && !rests
        };
        let first = inner
            .entries
            .values_mut()
            .filter(is_ready)
            .max_by_key(|entry| (entry.record.priority, std::cmp::Reverse(entry.number)))?;

        first.is_starting = true;
        Some(first.record.id.clone())
    }
}
