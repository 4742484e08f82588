//! Leases tasks for the slots.
//!
//! ```text
//! each queue:  room is free ──▶ it listens ──▶ has a task ──▶ its turn for room ──▶ leases ──▶ the slots
//! ```
//! *Room* is the number of tasks that the slots can still take. A queue takes none while it
//! listens, so the others can use it. Queues that have tasks get room in turn, as the semaphore
//! behind it is fair. None leases more tasks than it got room for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sheaf_common::fit;
use sheaf_common::queue::{Leased, QueueError, WorkQueue};
use sheaf_common::row::Block;
use sheaf_common::rows::RowsKey;
use sheaf_common::task::Work;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::task::JoinSet;
use tracing::{debug, warn};

use super::fitness::{Failures, Fitness};
use super::missing_rows::MissingRows;
use super::origin::Origin;
use super::slots::{Job, Slots};
use super::stash::Stash;
use super::{Order, Tally};

/// The longest that one call listens to a queue.
const WAIT: Duration = Duration::from_secs(1);

/// How long a lease call in flight may take once no more tasks are wanted. Tasks that it returns
/// are handed back at once; those of an abandoned call go to other workers within seconds.
const LAST_CALL: Duration = Duration::from_millis(500);

/// Leases and hands out tasks until `order` is not [`Order::Work`]. Fetches missing rows while it
/// leases other tasks.
///
/// Retries both, until [`Order::Stop`] at the latest.
///
/// # Errors
/// [`QueueError::Unusable`], from leasing or from fetching rows; anything else is retried.
pub async fn fetch<W: WorkQueue>(
    origins: Vec<Origin<W>>,
    slots: Slots<W>,
    stash: &Arc<Stash>,
    order: &watch::Receiver<Order>,
    (fitness, tally): (Arc<Fitness>, Arc<Tally>),
) -> Result<(), QueueError> {
    let failures = Arc::new(Mutex::default());
    let (hopeless_in, mut hopeless) = mpsc::channel(1);
    let rows = MissingRows { slots, fitness, tally, failures, hopeless: hopeless_in };

    let mut fetchers = JoinSet::new();
    for origin in origins {
        let fetcher = Fetcher {
            origin,
            stash: Arc::clone(stash),
            rows: rows.clone(),
            on_their_way: JoinSet::new(),
            failures: Failures::default(),
        };
        fetchers.spawn(fetcher.run(order.clone()));
    }
    // The slots and the channel close with the last fetcher, so none may stay here.
    drop(rows);

    loop {
        tokio::select! {
            Some(error) = hopeless.recv() => return Err(error),
            ended = fetchers.join_next() => match ended {
                Some(ended) => ended.expect("a fetcher does not panic")?,
                // The last fetch of rows may have failed after its fetcher was polled.
                None => return hopeless.try_recv().map_or(Ok(()), Err),
            },
        }
    }
}

/// Leases from one queue.
struct Fetcher<W: WorkQueue> {
    origin: Origin<W>,
    stash: Arc<Stash>,
    rows: MissingRows<W>,
    /// Tasks whose rows are being fetched.
    on_their_way: JoinSet<()>,
    /// Failures of leasing in a row.
    failures: Failures,
}

impl<W: WorkQueue> Fetcher<W> {
    async fn run(mut self, mut order: watch::Receiver<Order>) -> Result<(), QueueError> {
        let tally = Arc::clone(&self.rows.tally);
        loop {
            let permits = tokio::select! {
                _ = order.wait_for(|order| *order != Order::Work) => break,
                permits = self.wait_for_tasks() => permits,
            };

            let found = match permits {
                Ok(permits) => {
                    let _call = tally.steps.calls.lap();
                    tokio::select! {
                        leased = self.origin.queue.lease(permits.num_permits()) => {
                            leased.map(|leased| (permits, leased))
                        }
                        () = last_call(&mut order) => break,
                    }
                }
                Err(error) => Err(error),
            };

            match found {
                // The order came while the call was in flight.
                Ok((_, leased)) if *order.borrow() != Order::Work => {
                    self.hand_back(leased).await;
                    break;
                }
                Ok((permits, leased)) => self.hand_out(permits, leased),
                Err(error @ QueueError::Unusable(_)) => return Err(error),
                Err(error) => tokio::select! {
                    _ = order.wait_for(|order| *order != Order::Work) => break,
                    () = self.rest(error) => {}
                },
            }
        }

        // Draining finishes these tasks as well, so their rows are still needed.
        tokio::select! {
            _ = order.wait_for(|order| *order == Order::Stop) => {}
            () = async { while self.on_their_way.join_next().await.is_some() {} } => {}
        }
        Ok(())
    }

