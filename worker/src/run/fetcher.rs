//! Leases tasks for the slots, and fetches the rows that a render task needs.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use sheaf_common::queue::{Leased, Queue, QueueError};
use sheaf_common::row::Block;
use sheaf_common::task::{RowsKey, Work};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::task::JoinSet;
use tracing::warn;

use super::fitness::{Failures, Fitness};
use super::kept::Kept;
use super::origin::Origin;
use super::slots::{Job, Slots};
use super::{Config, Order, Tally};

/// How long one call waits for a task.
const WAIT: Duration = Duration::from_secs(1);
/// The pause after a queue that cannot be reached; the engine has its own backoff beneath.
const PAUSE: Duration = Duration::from_millis(200);

/// Leases and hands out tasks until `order` is not [`Order::Work`]; rows are on their way while
/// other tasks are leased.
///
/// Leasing and fetching rows are tried again, until [`Order::Stop`] at the latest.
///
/// # Errors
/// [`QueueError::Unusable`], from leasing or from fetching rows; anything else is tried again.
pub async fn fetch<Q: Queue>(
    config: &Config,
    origins: Vec<Origin<Q>>,
    slots: Slots<Q>,
    kept: &Kept,
    order: &mut watch::Receiver<Order>,
    (fitness, tally): (Arc<Fitness>, Arc<Tally>),
) -> Result<(), QueueError> {
    let (hopeless_in, mut hopeless) = mpsc::channel(1);
    let rows = Rows {
        slots: slots.clone(),
        failures: Arc::default(),
        fitness: Arc::clone(&fitness),
        tally,
        hopeless_in,
    };

    let mut fetcher =
        Fetcher { config, origins, kept, rows, turn: 0, failures: Failures::default() };
    let mut on_their_way = JoinSet::new();

    loop {
        let stopped = order.wait_for(|order| *order != Order::Work);
        let (permits, origin, leased) = tokio::select! {
            _ = stopped => break,
            // This side keeps the channel open.
            Some(error) = hopeless.recv() => return Err(error),
            leased = fetcher.lease() => match leased? {
                Some(leased) => leased,
                None => continue,
            },
        };

        fetcher.hand_out(permits, &origin, leased, &mut on_their_way).await;
        // Those that are done are dropped, so that the set does not grow.
        while on_their_way.try_join_next().is_some() {}
    }

    let stopped = order.wait_for(|order| *order == Order::Stop);
    tokio::select! {
        _ = stopped => {}
        () = async { while on_their_way.join_next().await.is_some() {} } => {}
    }

    // An error may have come while the last rows were on their way.
    hopeless.try_recv().map_or(Ok(()), Err)
}

/// Leases from the queues in turn.
struct Fetcher<'a, Q: Queue> {
    config: &'a Config,
    origins: Vec<Origin<Q>>,
    kept: &'a Kept,
    rows: Rows<Q>,
    /// The queue that is asked first next time.
    turn: usize,
    /// Failures of leasing.
    failures: Failures,
}

/// What leasing gave: permits for some of the tasks, where the tasks come from, and the tasks.
type Found<Q> = (OwnedSemaphorePermit, Origin<Q>, Vec<Leased>);

impl<Q: Queue> Fetcher<'_, Q> {
    /// Waits for room, and leases as many tasks as there is room for; `None` after an error that
    /// may pass.
    ///
    /// # Errors
    /// [`QueueError::Unusable`].
    async fn lease(&mut self) -> Result<Option<Found<Q>>, QueueError> {
        let slots = &self.rows.slots;
        let room = slots.room();
        let permits =
            Arc::clone(&room).acquire_many_owned(slots.refill()).await.expect("never closed");

        // These permits are in hand; what else is free may be leased in the same call.
        let most = slots.refill() as usize + room.available_permits();

        match lease_in_turn(&self.origins, &mut self.turn, self.config, most).await {
            Ok((origin, leased)) => {
                self.rows.tally.polled();
                if !leased.is_empty() {
                    self.failures = Failures::default();
                }
                Ok(Some((permits, origin.clone(), leased)))
            }
            Err(error @ QueueError::Unusable { .. }) => Err(error),
            Err(error) => {
                warn!(%error, "could not lease");
                match self.rows.fitness.call_failed(&mut self.failures, &error, &self.rows.tally) {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => std::future::pending().await, // The worker gives up, and this with it.
                }

                Ok(None)
            }
        }
    }

    /// Hands tasks to the slots: at once, or when their rows are there.
    async fn hand_out(
        &self,
        mut permits: OwnedSemaphorePermit,
        origin: &Origin<Q>,
        leased: Vec<Leased>,
        on_their_way: &mut JoinSet<()>,
    ) {
        let slots = &self.rows.slots;
        for leased in leased {
            // Tasks beyond the permits in hand were leased for room that was free: it is taken now.
            let permit = match permits.split(1) {
                Some(permit) => permit,
                None => slots.room().acquire_owned().await.expect("never closed"),
            };
            // The finisher gives it back when the task was handed in.
            permit.forget();
            origin.held.add(leased.lease.clone());

            let mut keys = match &leased.task.work {
                Work::Render(render) => render.rows(),
                Work::Extract(_) | Work::Nap(_) => Vec::new(),
            };
            // Rows that were kept here need not be fetched.
            let rows: HashMap<RowsKey, Block> =
                keys.iter().filter_map(|key| Some((*key, self.kept.get(key)?))).collect();
            keys.retain(|key| !rows.contains_key(key));

            let job = Job { leased, origin: origin.clone(), rows };
            if keys.is_empty() {
                slots.hand(job);
            } else {
                on_their_way.spawn(self.rows.clone().bring(job, keys));
            }
        }
    }
}

