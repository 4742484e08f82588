//! The jobs of this process on a queue, which share its room.

use std::sync::{Arc, Mutex, Weak};

use super::of_job::OfJob;

/// The jobs of this process. A job leaves when its last handle is dropped.
#[derive(Default)]
pub struct OwnJobs(Mutex<Vec<Weak<OfJob>>>);

impl OwnJobs {
    pub fn add(&self, job: &Arc<OfJob>) {
        let mut jobs = self.0.lock().expect("no holder panics");
        jobs.retain(|job| job.strong_count() > 0);
        jobs.push(Arc::downgrade(job));
    }

    /// How many jobs share the queue with this one, itself included: those of a lower priority get
    /// what these leave.
    pub fn beside(&self, job: &OfJob) -> usize {
        // Collected first: the last handle of a job may be dropped here.
        let jobs: Vec<Arc<OfJob>> = {
            let jobs = self.0.lock().expect("no holder panics");
            jobs.iter().filter_map(Weak::upgrade).collect()
        };

        let priority = job.priority();
        jobs.iter().filter(|other| other.priority() >= priority).count().max(1)
    }
}
