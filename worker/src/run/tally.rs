//! Counts of the work that a worker has done.

mod stopwatch;
mod tasks;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sheaf_common::outcome::{Extracted, TaskResult};
use sheaf_common::problem::ProblemKind;
use sheaf_common::queue::Completion;

pub use stopwatch::Stopwatch;
pub use tasks::{TaskEnd, Tasks};

/// The work that a worker has done so far. Shared between the loop and its reporters.
#[derive(Debug, Default)]
pub struct Tally {
    /// Slots at work now.
    pub busy: AtomicU64,
    /// Files reported so far, whether they gave rows or not.
    pub files: AtomicU64,
    /// Files that failed, by the index of their kind in [`ProblemKind::ALL`].
    failed: [AtomicU64; ProblemKind::ALL.len()],
    /// Bytes of these files, before unpacking.
    pub bytes: AtomicU64,
    /// Rows that were extracted.
    pub rows: AtomicU64,
    /// Tasks that ended, whatever came of them.
    pub tasks: Tasks,
    /// Where the time goes.
    pub steps: Steps,
    /// Bytes of rows that are stashed now.
    pub stashed: AtomicU64,
    /// CPU time of the slot threads, in microseconds, without that of their children.
    pub slot_cpu_us: AtomicU64,
    /// When a queue answered last.
    polled: Mutex<Option<Instant>>,
}

/// Where the time of a worker goes: of its slots, and of its calls.
#[derive(Debug, Default)]
pub struct Steps {
    /// Slots without a task.
    pub waiting: Stopwatch,
    /// Slots that read files.
    pub extracting: Stopwatch,
    /// Slots that render.
    pub rendering: Stopwatch,
    /// Calls to the queue that are under way: leasing, fetching rows, handing in.
    pub calls: Stopwatch,
}

impl Steps {
    /// The steps, each with its name.
    pub fn named(&self) -> [(&'static str, &Stopwatch); 4] {
        [
            ("waiting", &self.waiting),
            ("extracting", &self.extracting),
            ("rendering", &self.rendering),
            ("calls", &self.calls),
        ]
    }
}

impl Tally {
    pub(super) fn count(&self, completion: &Completion) {
        let result = &completion.outcome.result;
        self.tasks.count(completion.lease.task.class, TaskEnd::of(result));

        if let TaskResult::Extracted(Extracted { reports, .. }) = result {
            self.files.fetch_add(reports.len() as u64, Ordering::Relaxed);
            self.bytes
                .fetch_add(reports.iter().map(|report| report.bytes).sum(), Ordering::Relaxed);

            for report in reports {
                self.rows.fetch_add(report.status.rows(), Ordering::Relaxed);
                if let Some(problem) = report.status.problem() {
                    // The kinds are listed in their order.
                    self.failed[problem.kind() as usize].fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    /// How many files failed so far, by kind.
    pub fn failed(&self) -> impl Iterator<Item = (ProblemKind, u64)> {
        let counts = self.failed.iter().map(|count| count.load(Ordering::Relaxed));
        ProblemKind::ALL.into_iter().zip(counts)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_counted_at_their_index() {
        for (index, kind) in ProblemKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index, "{kind}");
        }
    }
}
