//! Whether this machine can run children. A slot that cannot start one hands its task back and
//! pauses, longer each time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sheaf_common::queue::QueueError;
use tokio::sync::watch;
use tracing::warn;

use super::Tally;
use crate::pool::{OPEN_FILES, Unfit};

/// The first pause of a slot that could not start a child; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// The pause after a call to an unreachable or full queue. It is constant, as the engine beneath
/// backs off by itself.
pub const PAUSE: Duration = Duration::from_millis(200);
/// After this many failures of one slot in a row, about 8 s, the worker gives up unless another of
/// its slots works.
const MOST_FAILURES: u32 = 6;

/// Why a worker stopped without an order.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error("this worker cannot work: {0}")]
    Unfit(Unfit),
}

impl WorkerError {
    /// What the user may try; `None` if nothing is known to help.
    pub fn hint(&self) -> Option<&str> {
        match self {
            WorkerError::Queue(error) => error.hint(),
            WorkerError::Unfit(unfit) => Some(unfit.hint),
        }
    }
}

/// The health of all slots of a worker together.
pub struct Fitness {
    /// The number of tasks whose files were read, by any slot.
    read: AtomicU64,
    given_up: watch::Sender<Option<Unfit>>,
}

/// The failures of one slot since its last success.
#[derive(Default)]
pub struct Failures {
    count: u32,
    /// The value of [`Fitness::read`] at the first failure.
    read_before: u64,
}

impl Fitness {
    pub fn new() -> Self {
        Fitness { read: AtomicU64::new(0), given_up: watch::Sender::new(None) }
    }

    /// Records that a slot has read the files of a task.
    pub fn worked(&self, failures: &mut Failures) {
        self.read.fetch_add(1, Ordering::Relaxed);
        *failures = Failures::default();
    }

    /// Records and logs that a slot could not start a child. Returns how long to pause, or `None`
    /// when the worker gives up: no slot has read anything since the first failure, and none is
    /// busy.
    pub fn failed(&self, failures: &mut Failures, unfit: Unfit, tally: &Tally) -> Option<Duration> {
        let read = self.read.load(Ordering::Relaxed);
        // Only reads after the first failure prove that this machine can still run children.
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
            // Several slots may give up at once: the first reason stands.
            self.given_up.send_if_modified(|given_up| {
                given_up.is_none() && given_up.replace(unfit).is_none()
            });
            return None;
        }

        Some(pause)
    }

    /// Records that a call to the queue failed. Returns as [`Fitness::failed`] if this machine is
    /// at fault, otherwise a short pause.
    pub fn call_failed(
        &self,
        failures: &mut Failures,
        error: &QueueError,
        tally: &Tally,
    ) -> Option<Duration> {
        let QueueError::Here(_) = error else { return Some(PAUSE) };

        let unfit = Unfit { reason: error.to_string(), hint: OPEN_FILES };
        self.failed(failures, unfit, tally)
    }

    /// Waits until the worker gives up; returns the reason.
    pub async fn given_up(&self) -> Unfit {
        let mut given_up = self.given_up.subscribe();
        let unfit = given_up.wait_for(Option::is_some).await.expect("the sender lives in `self`");
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
