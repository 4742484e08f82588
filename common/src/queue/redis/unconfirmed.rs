//! The lease ids that a worker has received, and not yet confirmed to the server.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// How long a lease id waits for another call that confirms it along the way.
pub const PAUSE: Duration = Duration::from_secs(1);

/// The lease ids that this worker received, and the server does not know to be received.
#[derive(Default)]
pub struct Unconfirmed(Mutex<LeaseIds>);

#[derive(Default)]
struct LeaseIds {
    /// Each with the moment at which it was received, in that order.
    received: Vec<(Instant, String)>,
    /// Whether a task of the runtime sees to it that they are confirmed.
    watched: bool,
}

impl Unconfirmed {
    /// Adds a lease id; `true`: no task watches yet, so the caller must start one.
    pub fn add(&self, lease_id: String) -> bool {
        let mut lease_ids = self.0.lock().expect("no holder panics");
        lease_ids.received.push((Instant::now(), lease_id));
        !std::mem::replace(&mut lease_ids.watched, true)
    }

    /// All lease ids, for a call to confirm.
    pub fn all(&self) -> Vec<String> {
        let lease_ids = self.0.lock().expect("no holder panics");
        lease_ids.received.iter().map(|(_, lease_id)| lease_id.clone()).collect()
    }

    /// Drops lease ids that are confirmed, or for which it is too late.
    pub fn settle(&self, confirmed: &[String]) {
        self.0
            .lock()
            .expect("no holder panics")
            .received
            .retain(|(_, lease_id)| !confirmed.contains(lease_id));
    }

    /// When the first of them must be confirmed; `None`: there are none, and the task that watches
    /// must end, as the next [`Unconfirmed::add`] asks for another.
    pub fn next(&self) -> Option<Instant> {
        let mut lease_ids = self.0.lock().expect("no holder panics");
        lease_ids.watched = !lease_ids.received.is_empty();
        lease_ids.received.first().map(|(received, _)| *received + PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_watcher_stays_while_leases_are_unconfirmed() {
        let lease_ids = Unconfirmed::default();
        assert!(lease_ids.add("1:a".into()));
        assert!(!lease_ids.add("2:a".into()));
        assert_eq!(lease_ids.all(), ["1:a", "2:a"]);

        lease_ids.settle(&["1:a".into()]);
        assert!(lease_ids.next().is_some());

        lease_ids.settle(&["2:a".into()]);
        assert!(lease_ids.next().is_none());

        assert!(lease_ids.add("3:a".into()), "the watcher has left");
    }
}
