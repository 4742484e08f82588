//! The worker loop: leases tasks, has its slots do them, hands in what they came to.
//!
//! ```text
//!            lease             hands              outcome            batch
//!  queue ──────────▶ fetcher ───────▶ slot threads ───────▶ finisher ─────▶ queue
//!                                                    ▲
//!                     keeper: extends every lease held, until it is handed in
//! ```
//!
//! * [`fetcher`]: leases no more than the slots can take, and fetches the rows that a render task needs.
//! * [`slots`]: the threads that work.
//! * [`finisher`]: hands in outcomes, many at a time.
//! * [`held`]: which leases this worker holds, and keeping them.

mod fetcher;
mod finisher;
mod held;
mod slots;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sheaf_common::queue::{Queue, QueueError, WorkerId};
use tokio::sync::watch;

use crate::pool::Program;

/// What a worker needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    pub id: WorkerId,
    pub slots: NonZeroUsize,
    /// What a slot starts as its child.
    pub child: Program,
    /// How long a lease of the queue lasts.
    pub lease: Duration,
}

/// Whether a worker is to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Work,
    /// Take no new task, finish those that are held, then end.
    Drain,
    /// Drop everything, hand back what is held, end.
    Stop,
}

/// What a worker has done so far; shared, and read by whoever reports.
#[derive(Debug, Default)]
pub struct Tally {
    pub busy: AtomicU64,
    pub files: AtomicU64,
    pub bytes: AtomicU64,
    /// CPU time of the slot threads, in microseconds; that of their children is not in it.
    pub slot_cpu_us: AtomicU64,
}

/// Works until `order` says otherwise and all that is held was handed in or back.
///
/// A queue that cannot be reached is tried again and again: see [`fetcher`] and [`finisher`].
///
/// # Errors
/// [`QueueError::Unusable`], when trying again is of no use.
pub async fn run<Q: Queue>(
    queue: Q,
    config: Config,
    mut order: watch::Receiver<Order>,
    tally: Arc<Tally>,
) -> Result<(), QueueError> {
    let stop = Arc::new(AtomicBool::new(false));
    let held = Arc::new(held::Held::default());
    let (outcomes_in, outcomes) = tokio::sync::mpsc::unbounded_channel();
    let slots = slots::Slots::start(&config, queue.clone(), Arc::clone(&stop), Arc::clone(&tally), outcomes_in);

    let keeper = tokio::spawn(held::keep(queue.clone(), Arc::clone(&held), config.lease));
    let finisher = tokio::spawn(finisher::finish(queue.clone(), Arc::clone(&held), outcomes, slots.room()));
    let stopper = {
        let (mut order, stop) = (order.clone(), Arc::clone(&stop));
        tokio::spawn(async move {
            let _ = order.wait_for(|order| *order == Order::Stop).await;
            stop.store(true, Ordering::Relaxed);
        })
    };

    let fetched = fetcher::fetch(&queue, &config, &held, slots, &mut order).await;
    // The fetcher has let go of the slots: their threads end when they are through, and then the finisher does.
    let finished = finisher.await.expect("the finisher does not panic");
    keeper.abort();
    stopper.abort();
    let handed_back = queue.release_if_held(held.all()).await;
    fetched.and(finished).and(if stop.load(Ordering::Relaxed) { Ok(()) } else { handed_back })
}
