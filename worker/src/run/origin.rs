//! A queue that this worker serves, and the leases that it holds from it.

use std::sync::Arc;

use sheaf_common::queue::{Completion, Lease, WorkQueue};
use tokio::sync::mpsc::UnboundedSender;
use tracing::debug;

use super::held::Held;

/// The queue that a task came from. Its finisher ends when the last clone is dropped.
#[derive(Clone)]
pub struct Origin<W> {
    /// The position among the queues of this worker, from 0.
    pub index: usize,
    pub queue: W,
    pub held: Arc<Held>,
    outcomes: UnboundedSender<Completion>,
}

impl<W: WorkQueue> Origin<W> {
    /// Outcomes go into `outcomes`, which the queue's finisher reads.
    pub fn new(
        index: usize,
        queue: W,
        held: Arc<Held>,
        outcomes: UnboundedSender<Completion>,
    ) -> Self {
        Origin { index, queue, held, outcomes }
    }

    /// Hands back a task that this worker cannot do.
    pub async fn let_go(&self, lease: Lease) {
        // First stop extending it. If the call then fails, the lease ends by itself.
        self.held.remove(&lease);
        if let Err(error) = self.queue.release_if_held(vec![lease]).await {
            debug!(%error, "could not hand a task back; its lease will end");
        }
    }

    /// Hands in the outcome of a task.
    pub fn finish(&self, completion: Completion) {
        // The receiver is gone only if the queue became unusable, which ends the worker.
        let _ = self.outcomes.send(completion);
    }
}
