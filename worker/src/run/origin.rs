//! A queue that this worker serves, with its hold on that queue's tasks.

use std::sync::Arc;

use sheaf_common::queue::{Completion, Queue};
use tokio::sync::mpsc::UnboundedSender;

use super::held::Held;

/// Where a task came from. Its finisher ends when the last clone is gone.
#[derive(Clone)]
pub struct Origin<Q> {
    /// Its place among the queues of this worker.
    pub index: usize,
    pub queue: Q,
    pub held: Arc<Held>,
    outcomes: UnboundedSender<Completion>,
}

impl<Q: Queue> Origin<Q> {
    /// What is handed in goes to `outcomes`, where the queue's finisher listens.
    pub fn new(index: usize, queue: Q, held: Arc<Held>, outcomes: UnboundedSender<Completion>) -> Self {
        Origin { index, queue, held, outcomes }
    }

    /// Hands in what a task came to.
    pub fn finish(&self, completion: Completion) {
        let _ = self.outcomes.send(completion); // Fails only after the queue has become unusable, which ends the worker.
    }
}
