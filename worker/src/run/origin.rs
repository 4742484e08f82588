//! A queue that this worker serves, with its hold on that queue's tasks.

use std::sync::Arc;

use sheaf_common::queue::{Completion, Lease, WorkQueue};
use tokio::sync::mpsc::UnboundedSender;
use tracing::debug;

use super::held::Held;

/// Where a task came from. Its finisher ends when the last clone is gone.
#[derive(Clone)]
pub struct Origin<W> {
    /// Its place among the queues of this worker.
    pub index: usize,
    pub queue: W,
    pub held: Arc<Held>,
    outcomes: UnboundedSender<Completion>,
}

impl<W: WorkQueue> Origin<W> {
    /// Outcomes go to `outcomes`, where the queue's finisher listens.
    pub fn new(
        index: usize,
        queue: W,
        held: Arc<Held>,
        outcomes: UnboundedSender<Completion>,
    ) -> Self {
        Origin { index, queue, held, outcomes }
    }

    /// Hands a task back, which this worker cannot do.
    pub async fn let_go(&self, lease: Lease) {
        // It is no longer held, so it is not extended: if this fails, its lease ends.
        self.held.remove(&lease);
        if let Err(error) = self.queue.release_if_held(vec![lease]).await {
            debug!(%error, "could not hand a task back; its lease will end");
        }
    }

    /// Hands in the outcome of a task.
    pub fn finish(&self, completion: Completion) {
        // Fails only after the queue has become unusable, which ends the worker.
        let _ = self.outcomes.send(completion);
    }
}
