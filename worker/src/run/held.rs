//! The leases that this worker holds, and their extension.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sheaf_common::queue::{Lease, WorkQueue};
use tracing::{debug, warn};

use super::Tally;

/// The leases whose tasks are neither handed in nor handed back.
#[derive(Default)]
pub struct Held {
    leases: Mutex<HashSet<Lease>>,
}

impl Held {
    pub fn add(&self, lease: Lease) {
        self.leases.lock().expect("no holder of this lock panics").insert(lease);
    }

    pub fn remove(&self, lease: &Lease) {
        self.leases.lock().expect("no holder of this lock panics").remove(lease);
    }

    pub fn all(&self) -> Vec<Lease> {
        self.leases.lock().expect("no holder of this lock panics").iter().cloned().collect()
    }
}

/// The longest time between two extensions. A worker must be heard of this often, however long its
/// leases are, or it counts as vanished.
const LONGEST: Duration = Duration::from_secs(10);

/// The interval at which leases of the given length are extended.
fn every(lease: Duration) -> Duration {
    (lease / 3).min(LONGEST)
}

/// Extends every held lease after each third of its length, or each [`LONGEST`] if that is shorter;
/// never returns.
///
/// Does not drop a lost lease: the outcome of its task is still handed in, and refused. Retries an
/// unreachable queue at the next turn.
pub async fn extend<W: WorkQueue>(queue: W, held: Arc<Held>, tally: Arc<Tally>) {
    let mut turns = tokio::time::interval(every(queue.traits().lease));
    // After a stall, one extension is enough: a burst would extend the same leases again.
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);

    loop {
        turns.tick().await;

        let leases = held.all();
        if leases.is_empty() {
            continue;
        }

        match queue.extend_if_held(leases).await {
            Ok(lost) => {
                tally.polled();
                // Most were completed while this call was in flight; a real loss is reported when
                // its result is refused.
                lost.iter().for_each(|lease| debug!(task = %lease.task, "holds a lease no more"));
            }
            Err(error) => warn!(%error, "could not extend leases"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_are_extended_at_least_every_10_seconds() {
        let seconds = [1.5, 30.0, 90.0, 86_400.0]
            .map(|lease| every(Duration::from_secs_f64(lease)).as_secs_f64());
        assert_eq!(seconds, [0.5, 10.0, 10.0, 10.0]);
    }
}
