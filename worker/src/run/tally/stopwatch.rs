//! A sum of seconds that several may add to at once.

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Sums the time that some spend in a step, while they do: two for a second are two seconds. A step
/// that never ends is seen, too.
#[derive(Debug, Default)]
pub struct Stopwatch(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How many are in the step.
    running: u32,
    /// When that number changed; `None`: never.
    since: Option<Instant>,
    /// The time until then.
    spent: Duration,
}

impl State {
    /// The time until `now`.
    fn spent(&self, now: Instant) -> Duration {
        let since = self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        self.spent.saturating_add(since.saturating_mul(self.running))
    }

    fn advance(&mut self) {
        let now = Instant::now();
        self.spent = self.spent(now);
        self.since = Some(now);
    }
}

impl Stopwatch {
    /// Someone enters the step, and is in it until the lap is dropped.
    #[must_use = "the step ends when this is dropped"]
    pub fn lap(&self) -> Lap<'_> {
        let mut state = self.lock();
        state.advance();
        state.running = state.running.saturating_add(1);
        Lap(self)
    }

    /// The time that was spent so far, by all together. It never decreases.
    pub fn spent(&self) -> Duration {
        self.lock().spent(Instant::now())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

/// One who is in a step.
#[derive(Debug)]
pub struct Lap<'a>(&'a Stopwatch);

impl Drop for Lap<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.advance();
        state.running = state.running.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laps_at_once_add_up() {
        let watch = Stopwatch::default();
        assert_eq!(watch.spent(), Duration::ZERO);

        let laps = [watch.lap(), watch.lap()];
        std::thread::sleep(Duration::from_millis(20));
        // While they go on.
        assert!(watch.spent() >= Duration::from_millis(40));

        drop(laps);
        let spent = watch.spent();
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(watch.spent(), spent);
    }
}
