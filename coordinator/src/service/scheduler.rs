//! Starts the runs of jobs, and does what has to be done from time to time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, timeout_at};
use tracing::{info, warn};

use super::contents::Contents;
use super::core::Core;
use super::{retention, running};
use crate::run::Cause;

/// The most runs at once. Each takes memory and open files, and they share the workers anyway.
pub const AT_ONCE: usize = 64;

/// The interval at which it looks whether something is to be done.
const TICK: Duration = Duration::from_secs(1);
/// The interval at which old jobs are looked for; shorter if they are kept for less.
const CLEANING: Duration = Duration::from_secs(60);
/// With each of so many, contents that no job uses are looked for, too: all lists of files are read
/// for that.
const UNUSED: u32 = 60;
/// How long the runs may take to stop when the service ends.
const STOPPING: Duration = Duration::from_secs(15);

/// Runs jobs until `stop` is true, then stops those that run. `turned` is called with every turn of
/// the loop.
pub async fn schedule(
    core: Arc<Core>,
    contents: Arc<Contents>,
    mut stop: watch::Receiver<bool>,
    turned: impl Fn(),
) {
    let mut runs = JoinSet::new();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let cleaning = core.settings.keep.map_or(CLEANING, |keep| keep.clamp(TICK, CLEANING));
    let mut cleaned: Option<Instant> = None;
    let mut cleanings: u32 = 0;

    while !*stop.borrow() {
        turned();
        start_runs(&core, &mut runs);

        tokio::select! {
            _ = ticks.tick() => {
                if cleaned.is_none_or(|at| at.elapsed() >= cleaning) {
                    cleaned = Some(Instant::now());
                    cleanings += 1;
                    let (core, contents) = (Arc::clone(&core), Arc::clone(&contents));
                    let unused = cleanings.is_multiple_of(UNUSED);
                    drop(tokio::task::spawn_blocking(move || {
                        retention::clean(&core, unused.then_some(&contents));
                    }));
                }

                let looking = Arc::clone(&core);
                core.blocking(move || {
                    looking.disk.look();
                    looking.jobs.save_unsaved();
                }).await;
            }
            () = core.jobs.wake.notified() => {}
            Some(ended) = runs.join_next() => {
                if let Err(error) = ended {
                    warn!(%error, "the run of a job broke down");
                }
            }
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    core.begin_to_stop();
    core.jobs.stop_all(Cause::ServiceStops);

    let until = Instant::now() + STOPPING;
    while let Ok(Some(_)) = timeout_at(until, runs.join_next()).await {}

    match core.jobs.running() {
        0 => info!("all jobs are at rest"),
        runs => warn!(runs, "some jobs did not stop in time; they go on with the next start"),
    }
}

fn start_runs(core: &Arc<Core>, runs: &mut JoinSet<()>) {
    // Jobs that were begun go on: the reserve is theirs.
    while runs.len() < AT_ONCE
        && core.disk.has_room()
        && let Some(id) = core.jobs.take_queued()
    {
        runs.spawn(running::run(Arc::clone(core), id));
    }
}
