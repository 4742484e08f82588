//! Fetches the rows that a render task needs and this worker lacks.

use std::sync::{Arc, Mutex};

use sheaf_common::queue::{QueueError, WorkQueue};
use sheaf_common::row::Block;
use sheaf_common::rows::RowsKey;
use tokio::sync::mpsc;
use tracing::warn;

use super::Tally;
use super::fitness::{Failures, Fitness, PAUSE};
use super::slots::{Job, Slots};

/// Fetches rows and passes their tasks on to the slots. Cheap to clone.
#[derive(Clone)]
pub struct MissingRows<W: WorkQueue> {
    pub slots: Slots<W>,
    pub fitness: Arc<Fitness>,
    pub tally: Arc<Tally>,
    /// Failures of fetching rows in a row, over all queues.
    pub failures: Arc<Mutex<Failures>>,
    /// Takes the error that ends the worker.
    pub hopeless: mpsc::Sender<QueueError>,
}

impl<W: WorkQueue> MissingRows<W> {
    /// Fetches the rows of a task and passes it to the slots, or hands it back if that fails.
    pub async fn bring(self, mut job: Job<W>, keys: Vec<RowsKey>) {
        let lap = self.tally.steps.calls.lap();
        let fetched = fetch(&job.origin.queue, keys).await;
        drop(lap);

        match fetched {
            Ok(found) => {
                *self.failures.lock().expect("no holder panics") = Failures::default();
                job.rows.extend(found);
                self.slots.hand(job);
            }
            // The channel holds one error, which is enough to end the worker.
            Err(error @ QueueError::Unusable(_)) => drop(self.hopeless.try_send(error)),
            // Only `QueueError::Here` is left: another worker may have connections to spare.
            Err(error) => {
                job.origin.let_go(job.leased.lease).await;

                let pause = {
                    let mut failures = self.failures.lock().expect("no holder panics");
                    self.fitness.call_failed(&mut failures, &error, &self.tally)
                };

                tokio::time::sleep(pause.unwrap_or(PAUSE)).await;
                // After the pause, or another task would be leased at once and fail the same way.
                self.slots.room().add_permits(1);
            }
        }
    }
}

/// Fetches those of the rows that the queue still has.
///
/// # Errors
/// [`QueueError::Unusable`]; [`QueueError::Here`], as another worker may reach them. Anything else
/// is retried until the caller drops this future.
async fn fetch<W: WorkQueue>(
    queue: &W,
    keys: Vec<RowsKey>,
) -> Result<Vec<(RowsKey, Block)>, QueueError> {
    loop {
        match queue.rows(keys.clone()).await {
            // Leave out rows that the queue has lost: rendering finds and reports them.
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
