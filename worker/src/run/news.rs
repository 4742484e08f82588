//! News of a large file: how far it is, for the progress that people see.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sheaf_common::job::TaskId;
use sheaf_common::outcome::{Outcome, Reading, TaskResult};
use sheaf_common::queue::WorkQueue;
use tokio::runtime::Handle;
use tracing::debug;

/// The shortest time between two news of a task: often enough for a bar that moves, and next to
/// nothing for the queue.
const PACE: Duration = Duration::from_millis(500);

/// Tells the coordinator how far the large files of a task are.
pub struct News<W> {
    queue: W,
    task: TaskId,
    /// Which slot reads it.
    slot: String,
    runtime: Handle,
    told: Option<Instant>,
    /// Whether the last news are still on their way.
    sending: Arc<AtomicBool>,
}

impl<W: WorkQueue> News<W> {
    pub fn new(queue: W, task: TaskId, slot: String, runtime: Handle) -> Self {
        News { queue, task, slot, runtime, told: None, sending: Arc::default() }
    }

    /// Tells how far a file is, unless something was told just now. It waits for nobody, as the
    /// file's child would wait with it: news that do not arrive are no loss, the report tells all.
    pub fn tell(&mut self, reading: Reading) {
        let is_too_soon = self.told.is_some_and(|told| told.elapsed() < PACE);
        if is_too_soon || self.sending.swap(true, Ordering::Relaxed) {
            return;
        }
        self.told = Some(Instant::now());

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
