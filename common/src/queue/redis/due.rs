//! Chores that are due at intervals.

use std::time::Duration;

use tokio::time::Instant;

/// When a chore is due.
pub struct Due {
    every: Duration,
    /// `None`: it was never done, and is due at once.
    last: Option<Instant>,
}

impl Due {
    /// Due at once, and then this long after each time.
    pub fn at_once(every: Duration) -> Self {
        Due { every, last: None }
    }

    /// Due for the first time after this time.
    pub fn later(every: Duration) -> Self {
        Due { every, last: Some(Instant::now()) }
    }

    pub fn is_due(&self) -> bool {
        self.last.is_none_or(|last| last.elapsed() >= self.every)
    }

    /// Notes that it is done now.
    pub fn done(&mut self) {
        self.last = Some(Instant::now());
    }

    /// Whether it is due; if so, it counts as done.
    pub fn take(&mut self) -> bool {
        let due = self.is_due();
        if due {
            self.done();
        }
        due
    }

    /// Makes it due at once.
    pub fn reset(&mut self) {
        self.last = None;
    }
}
