//! Leases tasks for the slots, and fetches the rows that a render task needs.

use std::collections::HashMap;
use std::time::Duration;

use sheaf_common::queue::{Block, Leased, Queue, QueueError};
use sheaf_common::task::{RowsKey, Work};
use tokio::sync::watch;
use tracing::warn;

use super::held::Held;
use super::slots::{Job, Slots};
use super::{Config, Order};

/// How long one call waits for a task.
const WAIT: Duration = Duration::from_secs(1);
/// The pause after a queue that cannot be reached; the engine has its own backoff beneath.
const PAUSE: Duration = Duration::from_millis(200);

/// Leases and hands out tasks until `order` is not [`Order::Work`].
///
/// # Errors
/// [`QueueError::Unusable`]; anything else is tried again.
pub async fn fetch<Q: Queue>(
    queue: &Q,
    config: &Config,
    held: &Held,
    slots: Slots,
    order: &mut watch::Receiver<Order>,
) -> Result<(), QueueError> {
    let room = slots.room();
    loop {
        let stopped = order.wait_for(|order| *order != Order::Work);
        let first = tokio::select! {
            _ = stopped => return Ok(()),
            permit = std::sync::Arc::clone(&room).acquire_owned() => permit.expect("never closed"),
        };
        // One permit is in hand; what else is free may be leased in the same call.
        let most = 1 + room.available_permits();
        let stopped = order.wait_for(|order| *order != Order::Work);
        let leased = tokio::select! {
            _ = stopped => return Ok(()),
            leased = queue.lease(&config.id, most, WAIT) => leased,
        };
        let leased = match leased {
            Ok(leased) => leased,
            Err(error @ QueueError::Unusable { .. }) => return Err(error),
            Err(error) => {
                warn!(%error, "could not lease");
                tokio::time::sleep(PAUSE).await;
                Vec::new()
            }
        };
        let mut permits = vec![first];
        for leased in leased {
            let permit = match permits.pop() {
                Some(permit) => permit,
                None => std::sync::Arc::clone(&room).acquire_owned().await.expect("never closed"),
            };
            permit.forget(); // The finisher gives it back when the task was handed in.
            held.add(leased.lease.clone());
            let rows = rows_of(queue, &leased).await;
            slots.hand(Job { leased, rows });
        }
    }
}

/// The rows that a render task names, as far as the queue has them.
async fn rows_of<Q: Queue>(queue: &Q, leased: &Leased) -> HashMap<RowsKey, Block> {
    let Work::Render(render) = &leased.task.work else { return HashMap::new() };
    let mut keys: Vec<RowsKey> = render.pieces.iter().map(|piece| piece.rows).collect();
    keys.dedup();
    loop {
        match queue.rows(keys.clone()).await {
            Ok(blocks) => {
                return keys.into_iter().zip(blocks).filter_map(|(key, block)| Some((key, block?))).collect();
            }
            Err(error) => {
                warn!(%error, "could not fetch rows");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
