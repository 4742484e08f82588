//! Keeps the figures for Prometheus that are not counted where things happen, and the workers for
//! watchers.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::core::Core;
use super::http::health::Heartbeat;
use crate::api::{Job, State, Worker};

/// The interval at which they are taken.
const EVERY: Duration = Duration::from_secs(2);

/// Takes the figures again and again. Never returns.
pub async fn keep(core: Arc<Core>, heart: Arc<Heartbeat>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);

    loop {
        ticks.tick().await;

        let counts: Vec<(State, u64)> = core.jobs.count().into_iter().collect();
        core.metrics.set_jobs(&counts);
        core.metrics.set_disk_free(core.disk.free());
        core.metrics.set_pending(pending(&core.jobs.active()));
        core.metrics.set_health(core.readiness().is_ok(), heart.silence().as_secs_f64());

        let seen = core.workers().await.ok();
        core.note_workers(seen.clone());

        // A queue that cannot be asked has no workers that could work.
        let workers = seen.unwrap_or_default();
        let sum = |of: fn(&Worker) -> u32| {
            let fitting = workers.iter().filter(|worker| worker.fits);
            fitting.map(|worker| u64::from(of(worker))).sum()
        };
        let fitting = workers.iter().filter(|worker| worker.fits).count() as u64;

        core.metrics.set_workers(fitting, workers.len() as u64 - fitting);
        core.metrics.set_slots(sum(|worker| worker.slots), sum(|worker| worker.busy));
    }
}

/// How many files of the queued and running jobs are still to be read, as far as they are listed.
fn pending(active: &[Job]) -> u64 {
    let at_work = active.iter().filter(|job| matches!(job.state, State::Queued | State::Running));
    at_work.map(|job| job.progress.files_total.saturating_sub(job.progress.files)).sum()
}
