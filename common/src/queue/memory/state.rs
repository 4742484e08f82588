//! The state of the queue within one process.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::job::{Class, JobId, TaskId, WorkerId};
use crate::outcome::Outcome;
use crate::queue::{Lease, Past, Priority};
use crate::row::Block;
use crate::rows::RowsKey;
use crate::task::Task;

#[derive(Default)]
pub struct State {
    pub jobs: BTreeMap<JobId, Job>,
    pub leased: HashMap<TaskId, Held>,
    pub rows: HashMap<RowsKey, Block>,
    /// The pasts of tasks; most have none.
    pub pasts: HashMap<TaskId, Past>,
    /// Counts the leases: the count is the token of a new lease, so that no two are equal.
    pub leases: u64,
    /// Counts the tasks that were taken.
    pub taken: u64,
}

pub struct Job {
    pub priority: Priority,
    /// How many tasks had been taken on this queue when one of this job was: the job that was
    /// served longest ago goes first.
    pub served: u64,
    pub waiting: [VecDeque<Waiting>; Class::ALL.len()],
    /// The tasks that wait or are leased.
    pub ids: HashSet<TaskId>,
    pub outcomes: VecDeque<Outcome>,
    /// Wakes the coordinator when an outcome is stored.
    pub finished: Arc<Notify>,
}

pub struct Waiting {
    pub task: Task,
    /// How often it was leased before.
    pub deliveries: u32,
    /// The worker that let the last lease on the task end.
    pub previous: Option<WorkerId>,
    /// The worker that gave the task back, and until when the task is for others.
    pub given_back: Option<(WorkerId, Instant)>,
}

pub struct Held {
    pub by: WorkerId,
    pub token: String,
    pub ends: Instant,
    pub waiting: Waiting,
}

impl State {
    /// A job. One that is new begins with this priority.
    pub fn job(&mut self, job: JobId, priority: Priority) -> &mut Job {
        self.jobs.entry(job).or_insert_with(|| Job {
            priority,
            served: 0,
            waiting: Default::default(),
            ids: HashSet::new(),
            outcomes: VecDeque::new(),
            finished: Arc::default(),
        })
    }

    /// How many jobs share the queue with this one, itself included: those of a lower priority get
    /// what these leave.
    pub fn jobs_beside(&self, job: JobId) -> usize {
        let priority = self.jobs.get(&job).map_or(Priority::default(), |job| job.priority);
        self.jobs.values().filter(|other| other.priority >= priority).count().max(1)
    }

    /// Puts the tasks whose leases have ended back in front.
    pub fn expire(&mut self, now: Instant) {
        let mut ended: Vec<TaskId> =
            self.leased.iter().filter(|(_, held)| held.ends <= now).map(|(id, _)| *id).collect();
        // Each is put in front of all others, so the first in order must come last.
        ended.sort_unstable_by(|a, b| b.cmp(a));

        for id in ended {
            let Held { by, waiting, .. } = self.leased.remove(&id).expect("just found");
            self.put_back(Waiting { previous: Some(by), ..waiting });
        }
    }

    /// Puts a task in front of all others of its job and class; drops it if the job is closed.
    pub fn put_back(&mut self, waiting: Waiting) {
        let id = waiting.task.id;
        if let Some(job) = self.jobs.get_mut(&id.job) {
            job.waiting[id.class as usize].push_front(waiting);
        }
    }

    /// Takes the next task for a worker: by priority, then class by class, and within a class from
    /// the job that was served longest ago. An addressed task waits for its worker however long:
    /// workers in this process do not die alone.
    pub fn next(&mut self, worker: &WorkerId, now: Instant) -> Option<Waiting> {
        let (job, class, place) = self.find(worker, now)?;
        self.taken += 1;

        let job = self.jobs.get_mut(&job)?;
        job.served = self.taken;
        job.waiting[class as usize].remove(place)
    }

    /// Whether there is a task for a worker.
    pub fn has_for(&self, worker: &WorkerId, now: Instant) -> bool {
        self.find(worker, now).is_some()
    }

    /// Where the next task for a worker is.
    fn find(&self, worker: &WorkerId, now: Instant) -> Option<(JobId, Class, usize)> {
        // A task that a worker gave back is for others for a while: it failed here already.
        let is_for_others = |(by, until): &(WorkerId, Instant)| by == worker && *until > now;
        let is_for_it = |waiting: &Waiting| {
            waiting.task.addressee().is_none_or(|addressee| addressee == worker)
                && !waiting.given_back.as_ref().is_some_and(is_for_others)
        };

        // Jobs take turns, so that a large one does not starve the others.
        let first = self.jobs.iter().filter_map(|(id, job)| {
            let place = |class: Class| {
                let place = job.waiting[class as usize].iter().position(is_for_it)?;
                Some((class, place))
            };
            let (class, place) = Class::ALL.into_iter().find_map(place)?;
            Some((Reverse(job.priority), class, job.served, *id, place))
        });

        let (_, class, _, job, place) = first.min()?;
        Some((job, class, place))
    }

    /// When time alone may next free a task: a lease or a give-back ends; `None`: never.
    pub fn next_change(&self) -> Option<Instant> {
        let waiting = self.jobs.values().flat_map(|job| job.waiting.iter().flatten());
        let given_back =
            waiting.filter_map(|waiting| waiting.given_back.as_ref().map(|(_, until)| *until));
        self.leased.values().map(|held| held.ends).chain(given_back).min()
    }

    pub fn holds(&self, lease: &Lease) -> bool {
        self.leased.get(&lease.task).is_some_and(|held| held.token == lease.token)
    }

    pub fn knows(&self, id: &TaskId) -> bool {
        let job = self.jobs.get(&id.job);
        job.is_some_and(|job| {
            job.ids.contains(id) || job.outcomes.iter().any(|outcome| outcome.task == *id)
        })
    }
}
