//! From the first connection to the last task handed in or back.
//!
//! ```text
//!            server is there         signal              all handed in
//!  waiting ──────────────────▶ work ────────▶ draining ─────────────────▶ left
//!     │ signal                                   │ grace over, or a second signal
//!     ▼                                          ▼
//!   left                                      handing back ─────────────▶ left
//! ```

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sheaf_common::VERSION;
use sheaf_common::fit;
use sheaf_common::job::WorkerId;
use sheaf_common::queue::{RedisQueue, RedisWorker, WorkerInfo};
use sheaf_common::wire::FORMAT;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::config::Config;
use super::connect::connect;
use super::failure::Failure;
use super::health::HealthFile;
use super::metrics::{self, Figures};
use super::presence::Presence;
use crate::host::host;
use crate::pool::Program;
use crate::run::{self, Order, Paths, Tally, WorkerError};
use crate::signals::{Stop, Wish};

/// The part of the grace that is reserved for handing back and leaving; a quarter of the grace if
/// that is less. The worker must be gone when the grace is over.
const HANDING_BACK: Duration = Duration::from_secs(2);

/// Works until `wishes` asks to stop and all held tasks are handed in, or asks a second time.
///
/// # Errors
/// [`Exit::CouldNotRun`]: the address for figures is refused, the server refuses this worker or
/// cannot be used, or this machine cannot run its children.
///
/// [`Exit::CouldNotRun`]: super::Exit::CouldNotRun
pub async fn serve(
    config: Config,
    child: Program,
    health: HealthFile,
    mut wishes: mpsc::Receiver<Wish>,
) -> Result<(), Failure> {
    let tally = Arc::new(Tally::default());
    // Before the server is there: whoever watches is to see that this worker waits for it.
    let _answering = answer_figures(&config, &tally).await?;

    work_until_told(config, child, health, tally, &mut wishes)
        .await
        .map_err(|error| Failure::worker(&error))
}

/// Answers `/metrics` if it is asked for, until the result is dropped.
async fn answer_figures(config: &Config, tally: &Arc<Tally>) -> Result<JoinSet<()>, Failure> {
    let mut answering = JoinSet::new();
    if let Some(address) = config.metrics {
        let listener = metrics::bind(address).await?;
        let address = listener.local_addr().unwrap_or(address);
        info!("figures are at http://{address}/metrics");

        let figures = Arc::new(Figures::new(Arc::clone(tally), config.slots.get()));
        answering.spawn(async move { match metrics::serve(listener, figures).await {} });
    }
    Ok(answering)
}

async fn work_until_told(
    config: Config,
    child: Program,
    health: HealthFile,
    tally: Arc<Tally>,
    wishes: &mut mpsc::Receiver<Wish>,
) -> Result<(), WorkerError> {
    let first = &config.queues[0];

    // One connection is enough, as all queues are on one server. A signal ends the wait.
    tokio::select! {
        connected = connect(first) => { connected?; }
        stop = stop_requested(wishes, &tally) => {
            info!(signal = stop.name(), "told to stop before the server was there");
            return Ok(());
        }
    }

    let queues = RedisQueue::lazy_all(config.queues.clone());
    let host = host();
    let WorkerId(id) = WorkerId::random(&host);
    let roots = match &config.paths {
        Paths::Any => "any".into(),
        Paths::Under(roots) => {
            roots.iter().map(|root| root.display().to_string()).collect::<Vec<_>>().join(" ")
        }
    };

    let names = config.queue_names();
    info!(
        redis = first.address(),
        host,
        version = VERSION,
        slots = config.slots,
        queues = names.join(" "),
        roots,
        worker = id,
        "connected, waiting for tasks"
    );

    // Connecting counts as the first answer, so the worker is announced at once.
    tally.polled();
    let info = WorkerInfo {
        id: id.clone(),
        host,
        version: VERSION.into(),
        slots: fit::count(config.slots.get()),
        queues: names,
        bytes_servers: fit::count(first.bytes_servers()),
        wire: FORMAT,
        lease_ms: fit::millis(config.lease),
        ..WorkerInfo::default()
    };
    let workers: Vec<RedisWorker> =
        queues.iter().map(|queue| queue.listed_worker(info.clone())).collect();
    let places = queues.into_iter().zip(workers.clone()).collect();
    let presence = Arc::new(Presence { places, info, tally: Arc::clone(&tally), health });

    let announcing = tokio::spawn(Arc::clone(&presence).announce());
    let watching = tokio::spawn(Arc::clone(&presence).say_troubles());
    let done = work(workers, &config, child, WorkerId(id), tally, wishes).await;

    watching.abort();
    announcing.abort();
    // Wait for an announcement in flight: after leaving, it would put the worker back on the list.
    let _ = announcing.await;
    presence.leave().await;

    done
}

async fn work(
    workers: Vec<RedisWorker>,
    config: &Config,
    child: Program,
    id: WorkerId,
    tally: Arc<Tally>,
    wishes: &mut mpsc::Receiver<Wish>,
) -> Result<(), WorkerError> {
    let (order, orders) = watch::channel(Order::Work);
    let settings = run::Config { id, slots: config.slots, child, paths: config.paths.clone() };

    let mut running = tokio::spawn(run::run_all(workers, settings, orders, Arc::clone(&tally)));
    let ended =
        |ended: Result<Result<(), WorkerError>, _>| ended.expect("the worker loop does not panic");

    let stop = tokio::select! {
        done = &mut running => return ended(done),
        stop = stop_requested(wishes, &tally) => stop,
    };

    info!(
        signal = stop.name(),
        grace_s = config.grace.as_secs_f64(),
        "told to stop: finishing what is held; another signal, more than a second later, stops at \
         once"
    );
    order.send_replace(Order::Drain);

    let finishing = config.grace - HANDING_BACK.min(config.grace / 4);
    tokio::select! {
        done = &mut running => {
            info!("finished what was held");
            return ended(done);
        }
        () = tokio::time::sleep(finishing) => {
            warn!("the grace period is over: handing back what is held");
        }
        _ = stop_requested(wishes, &tally) => {
            warn!("told to stop again: handing back what is held");
        }
    }

    order.send_replace(Order::Stop);
    tokio::select! {
        done = &mut running => return ended(done),
        // The loop ends earlier by itself, but a stuck thread must not hold up the process.
        () = tokio::time::sleep(HANDING_BACK) => {}
        _ = stop_requested(wishes, &tally) => {}
    }

    warn!("gone without handing back what is held: others take it over when its leases end");
    Ok(())
}

/// Waits for a request to stop; meanwhile answers requests for progress.
async fn stop_requested(wishes: &mut mpsc::Receiver<Wish>, tally: &Tally) -> Stop {
    loop {
        match wishes.recv().await {
            Some(Wish::Stop(stop) | Wish::StopAtOnce(stop)) => return stop,
            Some(Wish::Progress) => info!(
                busy = tally.busy.load(Ordering::Relaxed),
                files = tally.files.load(Ordering::Relaxed),
                bytes = tally.bytes.load(Ordering::Relaxed),
                "at work"
            ),
            // The senders are gone: no request can come any more.
            None => std::future::pending().await,
        }
    }
}
