//! The worker loop: leases tasks, runs them in its slots, hands in their outcomes.
//!
//! ```text
//!             lease             hands              outcome            batch
//!  queues ──────────▶ fetcher ───────▶ slot threads ───────▶ finisher ─────▶ the queue it came from
//!                                                    ▲
//!                     extender: extends every held lease until its outcome is handed in
//! ```
//!
//! * [`fetcher`]: leases no more than the slots can take, from each queue in turn.
//!   [`missing_rows`]: fetches the rows that a render task needs and this worker lacks.
//! * [`slots`]: the worker threads, shared by all queues.
//! * [`reader`]: reads the files of a task, in the light of earlier failures.
//! * [`news`]: progress of a large file.
//! * [`fitness`]: whether this machine can run children at all.
//! * [`origin`]: a queue and the leases held from it. Each has its own extender and finisher.
//! * [`finisher`]: hands in outcomes in batches.
//! * [`stash`]: the rows that need not leave this worker, or need not come back.
//! * [`held`]: the leases that this worker holds, and their extension.
//! * [`paths`]: which files may be opened by their path.
//! * [`tally`]: counts of the work done.

mod fetcher;
mod finisher;
mod fitness;
mod held;
mod missing_rows;
mod news;
mod origin;
mod paths;
mod reader;
mod slots;
mod stash;
mod tally;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sheaf_common::job::WorkerId;
use sheaf_common::queue::{QueueError, WorkQueue};
use sheaf_common::row::Block;
use sheaf_common::rows::RowsKey;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::warn;

use crate::pool::Program;
pub use fitness::WorkerError;
pub use paths::Paths;
pub use tally::{Steps, Stopwatch, Tally, TaskEnd, Tasks};

/// How long handing back may take after [`Order::Stop`]. If the server is away, the tasks return to
/// it when their leases end.
const HANDING_BACK: Duration = Duration::from_secs(1);

/// The longest that [`run_all`] takes to return after [`Order::Stop`]: the last call, then handing
/// back.
pub const STOPPING: Duration = Duration::from_millis(1600);

/// The settings of a worker.
#[derive(Debug, Clone)]
pub struct Config {
    pub id: WorkerId,
    pub slots: NonZeroUsize,
    /// The program that each slot starts as its child.
    pub child: Program,
    /// Which files may be opened by their path.
    pub paths: Paths,
}

/// What a worker is ordered to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Work,
    /// Lease no more, finish the held tasks, then end.
    Drain,
    /// Abandon all work, hand back the held tasks, hand over the stashed rows, then end.
    Stop,
}

/// Works on one queue: see [`run_all`].
///
/// # Errors
/// As [`run_all`].
pub async fn run<W: WorkQueue>(
    queue: W,
    config: Config,
    order: watch::Receiver<Order>,
    tally: Arc<Tally>,
) -> Result<(), WorkerError> {
    run_all(vec![queue], config, order, tally).await
}

