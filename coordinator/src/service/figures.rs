//! Keeps the figures for Prometheus that are not counted where things happen.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::core::Core;
use crate::api::{State, Worker};

/// The interval at which they are taken.
const EVERY: Duration = Duration::from_secs(2);

/// Takes the figures again and again. Never returns.
pub async fn keep(core: Arc<Core>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);

    loop {
        ticks.tick().await;

        let counts: Vec<(State, u64)> = core.jobs.count().into_iter().collect();
        core.metrics.set_jobs(&counts);
        core.metrics.set_disk_free(core.disk.free());

        // A queue that cannot be asked has no workers that could work.
        let workers = core.workers().await.unwrap_or_default();
        let sum = |of: fn(&Worker) -> u32| {
            let fitting = workers.iter().filter(|worker| worker.fits);
            fitting.map(|worker| u64::from(of(worker))).sum()
        };
        let fitting = workers.iter().filter(|worker| worker.fits).count() as u64;

        core.metrics.set_workers(fitting, workers.len() as u64 - fitting);
        core.metrics.set_slots(sum(|worker| worker.slots), sum(|worker| worker.busy));
    }
}
