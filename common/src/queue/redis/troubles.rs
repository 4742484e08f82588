//! The requests that a server refused lately and has not granted since: a run or a worker waits for
//! them.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::fault::Fault;
use crate::queue::QueueError;

/// A request that was refused is tried again within seconds: after this time, its caller has given
/// up.
const RECENT: Duration = Duration::from_secs(30);

/// A call that failed is tried again sooner than that, and fails sooner or goes through, unless it
/// was given up.
const TRIED_AGAIN: Duration = Duration::from_secs(6);

/// The name of a trouble that is no call's: that nothing comes.
pub const SILENCE: &str = "silence";

/// The last refusal of each kind of call, until one of that kind goes through: a server may answer
/// what reads and refuse what writes.
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
        self.note_since(call, fault, Instant::now());
    }

    /// The same of what began at that moment, unless it was noted before.
    pub fn note_since(&self, call: &str, fault: &Fault, since: Instant) {
        self.some.store(true, Ordering::Relaxed);
        let now = Instant::now();
        let error = QueueError::from(fault.clone());
        let mut by_call = self.by_call.lock().expect("no holder panics");

        // What was given up long ago is another trouble.
        match by_call.get_mut(call).filter(|trouble| trouble.is_recent()) {
            Some(trouble) => {
                trouble.at = now;
                trouble.error = error;
            }
            None => drop(by_call.insert(call.into(), Trouble { since, at: now, error })),
        }
    }

    /// Notes that a call went through; calls `name` only if there was trouble. It also ends the
    /// trouble of a silent server, whichever call found that.
    pub fn clear(&self, name: impl Fn() -> String) {
        if self.some.load(Ordering::Relaxed) {
            let name = name();

            let mut by_call = self.by_call.lock().expect("no holder panics");
            by_call.retain(|call, _| *call != name && call != SILENCE);
            self.some.store(!by_call.is_empty(), Ordering::Relaxed);
        }
    }

    /// The trouble that matters most: a refusal of the server goes before not reaching it.
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

    /// For how long calls have failed that are tried again; `None`: none is just now.
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
