//! What a server refused lately and has not granted since: what a run or a worker waits for.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::fault::Fault;
use crate::queue::QueueError;

/// What was refused is tried again within seconds: after so long, whoever wanted it has given up.
const RECENT: Duration = Duration::from_secs(30);

/// The last refusal of each kind of call, until one of that kind goes through: a server may answer what reads and refuse
/// what writes.
#[derive(Default)]
pub struct Troubles {
    /// Whether there are any: spares good days the lock.
    some: AtomicBool,
    by_call: Mutex<HashMap<String, Trouble>>,
}

struct Trouble {
    /// When it was met first, and last.
    since: Instant,
    at: Instant,
    error: QueueError,
}

impl Troubles {
    /// Notes that a call of that name failed.
    pub fn note(&self, call: &str, fault: &Fault) {
        self.some.store(true, Ordering::Relaxed);
        let (now, error) = (Instant::now(), QueueError::from(fault.clone()));
        let mut by_call = self.by_call.lock().expect("no holder panics");

        // What was given up long ago is another trouble.
        match by_call.get_mut(call).filter(|trouble| trouble.is_recent()) {
            Some(trouble) => (trouble.at, trouble.error) = (now, error),
            None => drop(by_call.insert(call.into(), Trouble { since: now, at: now, error })),
        }
    }

    /// Notes that a call went through; `name` is asked only if there was trouble. The server answers, so that it was not
    /// reached is over, whatever call that was.
    pub fn clear(&self, name: impl Fn() -> String) {
        if self.some.load(Ordering::Relaxed) {
            let name = name();
            let mut by_call = self.by_call.lock().expect("no holder panics");
            by_call.retain(|call, trouble| *call != name && !matches!(trouble.error, QueueError::Unreachable(_)));
            self.some.store(!by_call.is_empty(), Ordering::Relaxed);
        }
    }

    /// The trouble that there is: what the server said goes before that it was not reached.
    pub fn worst(&self) -> Option<QueueError> {
        if !self.some.load(Ordering::Relaxed) {
            return None;
        }
        let by_call = self.by_call.lock().expect("no holder panics");
        let recent = by_call.values().filter(|trouble| trouble.is_recent());
        let rank = |error: &QueueError| matches!(error, QueueError::Unreachable(_));
        recent.min_by_key(|trouble| (rank(&trouble.error), trouble.at.elapsed())).map(|trouble| trouble.error.clone())
    }

    /// Whether there is a trouble that has lasted for so long.
    pub fn last_for(&self, at_least: Duration) -> bool {
        if !self.some.load(Ordering::Relaxed) {
            return false;
        }
        let by_call = self.by_call.lock().expect("no holder panics");
        by_call.values().any(|trouble| trouble.is_recent() && trouble.since.elapsed() >= at_least)
    }
}

impl Trouble {
    fn is_recent(&self) -> bool {
        self.at.elapsed() < RECENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_call_is_granted_says_nothing_of_what_another_is_refused() {
        let troubles = Troubles::default();
        troubles.note("PUSH", &Fault::Busy("no replicas".into()));
        troubles.note("LEASE", &Fault::Broken("cut".into()));
        assert!(matches!(troubles.worst(), Some(QueueError::Refused(reason)) if reason == "no replicas"));

        troubles.clear(|| "WORKERS".into());
        assert!(matches!(troubles.worst(), Some(QueueError::Refused(_))));

        troubles.clear(|| "PUSH".into());
        assert!(troubles.worst().is_none(), "a server that answers is reached");
    }
}
