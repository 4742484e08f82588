//! Brings the rows that a render task needs and that this worker does not have.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sheaf_common::queue::{QueueError, WorkQueue};
use sheaf_common::row::Block;
use sheaf_common::rows::RowsKey;
use tokio::sync::mpsc;
use tracing::warn;

use super::Tally;
use super::fitness::{Failures, Fitness};
use super::slots::{Job, Slots};

/// The pause after a queue that cannot be reached; the engine has its own backoff beneath.
const PAUSE: Duration = Duration::from_millis(200);

/// The way for rows that are not here. Cheap to clone.
pub struct MissingRows<W: WorkQueue> {
    pub slots: Slots<W>,
    pub fitness: Arc<Fitness>,
    pub tally: Arc<Tally>,
    /// Failures of fetching rows.
    pub failures: Arc<Mutex<Failures>>,
    /// Why rows cannot be fetched any more.
    pub hopeless: mpsc::Sender<QueueError>,
}

// Derived, it would ask the queue to be more than it need be.
impl<W: WorkQueue> Clone for MissingRows<W> {
    fn clone(&self) -> Self {
        MissingRows {
            slots: self.slots.clone(),
            fitness: Arc::clone(&self.fitness),
            tally: Arc::clone(&self.tally),
            failures: Arc::clone(&self.failures),
            hopeless: self.hopeless.clone(),
        }
    }
}

impl<W: WorkQueue> MissingRows<W> {
    /// Fetches the rows of a task and hands it to the slots, or lets it go if they cannot be had.
    pub async fn bring(self, mut job: Job<W>, keys: Vec<RowsKey>) {
        match fetch(&job.origin.queue, keys).await {
            Ok(found) => {
                *self.failures.lock().expect("no holder panics") = Failures::default();
                job.rows.extend(found);
                self.slots.hand(job);
            }
            // One error is enough to end the worker.
            Err(error @ QueueError::Unusable(_)) => drop(self.hopeless.try_send(error)),
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

/// Rows, as far as the queue has them.
///
/// # Errors
/// [`QueueError::Unusable`]; [`QueueError::Here`], as others may come to them. Anything else is
/// tried again until the caller stops waiting.
async fn fetch<W: WorkQueue>(
    queue: &W,
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
            Err(error @ (QueueError::Unusable(_) | QueueError::Here(_))) => return Err(error),
            Err(error) => {
                warn!(%error, "could not fetch rows");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
