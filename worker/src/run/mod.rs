//! The worker loop: leases tasks, has its slots do them, hands in their outcomes.
//!
//! ```text
//!             lease             hands              outcome            batch
//!  queues ──────────▶ fetcher ───────▶ slot threads ───────▶ finisher ─────▶ the queue it came from
//!                                                    ▲
//!                     extender: extends every lease held, until it is handed in
//! ```
//!
//! * [`fetcher`]: leases no more than the slots can take, from each queue in turn. [`missing_rows`]:
//!   fetches the rows that a render task needs, and that are not here.
//! * [`slots`]: the threads that work, for all queues.
//! * [`reader`]: reading files, with regard to what befell their task before.
//! * [`news`]: how far a large file is.
//! * [`fitness`]: whether this machine can run children at all.
//! * [`origin`]: a queue, with what is held of it. Each has an extender and a finisher of its own.
//! * [`finisher`]: hands in outcomes, many at a time.
//! * [`stash`]: the rows that need not leave this worker, or need not come back.
//! * [`held`]: the leases that this worker holds, and their extension.
//! * [`paths`]: which files may be opened by their path.
//! * [`tally`]: figures on what was done.

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
pub use tally::Tally;

/// How long handing back may take after [`Order::Stop`]: a server that is away gets the tasks back
/// when their leases end.
const HANDING_BACK: Duration = Duration::from_secs(1);

/// The longest that [`run_all`] goes on after [`Order::Stop`]: the last call, and handing back.
pub const STOPPING: Duration = Duration::from_millis(1600);

/// The settings of a worker.
#[derive(Debug, Clone)]
pub struct Config {
    pub id: WorkerId,
    pub slots: NonZeroUsize,
    /// The program that a slot starts as its child.
    pub child: Program,
    /// Which files may be opened by their path.
    pub paths: Paths,
}

/// Whether a worker is to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Work,
    /// Take no new task, finish those that are held, then end.
    Drain,
    /// Drop everything, hand back what is held, hand over what is stashed, then end.
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

/// Works until `order` says otherwise and all that is held was handed in or back. The queues share
/// all slots: they are asked in turn.
///
/// A queue that cannot be reached is tried again and again: see [`fetcher`] and [`finisher`].
/// [`Order::Stop`] ends that within [`STOPPING`], whatever the queue does.
///
/// # Errors
/// [`QueueError::Unusable`], when trying again is of no use;
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
    let mut helpers = JoinSet::new();
    let mut origins = Vec::new();
    let mut holds = Vec::new();
    for (index, queue) in queues.into_iter().enumerate() {
        let held = Arc::new(held::Held::default());
        let (outcomes_in, outcomes) = tokio::sync::mpsc::unbounded_channel();

        let extender = held::extend(queue.clone(), Arc::clone(&held), Arc::clone(&tally));
        helpers.spawn(extender);
        finishers.spawn(finisher::finish(
            queue.clone(),
            Arc::clone(&held),
            outcomes,
            slots.room(),
            (Arc::clone(&fitness), Arc::clone(&tally)),
            order.clone(),
        ));

        holds.push((queue.clone(), Arc::clone(&held)));
        origins.push(origin::Origin::new(index, queue, held, outcomes_in));
    }
    helpers.spawn(stop_slots(order.clone(), Arc::clone(&stop)));

    let watched = (Arc::clone(&fitness), Arc::clone(&tally));
    let mut done = tokio::select! {
        fetched = fetcher::fetch(origins, slots, &stash, &order, watched) => {
            fetched.map_err(WorkerError::from)
        }
        // Before the fetcher, a finisher ends only because its queue became unusable.
        Some(finished) = finishers.join_next() => {
            finished.expect("a finisher does not panic").map_err(WorkerError::from)
        }
        unfit = fitness.given_up() => {
            stop.store(true, Ordering::Relaxed);
            Err(WorkerError::Unfit(unfit))
        }
    };

    // The fetcher has let go of the slots: their threads end when they are through, and then the
    // finishers do.
    while let Some(finished) = finishers.join_next().await {
        done = done.and(finished.expect("a finisher does not panic").map_err(WorkerError::from));
    }

    helpers.abort_all();
    end(done, holds, &stash, &stop, &mut order).await
}

/// Has the slots drop what they do once [`Order::Stop`] is given, or nobody can give it any more.
async fn stop_slots(mut order: watch::Receiver<Order>, stop: Arc<AtomicBool>) {
    let _ = order.wait_for(|order| *order == Order::Stop).await;
    stop.store(true, Ordering::Relaxed);
}

/// Hands back what is held, which ends [`HANDING_BACK`] after [`Order::Stop`] at the latest.
/// Returns `done`, or what went wrong here.
async fn end<W: WorkQueue>(
    done: Result<(), WorkerError>,
    holds: Vec<(W, Arc<held::Held>)>,
    stash: &stash::Stash,
    stop: &AtomicBool,
    order: &mut watch::Receiver<Order>,
) -> Result<(), WorkerError> {
    let handed_back = tokio::select! {
        handed_back = hand_back(holds, stash) => handed_back,
        () = after_stop(order, HANDING_BACK) => {
            warn!("could not hand back what is held: others take it over when its leases end");
            return done;
        }
    };

    // Whoever orders to drop everything need not hear that it could not be handed back.
    if stop.load(Ordering::Relaxed) {
        done
    } else {
        done.and(handed_back.map_err(WorkerError::from))
    }
}

/// Ends this long after [`Order::Stop`]; never without it.
async fn after_stop(order: &mut watch::Receiver<Order>, later: Duration) {
    if order.wait_for(|order| *order == Order::Stop).await.is_err() {
        // Whoever gives orders is gone: none will come any more.
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(later).await;
}

/// Gives back the leases that are still held, and the rows that nobody else has.
async fn hand_back<W: WorkQueue>(
    holds: Vec<(W, Arc<held::Held>)>,
    stash: &stash::Stash,
) -> Result<(), QueueError> {
    let mut done = Ok(());
    for (index, (queue, held)) in holds.into_iter().enumerate() {
        // A queue that refuses must not keep the others from what is theirs.
        done = done.and(queue.release_if_held(held.all()).await);
        hand_over(&queue, stash.alone_of(index)).await;
    }
    done
}

/// Gives rows that nobody else has to those who go on: else their files would be extracted again.
async fn hand_over<W: WorkQueue>(queue: &W, rows: Vec<(RowsKey, Block)>) {
    if let Err(error) = queue.hand_over(&rows).await {
        warn!(
            %error,
            blocks = rows.len(),
            "could not hand over rows that were stashed here: their files are read again"
        );
    }
}
