//! Tells the server that the answer to a lease call was heard. A lease that nobody confirms goes to
//! others after [`UNCONFIRMED`].
//!
//! A server that was frozen, or a network that comes back, runs requests whose clients gave up long
//! ago: nobody works on what they lease. The next call that leases something confirms by the way;
//! only if none comes for [`PAUSE`](super::unconfirmed::PAUSE), a command of its own does.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::debug;

use super::of_worker::OfWorker;

/// After this time, by the server's clock, a lease that was not confirmed goes to others.
pub const UNCONFIRMED: Duration = Duration::from_secs(3);

/// Takes note that the answer came in which this hold was given.
pub fn heard(worker: &Arc<OfWorker>, hold: String) {
    if worker.unconfirmed.add(hold) {
        tokio::spawn(watch(Arc::clone(worker)));
    }
}

/// Confirms what no other call confirms in time, until there is nothing to confirm.
async fn watch(worker: Arc<OfWorker>) {
    while let Some(due) = worker.unconfirmed.next() {
        if due > Instant::now() {
            tokio::time::sleep_until(due).await;
            continue; // Most were confirmed meanwhile.
        }

        let holds = worker.unconfirmed.all();
        let mut command = redis::cmd("ZREM");
        command.arg(worker.shared.keys.unconfirmed()).arg(&holds);

        if let Err(error) = worker.shared.pulse.request(&command).await {
            debug!(%error, "could not confirm leases; others may get their tasks");
        }

        worker.unconfirmed.settle(&holds);
    }
}
