//! The registry of all jobs.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use sheaf_common::fit;
use tokio::sync::Notify;
use tracing::error;

use super::entry::Entry;
use super::list::Filter;
use super::select::{SelectError, select};
use crate::api::{ChangeJob, History, Job, JobId, JobPage, NoticeEvent, Selector, State};
use crate::clock::now_ms;
use crate::run::Cause;
use crate::service::feed::{Feed, News};
use crate::service::lifecycle::{self, Event, Illegal};
use crate::service::record::Record;
use crate::service::store::{Found, JobPlace, Key, Store, StoreError};

/// The pause between two looks at an id that another caller is about to take.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// All jobs. Its methods write to the disk, so they belong on a thread that may wait.
pub struct Jobs {
    inner: Mutex<Inner>,
    store: Store,
    /// How long finished jobs stay; `None`: for ever.
    keep: Option<Duration>,
    pub feed: Feed,
    /// Wakes the scheduler when a job may have become ready to run.
    pub wake: Notify,
}

#[derive(Default)]
pub(super) struct Inner {
    pub(super) entries: HashMap<JobId, Entry>,
    /// The ids by age.
    by_age: BTreeMap<u64, JobId>,
    next_number: u64,
    /// The ids of jobs that are being made.
    reserved: HashSet<JobId>,
    /// The last id that was counted.
    last_id: u64,
}

/// What became of a wish for a new job.
pub enum Created {
    New(Job),
    /// There was one with its id.
    There(Job),
}

/// An id for a new job.
enum Reserved {
    /// The caller has it.
    Free(JobId),
    /// There is a job with it.
    There(Box<Job>),
}

