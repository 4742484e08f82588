//! How a run hears that it is to stop, or that someone wants to know how far it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sheaf_worker::signals::Stop;
use tokio::sync::watch;

/// What a run hears while it goes on. All clones hear the same.
#[derive(Debug, Clone)]
pub struct Interrupt {
    stop: watch::Receiver<Option<Stop>>,
    asked: watch::Receiver<()>,
    begun: Arc<AtomicBool>,
}

/// The other end of an [`Interrupt`].
#[derive(Debug)]
pub struct Interrupter {
    stop: watch::Sender<Option<Stop>>,
    asked: watch::Sender<()>,
    begun: Arc<AtomicBool>,
}

impl Interrupter {
    /// Has the run stop cleanly. The first word counts.
    pub fn stop(&self, stop: Stop) {
        self.stop.send_if_modified(|told| {
            let is_first = told.is_none();
            told.get_or_insert(stop);
            is_first
        });
    }

    /// Has the run tell how far it is.
    pub fn ask(&self) {
        self.asked.send_modify(|()| {});
    }

    /// Whether the run sees to it itself that it stops: before, there is nothing to stop.
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }
}

impl Interrupt {
    /// The two ends.
    pub fn new() -> (Interrupter, Interrupt) {
        let (stop_sender, stop) = watch::channel(None);
        let (asked_sender, asked) = watch::channel(());
        let begun = Arc::new(AtomicBool::new(false));

        let interrupter =
            Interrupter { stop: stop_sender, asked: asked_sender, begun: Arc::clone(&begun) };

        (interrupter, Interrupt { stop, asked, begun })
    }

    /// From now on the run itself sees to it that it stops.
    pub fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    /// Why the run is to stop, if it is.
    pub fn told(&self) -> Option<Stop> {
        *self.stop.borrow()
    }

    /// Waits for the word to stop; returns at once if it has come already.
    pub async fn stopped(&mut self) -> Stop {
        let told = self.stop.wait_for(Option::is_some).await.map(|stop| *stop);

        match told {
            Ok(stop) => stop.expect("just looked"),
            Err(_) => std::future::pending().await, // Nobody is left who could say it.
        }
    }

    /// Waits until someone asks how far the run is.
    pub async fn asked(&mut self) {
        if self.asked.changed().await.is_err() {
            std::future::pending().await
        }
    }
}
