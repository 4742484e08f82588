//! The leases of a worker of which its server does not know yet that the answer was heard.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// How long a hold waits for a call that confirms it by the way.
pub const PAUSE: Duration = Duration::from_secs(1);

/// The holds whose answers this worker received, while the server does not know that yet.
#[derive(Default)]
pub struct Unconfirmed(Mutex<Holds>);

#[derive(Default)]
struct Holds {
    /// Each with when it was heard of, in that order.
    heard: Vec<(Instant, String)>,
    /// Whether a task sees to it that they are confirmed.
    watched: bool,
}

impl Unconfirmed {
    /// Takes note of a hold; `true` if no task watches yet.
    pub fn add(&self, hold: String) -> bool {
        let mut holds = self.0.lock().expect("no holder panics");
        holds.heard.push((Instant::now(), hold));
        !std::mem::replace(&mut holds.watched, true)
    }

    /// The holds that a lease call can confirm.
    pub fn all(&self) -> Vec<String> {
        let holds = self.0.lock().expect("no holder panics");
        holds.heard.iter().map(|(_, hold)| hold.clone()).collect()
    }

    /// Forgets holds that the server knows of, or for which it is too late.
    pub fn settle(&self, confirmed: &[String]) {
        self.0
            .lock()
            .expect("no holder panics")
            .heard
            .retain(|(_, hold)| !confirmed.contains(hold));
    }

    /// When the first of them must be confirmed; `None`: there are none, and from here on no task
    /// watches.
    pub fn next(&self) -> Option<Instant> {
        let mut holds = self.0.lock().expect("no holder panics");
        holds.watched = !holds.heard.is_empty();
        holds.heard.first().map(|(heard, _)| *heard + PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_watcher_stays_while_holds_are_unconfirmed() {
        let holds = Unconfirmed::default();
        assert!(holds.add("1:a".into()));
        assert!(!holds.add("2:a".into()));
        assert_eq!(holds.all(), ["1:a", "2:a"]);

        holds.settle(&["1:a".into()]);
        assert!(holds.next().is_some());

        holds.settle(&["2:a".into()]);
        assert!(holds.next().is_none());

        assert!(holds.add("3:a".into()), "who watched has left");
    }
}