/// Why a job cannot be shown or changed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error("there is no job `{0}`")]
    Unknown(JobId),
    #[error("{illegal}")]
    WrongState { illegal: Illegal, possible: Vec<&'static str> },
    #[error("job `{0}` is not finished")]
    NotFinished(JobId),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Jobs {
    /// Reads all jobs of a data folder. Those that were under way when the service ended go on. The
    /// second value names records that could not be read.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn open(store: Store, keep: Option<Duration>) -> Result<(Self, Vec<String>), StoreError> {
        let Found { jobs: mut found, unreadable } = store.load()?;
        found.sort_by(|(a, x), (b, y)| (x.created, a).cmp(&(y.created, b)));

        let mut inner = Inner { last_id: store.last_id(), ..Inner::default() };
        for (key, mut record) in found {
            let recovered = lifecycle::after(record.state, Event::Recovered);
            let state = recovered.expect("every state can be recovered");
            let is_changed = state != record.state;
            record.state = state;

            // On a full disk it is saved later: the next start would come to the same.
            let is_unsaved = is_changed && store.save(key, &record).is_err();
            inner.add(key, record).is_unsaved = is_unsaved;
        }

        let inner = Mutex::new(inner);
        let feed = Feed::default();
        Ok((Jobs { inner, store, keep, feed, wake: Notify::new() }, unreadable))
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Adds a job, unless there is one with its id. `make` gets the id and the place of the new job
    /// and fills it; the record is saved after that.
    ///
    /// # Errors
    /// Those of `make`, and when the record cannot be saved. Nothing is left of the job then.
    pub fn create<E: From<StoreError>>(
        &self,
        wanted: Option<&JobId>,
        make: impl FnOnce(JobId, &JobPlace) -> Result<Record, E>,
    ) -> Result<Created, E> {
        let id = match self.reserve(wanted)? {
            Reserved::Free(id) => id,
            Reserved::There(job) => return Ok(Created::There(*job)),
        };

        // Without the lock: the list of a large job takes a while to write.
        let key = Key::random();
        let made = self.store.make(key).map_err(E::from).and_then(|place| {
            let record = make(id.clone(), &place)?;
            self.store.save_synced(key, &record)?;
            Ok(record)
        });

        let mut inner = self.inner();
        inner.reserved.remove(&id);
        let record = match made {
            Ok(record) => record,
            Err(error) => {
                let _ = self.store.remove(key); // A start of the service removes it, too.
                return Err(error);
            }
        };

        let entry = inner.add(key, record);
        let job = self.publish(entry);
        drop(inner);

        self.wake.notify_one();
        Ok(Created::New(job))
    }

    /// Takes an id for a new job. If another caller is about to make a job with this id, waits for
    /// that.
    fn reserve(&self, wanted: Option<&JobId>) -> Result<Reserved, StoreError> {
        loop {
            let mut inner = self.inner();
            let id = match wanted {
                Some(id) => id.clone(),
                None => {
                    let id = inner.free_id();
                    self.store.save_last_id(inner.last_id)?;
                    id
                }
            };

            if let Some(there) = inner.entries.get(&id) {
                return Ok(Reserved::There(Box::new(self.job(there))));
            }
            if inner.reserved.insert(id.clone()) {
                return Ok(Reserved::Free(id));
            }

            drop(inner);
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    pub fn get(&self, id: &JobId) -> Result<Job, JobError> {
        self.look(id, |entry| self.job(entry))
    }

    /// Where the files of a job are, and its record.
    pub fn place(&self, id: &JobId) -> Result<(JobPlace, Record), JobError> {
        self.look(id, |entry| (self.store.place(entry.key), entry.record.clone()))
    }

    pub fn history(&self, id: &JobId) -> Result<History, JobError> {
        self.look(id, Entry::history)
    }

    /// The last notices of a job.
    pub fn notices(&self, id: &JobId) -> Result<Vec<NoticeEvent>, JobError> {
        self.look(id, |entry| entry.notices.iter().cloned().collect())
    }

    /// A page of jobs, newest first.
    pub fn list(&self, filter: &Filter) -> JobPage {
        let inner = self.inner();
        let newest_first = inner.by_age.values().rev().map(|id| &inner.entries[id]);
        filter.page(newest_first, self.keep_ms())
    }

    /// The jobs that selectors mean, in their order, each once.
    ///
    /// # Errors
    /// The first selector that means none.
    pub fn select(&self, selectors: &[Selector]) -> Result<Vec<Job>, SelectError> {
        let inner = self.inner();
        let ids: Vec<JobId> = inner.by_age.values().cloned().collect();

        let mut chosen: Vec<JobId> = Vec::new();
        for selector in selectors {
            for id in select(selector, &ids)? {
                if !chosen.contains(&id) {
                    chosen.push(id);
                }
            }
        }

        Ok(chosen.iter().map(|id| self.job(&inner.entries[id])).collect())
    }

    /// All jobs that are not finished, oldest first.
    pub fn active(&self) -> Vec<Job> {
        let inner = self.inner();
        let entries = inner.by_age.values().map(|id| &inner.entries[id]);
        let active = entries.filter(|entry| !entry.record.state.is_finished());
        active.map(|entry| self.job(entry)).collect()
    }

    /// All records, oldest first.
    pub fn records(&self) -> Vec<(Key, Record)> {
        let inner = self.inner();
        let entry = |id: &JobId| &inner.entries[id];
        inner.by_age.values().map(|id| (entry(id).key, entry(id).record.clone())).collect()
    }

    /// How many jobs are in each state.
    pub fn count(&self) -> BTreeMap<State, u64> {
        let mut counts: BTreeMap<State, u64> = State::ALL.map(|state| (state, 0)).into();
        for entry in self.inner().entries.values() {
            *counts.entry(entry.record.state).or_default() += 1;
        }
        counts
    }

    /// Changes what a job is called, and how urgent it is.
    pub fn change(&self, id: &JobId, change: ChangeJob) -> Result<Job, JobError> {
        self.alter(id, |entry| {
            if let Some(name) = change.name {
                entry.record.name = Some(name).filter(|name| !name.is_empty());
            }
            if let Some(priority) = change.priority {
                entry.record.priority = priority;
                if let Some(run) = &entry.interrupter {
                    run.prioritise(priority.into());
                }
            }
            Ok(())
        })
    }

    /// Notes how many files a job has, and how many bytes these.
    pub fn listed(&self, id: &JobId, files: u64, bytes: u64) -> Result<Job, JobError> {
        self.alter(id, |entry| {
            let record = &mut entry.record;
            (record.files, record.bytes) = (files, bytes);
            (record.progress.files_total, record.progress.bytes_total) = (files, bytes);
            Ok(())
        })
    }

    /// Moves a job through the state machine. `also` changes its record along with the state.
    ///
    /// # Errors
    /// When its state does not allow the move, or the record cannot be saved.
    pub fn advance(
        &self,
        id: &JobId,
        event: Event,
        also: impl FnOnce(&mut Record),
    ) -> Result<Job, JobError> {
        let job = self.alter(id, |entry| {
            let before = entry.record.state;
            let state = lifecycle::after(before, event).map_err(|illegal| {
                JobError::WrongState { illegal, possible: lifecycle::possible(before) }
            })?;

            // A wish that was heard already changes nothing.
            if state == before {
                return Ok(());
            }

            entry.record.state = state;
            entry.record.finished = state.is_finished().then(now_ms);
            also(&mut entry.record);

            let cause = match state {
                State::Pausing => Some(Cause::Paused),
                State::Cancelling => Some(Cause::Cancelled),
                _ => None,
            };
            if let (Some(cause), Some(run)) = (cause, &entry.interrupter) {
                run.stop(cause);
            }
            if event == Event::Retry {
                entry.forget_samples();
            }
            Ok(())
        })?;

        self.wake.notify_one();
        Ok(job)
    }

    /// Removes a finished job, with all its files.
    ///
    /// # Errors
    /// When it is not finished, or its files cannot be removed.
    pub fn remove(&self, id: &JobId) -> Result<(), JobError> {
        let mut inner = self.inner();
        let entry = inner.entries.get(id).ok_or_else(|| JobError::Unknown(id.clone()))?;
        if !entry.record.state.is_finished() {
            return Err(JobError::NotFinished(id.clone()));
        }

        self.store.remove(entry.key)?;
        let number = entry.number;
        inner.by_age.remove(&number);
        inner.entries.remove(id);

        self.feed.tell(News::Removed(id.clone()));
        Ok(())
    }

    /// Tries again to save the records that could not be saved.
    pub fn save_unsaved(&self) {
        for entry in self.inner().entries.values_mut().filter(|entry| entry.is_unsaved) {
            entry.is_unsaved = self.store.save(entry.key, &entry.record).is_err();
        }
    }

    fn alter(
        &self,
        id: &JobId,
        change: impl FnOnce(&mut Entry) -> Result<(), JobError>,
    ) -> Result<Job, JobError> {
        let mut inner = self.inner();
        let entry = inner.entries.get_mut(id).ok_or_else(|| JobError::Unknown(id.clone()))?;
        let before = entry.record.clone();
        change(entry)?;

        if entry.record != before
            && let Err(error) = self.store.save(entry.key, &entry.record)
        {
            // The job is what it is: the disk hears of it later.
            error!(%id, %error, "could not save the record of a job, trying again");
            entry.is_unsaved = true;
        }

        Ok(self.publish(entry))
    }

    fn look<T>(&self, id: &JobId, look: impl FnOnce(&Entry) -> T) -> Result<T, JobError> {
        let inner = self.inner();
        inner.entries.get(id).map(look).ok_or_else(|| JobError::Unknown(id.clone()))
    }

    pub(super) fn publish(&self, entry: &Entry) -> Job {
        let job = self.job(entry);
        self.feed.tell(News::Job(Arc::new(job.clone())));
        job
    }

    fn job(&self, entry: &Entry) -> Job {
        entry.record.job(self.keep_ms())
    }

    fn keep_ms(&self) -> Option<u64> {
        self.keep.map(fit::millis)
    }

    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder of this lock panics")
    }
}

impl Inner {
    fn add(&mut self, key: Key, record: Record) -> &mut Entry {
        let number = self.next_number;
        self.next_number += 1;

        let id = record.id.clone();
        self.by_age.insert(number, id.clone());
        self.entries.entry(id).insert_entry(Entry::new(key, number, record)).into_mut()
    }

    /// The next number that no job has as its id.
    fn free_id(&mut self) -> JobId {
        loop {
            self.last_id += 1;
            let id = JobId::of_number(self.last_id);
            if !self.entries.contains_key(&id) {
                return id;
            }
        }
    }
}
