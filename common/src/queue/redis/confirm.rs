//! Tells the server that the answer to a lease call arrived. Tasks under a lease id that is not
//! confirmed go to others after [`UNCONFIRMED`].
//!
//! After a server was frozen or a network was down, the server runs requests whose clients gave up
//! long ago, and no worker would do the tasks that they lease. The worker's next lease call
//! confirms along the way; a separate command does if none comes within
//! [`PAUSE`](super::unconfirmed::PAUSE).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::debug;

use super::of_worker::OfWorker;

/// Tasks under an unconfirmed lease id go to others after this time by the server's clock.
pub const UNCONFIRMED: Duration = Duration::from_secs(3);

/// Notes that the answer with this lease id arrived; sees to it that the server learns so in time.
pub fn heard(worker: &Arc<OfWorker>, lease_id: String) {
    if worker.unconfirmed.add(lease_id) {
        tokio::spawn(watch(Arc::clone(worker)));
    }
}

/// Confirms the lease ids that no lease call confirms in time; ends when there are none left.
async fn watch(worker: Arc<OfWorker>) {
    while let Some(due) = worker.unconfirmed.next() {
        if due > Instant::now() {
            tokio::time::sleep_until(due).await;
            continue; // By now a lease call has confirmed most of them.
        }

        let lease_ids = worker.unconfirmed.all();
        let mut command = redis::cmd("ZREM");
        command.arg(worker.shared.keys.unconfirmed()).arg(&lease_ids);

        if let Err(error) = worker.shared.small.request(&command).await {
            debug!(%error, "could not confirm leases; others may get their tasks");
        }

        // Also after a failure: by the next try the leases would have ended.
        worker.unconfirmed.settle(&lease_ids);
    }
}