    /// Waits until there may be tasks and there is room for some; returns the room.
    async fn wait_for_tasks(&self) -> Result<OwnedSemaphorePermit, QueueError> {
        let queue = &self.origin.queue;

        // A push wakes only one listener, so listen only when there is room. Do not hold the room
        // meanwhile: another queue may have tasks.
        drop(self.room().await);
        queue.listen(WAIT).await?;

        let slots = &self.rows.slots;
        if slots.room().available_permits() < slots.refill() as usize {
            // Another queue took the room. Leasing nothing passes the wake-up on to a worker that
            // may have room.
            queue.lease(0).await?;
        }

        Ok(self.room().await)
    }

    /// Waits until this queue may lease, and takes all the room that is free.
    async fn room(&self) -> OwnedSemaphorePermit {
        let room = self.rows.slots.room();
        let refill = self.rows.slots.refill();
        let mut permits = Arc::clone(&room).acquire_many_owned(refill).await.expect("never closed");

        let free = fit::count(room.available_permits());
        if let Ok(more) = room.try_acquire_many_owned(free) {
            permits.merge(more);
        }
        permits
    }

    /// Hands tasks to the slots: at once, or when their rows have arrived.
    fn hand_out(&mut self, mut permits: OwnedSemaphorePermit, leased: Vec<Leased>) {
        self.rows.tally.polled();
        if !leased.is_empty() {
            self.failures = Failures::default();
        }

        for leased in leased {
            // The finisher returns the permit when the outcome is handed in.
            permits.split(1).expect("no more are leased than there is room for").forget();
            self.origin.held.add(leased.lease.clone());

            let mut keys = match &leased.task.work {
                Work::Render(render) => render.rows(),
                Work::Extract(_) | Work::Nap(_) => Vec::new(),
            };

            // Stashed rows need not be fetched.
            let rows: HashMap<RowsKey, Block> =
                keys.iter().filter_map(|key| Some((*key, self.stash.get(key)?))).collect();
            keys.retain(|key| !rows.contains_key(key));

            let job = Job { leased, origin: self.origin.clone(), rows };
            if keys.is_empty() {
                self.rows.slots.hand(job);
            } else {
                self.on_their_way.spawn(self.rows.clone().bring(job, keys));
            }
        }

        // Reap finished fetches, or the set would grow without end.
        while self.on_their_way.try_join_next().is_some() {}
    }

    /// Hands back tasks that arrived after the order to lease no more.
    async fn hand_back(&self, leased: Vec<Leased>) {
        let leases = leased.into_iter().map(|leased| leased.lease).collect();
        if let Err(error) = self.origin.queue.release_if_held(leases).await {
            debug!(%error, "could not hand back tasks that came too late; their leases will end");
        }
    }

    /// Waits after an error that may pass.
    async fn rest(&mut self, error: QueueError) {
        warn!(%error, "could not lease");
        match self.rows.fitness.call_failed(&mut self.failures, &error, &self.rows.tally) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => std::future::pending().await, // The worker gives up and drops this future.
        }
    }
}

/// Returns [`LAST_CALL`] after the order to lease no more.
async fn last_call(order: &mut watch::Receiver<Order>) {
    // An error means that the sender is gone; then no more tasks are wanted, either.
    let _ = order.wait_for(|order| *order != Order::Work).await;
    tokio::time::sleep(LAST_CALL).await;
}
