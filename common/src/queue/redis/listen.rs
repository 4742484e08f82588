//! Waits for tasks.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tracing::debug;

use super::connect::Tries;
use super::fault::Fault;
use super::of_worker::OfWorker;
use crate::queue::QueueError;

/// How often in the length of a lease a waiting worker looks for ended leases, which ring no bell.
const LOOKS_PER_LEASE: u32 = 4;

/// Waits until a bell rings; returns at once if the last lease may have left tasks.
pub async fn listen(worker: &OfWorker, longest: Duration) -> Result<(), QueueError> {
    if !worker.is_empty.load(Ordering::Relaxed) {
        return Ok(());
    }

    let config = &worker.shared.config;
    let look = longest.min(config.lease / LOOKS_PER_LEASE);

    match worker.shared.blocking.listen(&worker.bells, look).await {
        Ok(rung) => {
            if rung.as_deref() == Some(&*worker.bells[0]) {
                worker.is_woken.store(true, Ordering::Relaxed);
            }
            Ok(())
        }
        // A missed bell costs little: the worker leases anyway, after a short pause.
        Err(fault @ (Fault::Broken(_) | Fault::Busy(_))) => {
            debug!(?fault, "could not wait for tasks, looking for some");
            Tries::new(config.timing.patience).again().await;
            Ok(())
        }
        Err(fault) => Err(fault.into()),
    }
}
