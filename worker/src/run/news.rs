//! Progress of a large file, for the progress bar of the coordinator.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sheaf_common::job::TaskId;
use sheaf_common::outcome::{Outcome, Reading, TaskResult};
use sheaf_common::queue::WorkQueue;
use tokio::runtime::Handle;
use tracing::debug;

/// The shortest time between two pieces of news of one task: the bar moves, and the queue hardly
/// notices.
const PACE: Duration = Duration::from_millis(500);

/// Sends the coordinator the progress of a task's large files.
pub struct News<W> {
    queue: W,
    task: TaskId,
    /// The name of the slot that reads the task.
    slot: String,
    runtime: Handle,
    last_sent: Option<Instant>,
    /// Whether the last news is still in flight.
    sending: Arc<AtomicBool>,
}

impl<W: WorkQueue> News<W> {
    pub fn new(queue: W, task: TaskId, slot: String, runtime: Handle) -> Self {
        News { queue, task, slot, runtime, last_sent: None, sending: Arc::default() }
    }

    /// Sends how far a file is, unless news was sent just now. Does not wait for the queue, as the
    /// child would wait, too. Lost news does no harm: the file's report has everything.
    pub fn send(&mut self, reading: Reading) {
        // At most one message is in flight, so that a slow queue cannot pile them up.
        let is_too_soon = self.last_sent.is_some_and(|at| at.elapsed() < PACE);
        if is_too_soon || self.sending.swap(true, Ordering::Relaxed) {
            return;
        }
        self.last_sent = Some(Instant::now());

        let news = Outcome {
            task: self.task,
            slot: self.slot.clone(),
            result: TaskResult::Reading(reading),
        };

        let queue = self.queue.clone();
        let sending = Arc::clone(&self.sending);
        self.runtime.spawn(async move {
            if let Err(error) = queue.notify(news).await {
                debug!(%error, "could not tell how far a file is");
            }
            sending.store(false, Ordering::Relaxed);
        });
    }
}
