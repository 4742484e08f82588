//! The calls to a server that failed lately and have not succeeded since: a run or a worker waits
//! for them.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::fault::Fault;
use crate::queue::QueueError;

/// A failed call is retried within seconds: after this time, its caller has given up.
const RECENT: Duration = Duration::from_secs(30);

/// A failed call is retried, with a result, before this time is over, unless its caller has given
/// up.
const TRIED_AGAIN: Duration = Duration::from_secs(6);

/// The name of a trouble that belongs to no call: a silent connection.
pub const SILENCE: &str = "silence";

/// The last failure of each kind of call, until a call of that kind succeeds. By kind, as a server
/// may answer reads and refuse writes.
#[derive(Default)]
pub struct Troubles {
    /// Whether there are any: saves the lock while all is well.
    some: AtomicBool,
    by_call: Mutex<HashMap<String, Trouble>>,
}

struct Trouble {
    /// When it was first noted, and last.
    since: Instant,
    at: Instant,
    error: QueueError,
}

impl Troubles {
    /// Notes that a call of that kind failed.
    pub fn note(&self, call: &str, fault: &Fault) {
        self.note_since(call, fault, Instant::now());
    }

    /// The same, for a trouble that began at `since`; if it is noted already, its beginning stays.
    pub fn note_since(&self, call: &str, fault: &Fault, since: Instant) {
        self.some.store(true, Ordering::Relaxed);
        let now = Instant::now();
        let error = QueueError::from(fault.clone());
        let mut by_call = self.by_call.lock().expect("no holder panics");

        // A call that was given up long ago was another trouble.
        match by_call.get_mut(call).filter(|trouble| trouble.is_recent()) {
            Some(trouble) => {
                trouble.at = now;
                trouble.error = error;
            }
            None => drop(by_call.insert(call.into(), Trouble { since, at: now, error })),
        }
    }

    /// Notes that a call succeeded; calls `name` only if there is trouble. Any success also ends
    /// [`SILENCE`].
    pub fn clear(&self, name: impl Fn() -> String) {
        if self.some.load(Ordering::Relaxed) {
            let name = name();

            let mut by_call = self.by_call.lock().expect("no holder panics");
            by_call.retain(|call, _| *call != name && call != SILENCE);
            self.some.store(!by_call.is_empty(), Ordering::Relaxed);
        }
    }

    /// The trouble that matters most: a refusal goes before a server that cannot be reached, then
    /// the latest goes first.
    pub fn worst(&self) -> Option<QueueError> {
        if !self.some.load(Ordering::Relaxed) {
            return None;
        }

        let by_call = self.by_call.lock().expect("no holder panics");
        let recent = by_call.values().filter(|trouble| trouble.is_recent());
        let rank = |error: &QueueError| matches!(error, QueueError::Unreachable(_));

        recent
            .min_by_key(|trouble| (rank(&trouble.error), trouble.at.elapsed()))
            .map(|trouble| trouble.error.clone())
    }

    /// For how long calls that are still retried have been failing; `None`: there are none.
    pub fn lasting(&self) -> Option<Duration> {
        if !self.some.load(Ordering::Relaxed) {
            return None;
        }

        let by_call = self.by_call.lock().expect("no holder panics");
        let tried = by_call.values().filter(|trouble| trouble.at.elapsed() < TRIED_AGAIN);
        tried.map(|trouble| trouble.since.elapsed()).max()
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
    fn a_granted_call_leaves_other_refusals_standing() {
        let troubles = Troubles::default();
        troubles.note("LEASE", &Fault::Broken("cut".into()));
        troubles.note("PUSH", &Fault::Busy("no replicas".into()));
        troubles.note(SILENCE, &Fault::Broken("silent".into()));
        assert!(troubles.lasting().is_some());

        troubles.clear(|| "WORKERS".into());
        assert!(
            matches!(troubles.worst(), Some(QueueError::Refused(reason)) if reason.text == "no replicas")
        );

        troubles.clear(|| "PUSH".into());
        assert!(
            matches!(troubles.worst(), Some(QueueError::Unreachable(reason)) if reason.text == "cut")
        );

        troubles.clear(|| "LEASE".into());
        assert!(troubles.worst().is_none() && troubles.lasting().is_none());
    }
}
