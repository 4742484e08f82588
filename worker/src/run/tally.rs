//! Figures on the work of a worker.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sheaf_common::outcome::{Extracted, TaskResult};
use sheaf_common::queue::Completion;

/// What a worker has done so far; shared, and read by whoever reports.
#[derive(Debug, Default)]
pub struct Tally {
    pub busy: AtomicU64,
    pub files: AtomicU64,
    pub bytes: AtomicU64,
    /// CPU time of the slot threads, in microseconds; that of their children is not in it.
    pub slot_cpu_us: AtomicU64,
    polled: Mutex<Option<Instant>>,
}

impl Tally {
    pub(super) fn count(&self, completion: &Completion) {
        if let TaskResult::Extracted(Extracted { reports, .. }) = &completion.outcome.result {
            self.files.fetch_add(reports.len() as u64, Ordering::Relaxed);
            self.bytes
                .fetch_add(reports.iter().map(|report| report.bytes).sum(), Ordering::Relaxed);
        }
    }

    /// Notes that a queue has just answered: to being connected, to a question for tasks, to leases
    /// that go on; or that bytes of tasks come.
    pub fn polled(&self) {
        *self.polled.lock().expect("no holder of this lock panics") = Some(Instant::now());
    }

    /// How long ago a queue answered last; `None`: never. What lies long back is a worker that is
    /// there but does not work, whether the queue, the network or the worker itself is to blame.
    pub fn polled_ago(&self) -> Option<Duration> {
        self.polled.lock().expect("no holder of this lock panics").map(|at| at.elapsed())
    }
}
