//! Signals while a run goes on: the first wish to stop stops cleanly, the second at once; SIGUSR1
//! wants to know how far it is.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sheaf_worker::signals::{self, Stop, Wish};
use tokio::sync::watch;

/// Why a run is ended at once, without stopping cleanly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtOnce {
    /// The run had not begun: there was nothing to stop.
    NotBegun,
    /// It is the second wish to stop.
    ToldAgain,
}

/// The signals that a run hears. All clones hear the same.
#[derive(Debug, Clone)]
pub struct Interrupt {
    stop: watch::Receiver<Option<Stop>>,
    asked: watch::Receiver<()>,
    begun: Arc<AtomicBool>,
}

impl Interrupt {
    /// Takes the signals from now on. `at_once` is called, and is not to return, when a wish to
    /// stop comes before [`Interrupt::begin`], and when a second one comes after it.
    ///
    /// # Errors
    /// When the system gives no signal handlers.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn watch(at_once: impl Fn(Stop, AtOnce) + Send + 'static) -> io::Result<Self> {
        let mut wishes = signals::listen()?;
        let (stop_sender, stop) = watch::channel(None);
        let (asked_sender, asked) = watch::channel(());
        let begun = Arc::new(AtomicBool::new(false));

        let has_begun = Arc::clone(&begun);
        tokio::spawn(async move {
            while let Some(wish) = wishes.recv().await {
                match wish {
                    Wish::Progress => asked_sender.send_modify(|()| {}),
                    Wish::Stop(stop) if has_begun.load(Ordering::Relaxed) => {
                        let _ = stop_sender.send_replace(Some(stop));
                    }
                    // Nothing was begun yet that could stop by itself.
                    Wish::Stop(stop) => at_once(stop, AtOnce::NotBegun),
                    Wish::StopAtOnce(stop) => at_once(stop, AtOnce::ToldAgain),
                }
            }
        });

        Ok(Interrupt { stop, asked, begun })
    }

    /// From now on the run itself sees to it that it stops.
    pub fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    /// The signal that wants the run to stop, if there was one.
    pub fn told(&self) -> Option<Stop> {
        *self.stop.borrow()
    }

    /// Waits for the signal to stop; returns at once if it has come already.
    pub async fn stopped(&mut self) -> Stop {
        match self.stop.wait_for(Option::is_some).await {
            Ok(stop) => stop.expect("just looked"),
            Err(_) => std::future::pending().await, // Nobody listens any more.
        }
    }

    /// Waits until someone asks how far the run is.
    pub async fn asked(&mut self) {
        if self.asked.changed().await.is_err() {
            std::future::pending().await
        }
    }
}
