//! Leases tasks for the slots, and fetches the rows that a render task needs.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use sheaf_common::queue::{Block, Leased, Queue, QueueError};
use sheaf_common::task::{RowsKey, Work};
use tokio::sync::{mpsc, watch};
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

/// Leases and hands out tasks until `order` is not [`Order::Work`]; rows are on their way while other tasks are leased.
///
/// What is tried again, leasing and rows alike, ends with [`Order::Stop`].
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
    let (room, mut turn, mut on_their_way) = (slots.room(), 0, JoinSet::new());
    // Of leasing, and of fetching rows.
    let (mut failures, row_failures) = (Failures::default(), Arc::new(Mutex::new(Failures::default())));
    // Why rows cannot be fetched any more. This end keeps the channel open.
    let (hopeless_in, mut hopeless) = mpsc::channel(1);

    loop {
        let stopped = order.wait_for(|order| *order != Order::Work);
        let first = tokio::select! {
            _ = stopped => break,
            Some(error) = hopeless.recv() => return Err(error),
            permits = Arc::clone(&room).acquire_many_owned(slots.refill()) => permits.expect("never closed"),
        };
        // These permits are in hand; what else is free may be leased in the same call.
        let most = slots.refill() as usize + room.available_permits();
        let stopped = order.wait_for(|order| *order != Order::Work);
        let leased = tokio::select! {
            _ = stopped => break,
            Some(error) = hopeless.recv() => return Err(error),
            leased = lease_in_turn(&origins, &mut turn, config, most) => leased,
        };
        let (origin, leased) = match leased {
            Ok((origin, leased)) => {
                tally.polled();
                if !leased.is_empty() {
                    failures = Failures::default();
                }
                (origin, leased)
            }
            Err(error @ QueueError::Unusable { .. }) => return Err(error),
            Err(error) => {
                warn!(%error, "could not lease");
                match fitness.call_failed(&mut failures, &error, &tally) {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => std::future::pending().await, // The worker gives up, and this with it.
                }
                continue;
            }
        };
        let mut permits = first;
        for leased in leased {
            let permit = match permits.split(1) {
                Some(permit) => permit,
                None => Arc::clone(&room).acquire_owned().await.expect("never closed"),
            };
            permit.forget(); // The finisher gives it back when the task was handed in.
            origin.held.add(leased.lease.clone());
            let mut keys = match &leased.task.work {
                Work::Render(render) => render.rows(),
                Work::Extract(_) | Work::Nap(_) => Vec::new(),
            };
            let mut rows: HashMap<RowsKey, Block> =
                keys.iter().filter_map(|key| Some((*key, kept.get(key)?))).collect();
            keys.retain(|key| !rows.contains_key(key));
            let (origin, slots) = (origin.clone(), slots.clone());
            if keys.is_empty() {
                slots.hand(Job { leased, origin, rows });
            } else {
                let (room, failures) = (Arc::clone(&room), Arc::clone(&row_failures));
                let (fitness, tally) = (Arc::clone(&fitness), Arc::clone(&tally));
                let hopeless_in = hopeless_in.clone();
                on_their_way.spawn(async move {
                    match fetch_rows(&origin.queue, keys).await {
                        Ok(found) => {
                            *failures.lock().expect("no holder panics") = Failures::default();
                            rows.extend(found);
                            slots.hand(Job { leased, origin, rows });
                        }
                        // One error is enough to end the worker.
                        Err(error @ QueueError::Unusable { .. }) => drop(hopeless_in.try_send(error)),
                        Err(error) => {
                            origin.let_go(leased.lease).await;
                            let failed = |failures: &mut Failures| fitness.call_failed(failures, &error, &tally);
                            let pause = failed(&mut failures.lock().expect("no holder panics"));
                            tokio::time::sleep(pause.unwrap_or(PAUSE)).await;
                            room.add_permits(1);
                        }
                    }
                });
            }
        }
        while on_their_way.try_join_next().is_some() {}
    }

    let stopped = order.wait_for(|order| *order == Order::Stop);
    tokio::select! {
        _ = stopped => {}
        () = async { while on_their_way.join_next().await.is_some() {} } => {}
    }
    hopeless.try_recv().map_or(Ok(()), Err)
}

/// Leases up to `most` tasks from the queue that has some and was asked longest ago; waits up to [`WAIT`] for the first.
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
    let indexes: Vec<usize> = (0..origins.len()).map(|step| (*turn + step) % origins.len()).collect();
    let several = indexes.len() > 1;
    for &index in indexes.iter().filter(|_| several) {
        let (_, leased) = lease(index, Duration::ZERO).await;
        let leased = leased?;
        if !leased.is_empty() {
            *turn = index + 1;
            return Ok((&origins[index], leased));
        }
    }
    // Nothing waits anywhere. The first queue that has something ends the waiting for the others, which hand back what
    // they found at the same moment.
    let mut waiting: Vec<_> = indexes.iter().map(|&index| Box::pin(lease(index, WAIT))).collect();
    let (index, leased) = std::future::poll_fn(|context| {
        let mut position = 0;
        while position < waiting.len() {
            match waiting[position].as_mut().poll(context) {
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
/// [`QueueError::Unusable`]; [`QueueError::Here`], as others may come to them. Anything else is tried again until the caller
/// stops waiting.
async fn fetch_rows<Q: Queue>(queue: &Q, keys: Vec<RowsKey>) -> Result<Vec<(RowsKey, Block)>, QueueError> {
    loop {
        match queue.rows(keys.clone()).await {
            Ok(blocks) => {
                return Ok(keys.into_iter().zip(blocks).filter_map(|(key, block)| Some((key, block?))).collect());
            }
            Err(error @ (QueueError::Unusable { .. } | QueueError::Here(_))) => return Err(error),
            Err(error) => {
                warn!(%error, "could not fetch rows");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
