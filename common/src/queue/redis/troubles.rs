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
    by_call: Mutex<HashMap<String, (Instant, QueueError)>>,
}

impl Troubles {
    /// Notes that a call of that name failed.
    pub fn note(&self, call: &str, fault: &Fault) {
        self.some.store(true, Ordering::Relaxed);
        let trouble = (Instant::now(), fault.clone().into());
        self.by_call.lock().expect("no holder panics").insert(call.into(), trouble);
    }

    /// Notes that a call went through; `name` is asked only if there was trouble.
    pub fn clear(&self, name: impl Fn() -> String) {
        if self.some.load(Ordering::Relaxed) {
            let mut by_call = self.by_call.lock().expect("no holder panics");
            by_call.remove(&name());
            self.some.store(!by_call.is_empty(), Ordering::Relaxed);
        }
    }

    /// The trouble that there is: what the server said goes before that it was not reached.
    pub fn worst(&self) -> Option<QueueError> {
        if !self.some.load(Ordering::Relaxed) {
            return None;
        }
        let by_call = self.by_call.lock().expect("no holder panics");
        let recent = by_call.values().filter(|(at, _)| at.elapsed() < RECENT);
        let rank = |error: &QueueError| matches!(error, QueueError::Unreachable(_));
        recent.min_by_key(|(at, error)| (rank(error), at.elapsed())).map(|(_, error)| error.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_call_is_granted_says_nothing_of_another() {
        let troubles = Troubles::default();
        troubles.note("LEASE", &Fault::Broken("cut".into()));
        troubles.note("PUSH", &Fault::Busy("no replicas".into()));
        troubles.clear(|| "WORKERS".into());
        assert!(matches!(troubles.worst(), Some(QueueError::Refused(reason)) if reason == "no replicas"));
        troubles.clear(|| "PUSH".into());
        assert!(matches!(troubles.worst(), Some(QueueError::Unreachable(_))));
        troubles.clear(|| "LEASE".into());
        assert!(troubles.worst().is_none());
    }
}