/// Brings rows that this worker does not have. Cheap to clone.
struct Rows<Q: Queue> {
    slots: Slots<Q>,
    /// Failures of fetching rows.
    failures: Arc<Mutex<Failures>>,
    fitness: Arc<Fitness>,
    tally: Arc<Tally>,
    /// Why rows cannot be fetched any more.
    hopeless_in: mpsc::Sender<QueueError>,
}

impl<Q: Queue> Clone for Rows<Q> {
    fn clone(&self) -> Self {
        Rows {
            slots: self.slots.clone(),
            failures: Arc::clone(&self.failures),
            fitness: Arc::clone(&self.fitness),
            tally: Arc::clone(&self.tally),
            hopeless_in: self.hopeless_in.clone(),
        }
    }
}

impl<Q: Queue> Rows<Q> {
    /// Fetches the rows of a task and hands it to the slots, or lets it go if they cannot be had.
    async fn bring(self, mut job: Job<Q>, keys: Vec<RowsKey>) {
        match fetch_rows(&job.origin.queue, keys).await {
            Ok(found) => {
                *self.failures.lock().expect("no holder panics") = Failures::default();
                job.rows.extend(found);
                self.slots.hand(job);
            }
            // One error is enough to end the worker.
            Err(error @ QueueError::Unusable { .. }) => drop(self.hopeless_in.try_send(error)),
            Err(error) => {
                job.origin.let_go(job.leased.lease).await;

                let pause = {
                    let mut failures = self.failures.lock().expect("no holder panics");
                    self.fitness.call_failed(&mut failures, &error, &self.tally)
                };

                tokio::time::sleep(pause.unwrap_or(PAUSE)).await;
                // Only now, so that no other task is leased in its place meanwhile.
                self.slots.room().add_permits(1);
            }
        }
    }
}

/// Leases up to `most` tasks from the queue that has some and was asked longest ago; waits up to
/// [`WAIT`] for the first.
async fn lease_in_turn<'a, Q: Queue>(
    origins: &'a [Origin<Q>],
    turn: &mut usize,
    config: &Config,
    most: usize,
) -> Result<(&'a Origin<Q>, Vec<Leased>), QueueError> {
    let lease = |index: usize, wait| {
        let queue = &origins[index].queue;
        async move { (index, queue.lease(&config.id, most, wait).await) }
    };

    let indexes: Vec<usize> =
        (0..origins.len()).map(|step| (*turn + step) % origins.len()).collect();

    // A single queue is asked once, by the call that waits.
    let several = indexes.len() > 1;
    for &index in indexes.iter().filter(|_| several) {
        let (_, leased) = lease(index, Duration::ZERO).await;
        let leased = leased?;
        if !leased.is_empty() {
            *turn = index + 1;
            return Ok((&origins[index], leased));
        }
    }

    // Nothing waits anywhere. The first queue that has something ends the waiting for the others,
    // which hand back what they found at the same moment.
    let mut waiting: Vec<_> = indexes.iter().map(|&index| Box::pin(lease(index, WAIT))).collect();

    let (index, leased) = std::future::poll_fn(|context| {
        let mut position = 0;
        while position < waiting.len() {
            match waiting[position].as_mut().poll(context) {
                // This queue has nothing; one of the others that are waited for still may.
                Poll::Ready((_, Ok(none))) if none.is_empty() && waiting.len() > 1 => {
                    drop(waiting.swap_remove(position))
                }
                Poll::Ready(found) => return Poll::Ready(found),
                Poll::Pending => position += 1,
            }
        }
        Poll::Pending
    })
    .await;

    *turn = index + 1;
    Ok((&origins[index], leased?))
}

/// Rows, as far as the queue has them.
///
/// # Errors
/// [`QueueError::Unusable`]; [`QueueError::Here`], as others may come to them. Anything else is
/// tried again until the caller stops waiting.
async fn fetch_rows<Q: Queue>(
    queue: &Q,
    keys: Vec<RowsKey>,
) -> Result<Vec<(RowsKey, Block)>, QueueError> {
    loop {
        match queue.rows(keys.clone()).await {
            Ok(blocks) => {
                return Ok(keys
                    .into_iter()
                    .zip(blocks)
                    .filter_map(|(key, block)| Some((key, block?)))
                    .collect());
            }
            Err(error @ (QueueError::Unusable { .. } | QueueError::Here(_))) => return Err(error),
            Err(error) => {
                warn!(%error, "could not fetch rows");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
