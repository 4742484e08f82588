//! Leases tasks for the slots.
//!
//! ```text
//! each queue:  room is free ──▶ it listens ──▶ has a task ──▶ its turn for room ──▶ leases ──▶ the slots
//! ```
//! A queue that listens holds no room, so others may have it. Those that have tasks get room in
//! turn, as the semaphore that counts it is fair; and none leases more than it got.

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

/// How long a queue is listened to at once.
const WAIT: Duration = Duration::from_secs(1);

/// How long a lease that is under way may go on when no more tasks are wanted: what it gives is
/// handed back at once, what it does not give any more goes to others within seconds.
const LAST_CALL: Duration = Duration::from_millis(500);

/// Leases and hands out tasks until `order` is not [`Order::Work`]; rows are on their way while
/// other tasks are leased.
///
/// Leasing and fetching rows are tried again, until [`Order::Stop`] at the latest.
///
/// # Errors
/// [`QueueError::Unusable`], from leasing or from fetching rows; anything else is tried again.
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
    // From here on only those who work keep the slots and the channel open.
    drop(rows);

    loop {
        tokio::select! {
            Some(error) = hopeless.recv() => return Err(error),
            ended = fetchers.join_next() => match ended {
                Some(ended) => ended.expect("a fetcher does not panic")?,
                // An error may have come while the last rows were on their way.
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
    /// Failures of leasing.
    failures: Failures,
}

impl<W: WorkQueue> Fetcher<W> {
    async fn run(mut self, mut order: watch::Receiver<Order>) -> Result<(), QueueError> {
        loop {
            let permits = tokio::select! {
                _ = order.wait_for(|order| *order != Order::Work) => break,
                permits = self.wait_for_tasks() => permits,
            };

            let found = match permits {
                Ok(permits) => tokio::select! {
                    leased = self.origin.queue.lease(permits.num_permits()) => {
                        leased.map(|leased| (permits, leased))
                    }
                    () = last_call(&mut order) => break,
                },
                Err(error) => Err(error),
            };

            match found {
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

        tokio::select! {
            _ = order.wait_for(|order| *order == Order::Stop) => {}
            () = async { while self.on_their_way.join_next().await.is_some() {} } => {}
        }
        Ok(())
    }

    /// Waits until there may be tasks, and room for some: returns the room.
    async fn wait_for_tasks(&self) -> Result<OwnedSemaphorePermit, QueueError> {
        let queue = &self.origin.queue;

        // Who listens takes the ring from others, so there should be room; but it is not held
        // meanwhile, as another queue may have tasks.
        drop(self.room().await);
        queue.listen(WAIT).await?;

        let slots = &self.rows.slots;
        if slots.room().available_permits() < slots.refill() as usize {
            // Another queue was quicker. Whoever else waits at this one may have room.
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

    /// Hands tasks to the slots: at once, or when their rows are there.
    fn hand_out(&mut self, mut permits: OwnedSemaphorePermit, leased: Vec<Leased>) {
        self.rows.tally.polled();
        if !leased.is_empty() {
            self.failures = Failures::default();
        }

        for leased in leased {
            // The finisher gives it back when the task was handed in.
            permits.split(1).expect("no more are leased than there is room for").forget();
            self.origin.held.add(leased.lease.clone());

            let mut keys = match &leased.task.work {
                Work::Render(render) => render.rows(),
                Work::Extract(_) | Work::Nap(_) => Vec::new(),
            };
            // Rows that are here need not be fetched.
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

        // Those that are done are dropped, so that the set does not grow.
        while self.on_their_way.try_join_next().is_some() {}
    }

    /// Hands back what was leased when no more tasks were wanted.
    async fn hand_back(&self, leased: Vec<Leased>) {
        let leases = leased.into_iter().map(|leased| leased.lease).collect();
        if let Err(error) = self.origin.queue.release_if_held(leases).await {
            debug!(%error, "could not hand back what nobody waits for; the leases will end");
        }
    }

    /// Waits after an error that may pass.
    async fn rest(&mut self, error: QueueError) {
        warn!(%error, "could not lease");
        match self.rows.fitness.call_failed(&mut self.failures, &error, &self.rows.tally) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => std::future::pending().await, // The worker gives up, and this with it.
        }
    }
}

/// Ends a moment after no more tasks are wanted.
async fn last_call(order: &mut watch::Receiver<Order>) {
    // Who gives orders is gone: then no more are wanted, either.
    let _ = order.wait_for(|order| *order != Order::Work).await;
    tokio::time::sleep(LAST_CALL).await;
}
