//! Whether this machine can run children: a slot that cannot start one gives its task to others and
//! waits, longer each time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sheaf_common::queue::QueueError;
use tokio::sync::watch;
use tracing::warn;

use super::Tally;
use crate::pool::Unfit;

/// The first pause of a slot that could start no child; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// The pause after a queue that cannot be reached or is full; the engine has its own backoff
/// beneath.
const PAUSE: Duration = Duration::from_millis(200);
/// After this many failures of one slot in a row, about 8 s, a worker gives up if none of its other
/// slots works either.
const MOST_FAILURES: u32 = 6;

/// Why a worker stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error("this worker cannot work: {0}")]
    Unfit(Unfit),
}

impl WorkerError {
    /// Something that the user may try, if there is anything.
    pub fn hint(&self) -> Option<&str> {
        match self {
            WorkerError::Queue(error) => error.hint(),
            WorkerError::Unfit(unfit) => Some(unfit.hint),
        }
    }
}

/// Shared by the slots of a worker.
pub struct Fitness {
    /// How many tasks were read.
    read: AtomicU64,
    given_up: watch::Sender<Option<Unfit>>,
}

/// The failures of one slot since it last read something.
#[derive(Default)]
pub struct Failures {
    count: u32,
    /// [`Fitness::read`] at the first of them.
    read_before: u64,
}

impl Fitness {
    pub fn new() -> Self {
        Fitness { read: AtomicU64::new(0), given_up: watch::Sender::new(None) }
    }

    /// A slot has read the files of a task.
    pub fn worked(&self, failures: &mut Failures) {
        self.read.fetch_add(1, Ordering::Relaxed);
        *failures = Failures::default();
    }

    /// A slot could start no child. Says so; returns how long it is to wait, or `None` when the
    /// worker gives up, which it does if no slot has read anything meanwhile and none is at work.
    pub fn failed(&self, failures: &mut Failures, unfit: Unfit, tally: &Tally) -> Option<Duration> {
        let read = self.read.load(Ordering::Relaxed);
        // Only what others read after the first failure says that this machine is not to blame.
        if failures.count == 0 {
            failures.read_before = read;
        }
        failures.count += 1;

        let others_work = read > failures.read_before || tally.busy.load(Ordering::Relaxed) > 0;
        let pause =
            FIRST_PAUSE.saturating_mul(1 << (failures.count - 1).min(16)).min(LONGEST_PAUSE);

        let Unfit { reason, hint } = &unfit;
        warn!(reason, hint, pause_s = pause.as_secs_f64(), "cannot work just now");

        if failures.count >= MOST_FAILURES && !others_work {
            // The first slot that gives up says why.
            self.given_up.send_if_modified(|given_up| {
                given_up.is_none() && given_up.replace(unfit).is_none()
            });
            return None;
        }

        Some(pause)
    }

    /// A call of the queue failed. As [`Fitness::failed`], if the fault is here; else a short
    /// pause.
    pub fn call_failed(
        &self,
        failures: &mut Failures,
        error: &QueueError,
        tally: &Tally,
    ) -> Option<Duration> {
        let QueueError::Here(_) = error else { return Some(PAUSE) };

        let reason = error.to_string();
        let hint = "raise the limit of open files (`ulimit -n`, `LimitNOFILE=` of a service), or \
                    use fewer processes (`-p`)";
        self.failed(failures, Unfit { reason, hint }, tally)
    }

    /// Waits until the worker gives up, and says why.
    pub async fn given_up(&self) -> Unfit {
        let mut given_up = self.given_up.subscribe();
        let unfit = given_up.wait_for(Option::is_some).await.expect("the sender is here");
        unfit.clone().expect("just seen")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unfit() -> Unfit {
        Unfit::not_ready("it went")
    }

    #[test]
    fn pauses_grow_until_the_worker_gives_up() {
        let fitness = Fitness::new();
        let tally = Tally::default();
        let mut failures = Failures::default();

        let pauses: Vec<_> =
            std::iter::from_fn(|| fitness.failed(&mut failures, unfit(), &tally)).collect();
        assert_eq!(pauses.len(), MOST_FAILURES as usize - 1);
        assert!(pauses.is_sorted() && pauses[0] == FIRST_PAUSE);
        assert!(fitness.given_up.borrow().is_some());
    }

    #[test]
    fn a_worker_with_a_working_slot_carries_on() {
        let fitness = Fitness::new();
        let tally = Tally::default();
        let mut failures = Failures::default();

        for _ in 0..3 * MOST_FAILURES {
            assert!(
                fitness
                    .failed(&mut failures, unfit(), &tally)
                    .is_some_and(|pause| pause <= LONGEST_PAUSE)
            );
            fitness.worked(&mut Failures::default());
        }

        fitness.worked(&mut failures);
        tally.busy.fetch_add(1, Ordering::Relaxed);
        for _ in 0..3 * MOST_FAILURES {
            assert!(fitness.failed(&mut failures, unfit(), &tally).is_some());
        }
    }
}
