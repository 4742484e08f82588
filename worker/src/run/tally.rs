//! Counts of the work that a worker has done.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sheaf_common::outcome::{Extracted, TaskResult};
use sheaf_common::queue::Completion;

/// The work that a worker has done so far. Shared between the loop and its reporters.
#[derive(Debug, Default)]
pub struct Tally {
    /// Slots at work now.
    pub busy: AtomicU64,
    /// Files reported so far, whether they gave rows or not.
    pub files: AtomicU64,
    /// Bytes of these files, before unpacking.
    pub bytes: AtomicU64,
    /// CPU time of the slot threads, in microseconds, without that of their children.
    pub slot_cpu_us: AtomicU64,
    /// When a queue answered last.
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

    /// Records that a queue has just answered a connect, a lease or an extension, or that bytes of
    /// tasks are arriving.
    pub fn polled(&self) {
        *self.polled.lock().expect("no holder of this lock panics") = Some(Instant::now());
    }

    /// The time since a queue answered last; `None` if none has. A long time means that the worker
    /// is there but does not work, whether the queue, the network or the worker is to blame.
    pub fn polled_ago(&self) -> Option<Duration> {
        self.polled.lock().expect("no holder of this lock panics").map(|at| at.elapsed())
    }
}
