//! Stops a run from outside, changes its priority, or asks how far it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sheaf_common::queue::Priority;
use sheaf_worker::signals::Stop;
use tokio::sync::watch;

/// Why a run must stop before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// This process got a signal.
    Signal(Stop),
    /// Somebody cancelled its job.
    Cancelled,
    /// Somebody paused its job.
    Paused,
    /// More of its files failed than its job allows.
    OverBudget,
    /// The service that runs it stops.
    ServiceStops,
}

impl Cause {
    /// What stopped it, as in "stopped by …".
    pub fn name(self) -> &'static str {
        match self {
            Cause::Signal(stop) => stop.name(),
            Cause::Cancelled => "a cancel",
            Cause::Paused => "a pause",
            Cause::OverBudget => "its failure budget",
            Cause::ServiceStops => "the end of the service",
        }
    }

    /// How the job goes on. `by_command`: the hint if the user runs the same command again.
    pub fn go_on(self, by_command: &'static str) -> &'static str {
        match self {
            Cause::Signal(_) => by_command,
            Cause::Paused => "what is done so far is kept: `sheaf resume` goes on from there",
            Cause::Cancelled | Cause::OverBudget => {
                "what is done so far is kept: `sheaf retry` goes on from there"
            }
            Cause::ServiceStops => {
                "what is done so far is kept: the service goes on from there when it is started \
                 again"
            }
        }
    }
}

impl From<Stop> for Cause {
    fn from(stop: Stop) -> Self {
        Cause::Signal(stop)
    }
}

/// The run's end: it receives the stop, the questions and the priority. All clones receive the
/// same.
#[derive(Debug, Clone)]
pub struct Interrupt {
    stop: watch::Receiver<Option<Cause>>,
    asked: watch::Receiver<()>,
    /// `None`: that of its owner.
    priority: watch::Receiver<Option<Priority>>,
    begun: Arc<AtomicBool>,
}

/// The caller's end, which sends to an [`Interrupt`].
#[derive(Debug)]
pub struct Interrupter {
    stop: watch::Sender<Option<Cause>>,
    asked: watch::Sender<()>,
    priority: watch::Sender<Option<Priority>>,
    begun: Arc<AtomicBool>,
}

impl Interrupter {
    /// Tells the run to stop cleanly. Only the first call counts.
    ///
    /// What is stored stays, so that a later run goes on; the job leaves the queue.
    pub fn stop(&self, cause: impl Into<Cause>) {
        self.stop.send_if_modified(|pending| {
            // Messages name the first cause.
            let is_first = pending.is_none();
            pending.get_or_insert(cause.into());
            is_first
        });
    }

    /// Gives the job of the run this priority, within a moment if it runs already. The last call
    /// counts. Before the first, the priority is [`Priority::Normal`].
    pub fn prioritise(&self, priority: Priority) {
        self.priority.send_replace(Some(priority));
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
        let (priority_sender, priority) = watch::channel(None);
        let begun = Arc::new(AtomicBool::new(false));

        let interrupter = Interrupter {
            stop: stop_sender,
            asked: asked_sender,
            priority: priority_sender,
            begun: Arc::clone(&begun),
        };

        (interrupter, Interrupt { stop, asked, priority, begun })
    }

    /// From now on, the run handles interrupts itself.
    pub fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    /// Why the run must stop; `None` if it need not.
    pub fn pending_stop(&self) -> Option<Cause> {
        *self.stop.borrow()
    }

    /// Waits until the run must stop; returns at once if it already must.
    pub async fn stopped(&mut self) -> Cause {
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

    /// The priority that the job has now. Clones that are made later hear only of changes after
    /// this.
    pub fn priority(&mut self) -> Priority {
        self.priority.borrow_and_update().unwrap_or_default()
    }

    /// Waits until the priority changes; returns the new one. Each clone hears of a change once.
    pub async fn prioritised(&mut self) -> Priority {
        // The caller's end is gone: no change will come.
        if self.priority.changed().await.is_err() {
            std::future::pending().await
        }

        self.priority.borrow_and_update().unwrap_or_default()
    }
}