/// Works until `order` ends it and every held task is handed in or back. The queues share all slots
/// and take turns.
///
/// An unreachable queue is retried without limit: see [`fetcher`] and [`finisher`].
/// [`Order::Stop`] ends the retries within [`STOPPING`], whatever the queue does.
///
/// # Errors
/// [`QueueError::Unusable`], when a retry cannot help;
/// [`WorkerError::Unfit`], when no slot could start a child for a while.
pub async fn run_all<W: WorkQueue>(
    queues: Vec<W>,
    config: Config,
    mut order: watch::Receiver<Order>,
    tally: Arc<Tally>,
) -> Result<(), WorkerError> {
    let stop = Arc::new(AtomicBool::new(false));
    let stash = Arc::new(stash::Stash::new(config.slots));
    let fitness = Arc::new(fitness::Fitness::new());

    let shared = slots::Shared {
        stash: Arc::clone(&stash),
        stop: Arc::clone(&stop),
        tally: Arc::clone(&tally),
        fitness: Arc::clone(&fitness),
    };

    let slots = slots::Slots::start(&config, shared).map_err(WorkerError::Unfit)?;

    let mut finishers = JoinSet::new();
    let mut background = JoinSet::new();
    let mut origins = Vec::new();
    let mut to_hand_back = Vec::new();
    for (index, queue) in queues.into_iter().enumerate() {
        let held = Arc::new(held::Held::default());
        let (outcomes_in, outcomes) = tokio::sync::mpsc::unbounded_channel();

        let extender = held::extend(queue.clone(), Arc::clone(&held), Arc::clone(&tally));
        background.spawn(extender);
        finishers.spawn(finisher::finish(
            queue.clone(),
            Arc::clone(&held),
            outcomes,
            slots.room(),
            (Arc::clone(&fitness), Arc::clone(&tally)),
            order.clone(),
        ));

        to_hand_back.push((queue.clone(), Arc::clone(&held)));
        origins.push(origin::Origin::new(index, queue, held, outcomes_in));
    }
    background.spawn(stop_slots(order.clone(), Arc::clone(&stop)));

    let watched = (Arc::clone(&fitness), Arc::clone(&tally));
    let mut done = tokio::select! {
        fetched = fetcher::fetch(origins, slots, &stash, &order, watched) => {
            fetched.map_err(WorkerError::from)
        }
        // A finisher outlives the fetcher unless its queue becomes unusable.
        Some(finished) = finishers.join_next() => {
            finished.expect("a finisher does not panic").map_err(WorkerError::from)
        }
        unfit = fitness.given_up() => {
            // Slots may still be pausing between attempts: end them, too.
            stop.store(true, Ordering::Relaxed);
            Err(WorkerError::Unfit(unfit))
        }
    };

    // The fetcher has dropped its handle of the slots. Their threads end after their last task, and
    // the finishers after the threads.
    while let Some(finished) = finishers.join_next().await {
        done = done.and(finished.expect("a finisher does not panic").map_err(WorkerError::from));
    }

    // Only now: leases must be extended until their outcomes are in.
    background.abort_all();
    end(done, to_hand_back, &stash, &stop, &mut order).await
}

/// Makes the slots abandon their work on [`Order::Stop`], or once the sender of orders is gone.
async fn stop_slots(mut order: watch::Receiver<Order>, stop: Arc<AtomicBool>) {
    let _ = order.wait_for(|order| *order == Order::Stop).await;
    stop.store(true, Ordering::Relaxed);
}

/// Hands back what is still held, within [`HANDING_BACK`] after [`Order::Stop`].
/// Returns the error of `done`, or else its own.
async fn end<W: WorkQueue>(
    done: Result<(), WorkerError>,
    to_hand_back: Vec<(W, Arc<held::Held>)>,
    stash: &stash::Stash,
    stop: &AtomicBool,
    order: &mut watch::Receiver<Order>,
) -> Result<(), WorkerError> {
    let handed_back = tokio::select! {
        handed_back = hand_back(to_hand_back, stash) => handed_back,
        () = after_stop(order, HANDING_BACK) => {
            warn!("could not hand back what is held: others take it over when its leases end");
            return done;
        }
    };

    // After an order to abandon everything, a failed hand-back is no news: the leases will end.
    if stop.load(Ordering::Relaxed) {
        done
    } else {
        done.and(handed_back.map_err(WorkerError::from))
    }
}

/// Returns the given time after [`Order::Stop`]; never without that order.
async fn after_stop(order: &mut watch::Receiver<Order>, later: Duration) {
    if order.wait_for(|order| *order == Order::Stop).await.is_err() {
        // The sender is gone: no order can come.
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(later).await;
}

/// Releases the leases that are still held, and hands over the rows that exist only here.
async fn hand_back<W: WorkQueue>(
    to_hand_back: Vec<(W, Arc<held::Held>)>,
    stash: &stash::Stash,
) -> Result<(), QueueError> {
    let mut done = Ok(());
    for (index, (queue, held)) in to_hand_back.into_iter().enumerate() {
        // One queue that refuses must not stop the others from getting their tasks back.
        done = done.and(queue.release_if_held(held.all()).await);
        hand_over(&queue, stash.alone_of(index)).await;
    }
    done
}

/// Puts rows that exist only here onto the queue; otherwise their files would be extracted again.
async fn hand_over<W: WorkQueue>(queue: &W, rows: Vec<(RowsKey, Block)>) {
    if let Err(error) = queue.hand_over(&rows).await {
        warn!(
            %error,
            blocks = rows.len(),
            "could not hand over rows that were stashed here: their files are read again"
        );
    }
}
