//! Stops a run from outside, or asks how far it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sheaf_worker::signals::Stop;
use tokio::sync::watch;

/// The run's end: it receives the stop and the questions. All clones receive the same.
#[derive(Debug, Clone)]
pub struct Interrupt {
    stop: watch::Receiver<Option<Stop>>,
    asked: watch::Receiver<()>,
    begun: Arc<AtomicBool>,
}

/// The caller's end, which sends to an [`Interrupt`].
#[derive(Debug)]
pub struct Interrupter {
    stop: watch::Sender<Option<Stop>>,
    asked: watch::Sender<()>,
    begun: Arc<AtomicBool>,
}

impl Interrupter {
    /// Tells the run to stop cleanly. Only the first call counts.
    pub fn stop(&self, stop: Stop) {
        self.stop.send_if_modified(|pending| {
            // Messages name the first signal.
            let is_first = pending.is_none();
            pending.get_or_insert(stop);
            is_first
        });
    }

    /// Asks the run to say how far it is.
    pub fn ask(&self) {
        self.asked.send_modify(|()| {});
    }

    /// Whether the run handles interrupts itself. Before that, there is nothing to stop.
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }
}

impl Interrupt {
    /// Makes both ends.
    pub fn new() -> (Interrupter, Interrupt) {
        let (stop_sender, stop) = watch::channel(None);
        let (asked_sender, asked) = watch::channel(());
        let begun = Arc::new(AtomicBool::new(false));

        let interrupter =
            Interrupter { stop: stop_sender, asked: asked_sender, begun: Arc::clone(&begun) };

        (interrupter, Interrupt { stop, asked, begun })
    }

    /// From now on, the run handles interrupts itself.
    pub fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    /// Why the run must stop; `None` if it need not.
    pub fn pending_stop(&self) -> Option<Stop> {
        *self.stop.borrow()
    }

    /// Waits until the run must stop; returns at once if it already must.
    pub async fn stopped(&mut self) -> Stop {
        let stop = self.stop.wait_for(Option::is_some).await.map(|stop| *stop);

        match stop {
            Ok(stop) => stop.expect("just looked"),
            Err(_) => std::future::pending().await, // The caller's end is gone.
        }
    }

    /// Waits until the caller asks how far the run is.
    pub async fn asked(&mut self) {
        // The caller's end is gone: no question will come.
        if self.asked.changed().await.is_err() {
            std::future::pending().await
        }
    }
}
