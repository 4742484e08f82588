//! Announces the worker as long as it works: in the registry of each queue, and in the health file.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sheaf_common::fit;
use sheaf_common::queue::{Activity, JobOwner, QueueError, RedisQueue, RedisWorker, WorkerInfo};
use sheaf_common::said::Said;
use sheaf_common::wire::FORMAT;
use tracing::{debug, warn};

use super::health::{HealthFile, LATELY};
use crate::run::Tally;

/// The interval between two announcements.
const EVERY: Duration = Duration::from_secs(1);
/// The number of announcements between two looks at other versions and other runs, which read more
/// than one key.
const LOOK: u64 = 10;
/// The longest that leaving may take, over all queues. Entries that stay behind expire.
const LEAVING: Duration = Duration::from_millis(400);

/// A worker, and the places where it is announced.
pub struct Presence {
    /// Each queue, with this worker's side of it.
    pub places: Vec<(RedisQueue, RedisWorker)>,
    /// The fixed part of its announcement; [`Activity`] is the other.
    pub info: WorkerInfo,
    pub tally: Arc<Tally>,
    pub health: HealthFile,
}

impl Presence {
    /// Announces the worker at regular intervals; never returns. Skips the announcement if the
    /// worker has not polled lately: then it does not work.
    pub async fn announce(self: Arc<Self>) {
        let mut turns = tokio::time::interval(EVERY);
        turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut unreadable = HashSet::new();
        let mut others = HashSet::new();
        let mut noted = true;
        let mut received = 0;

        for turn in 0_u64.. {
            turns.tick().await;

            // Over a slow link one task may take minutes to arrive. That is no silence.
            let now: u64 = self.places.iter().map(|(_, worker)| worker.received()).sum();
            if now > received {
                self.tally.polled();
            }
            received = now;

            let Some(ago) = self.tally.polled_ago().filter(|ago| *ago <= LATELY) else { continue };

            let note = self.health.note(ago);
            // Warn once, not each second.
            if let Err(error) = &note
                && noted
            {
                warn!(
                    %error,
                    "could not note that this worker works: `sheaf-worker health` will not know"
                );
            }
            noted = note.is_ok();

            let activity = self.activity();
            for (queue, worker) in &self.places {
                if let Err(error) = worker.announce(activity).await {
                    debug!(%error, "could not announce this worker");
                    continue;
                }

                if turn % LOOK == 0 {
                    if let Err(error) = queue.tend().await {
                        debug!(%error, "could not look after jobs without a coordinator");
                    }
                    self.warn_of_other_versions(queue, &mut unreadable).await;
                    self.warn_of_other_leases(queue, &mut others).await;
                }
            }
        }
    }

    /// Removes the worker from all registries, and its health file.
    pub async fn leave(&self) {
        self.health.clear();
        let leaving = async {
            for (_, worker) in &self.places {
                worker.leave().await?;
            }
            Ok::<(), QueueError>(())
        };

        if !matches!(tokio::time::timeout(LEAVING, leaving).await, Ok(Ok(()))) {
            debug!("could not leave the registry; it forgets this worker by itself");
        }
    }

    fn activity(&self) -> Activity {
        Activity {
            busy: fit::count(fit::size(self.tally.busy.load(Ordering::Relaxed))),
            files_done: self.tally.files.load(Ordering::Relaxed),
            bytes_done: self.tally.bytes.load(Ordering::Relaxed),
        }
    }

    /// Logs what a server refuses, as long as it does; never returns. Runs apart from
    /// [`Presence::announce`], whose calls hang while they are refused.
    pub async fn say_troubles(self: Arc<Self>) {
        let mut turns = tokio::time::interval(EVERY);
        let mut said = Said::default();
        loop {
            turns.tick().await;
            for (queue, _) in &self.places {
                if let Some(trouble) = queue.trouble()
                    && said.is_due(&trouble.to_string())
                {
                    warn!(redis = queue.address(), hint = trouble.hint(), "waiting: {trouble}");
                }
            }
        }
    }

    /// Warns once of each other build of Sheaf whose tasks this worker ignores.
    async fn warn_of_other_versions(&self, queue: &RedisQueue, said: &mut HashSet<String>) {
        let Ok(versions) = queue.versions().await else { return };
        for other in versions.into_iter().filter(|version| !version.is_ours) {
            if said.insert(other.version.clone()) {
                // It is `VERSION+FORMAT` or `VERSION+FORMAT+SERVERS`: say which part differs.
                let ours = &self.info.version;
                let mut parts = other.version.split('+');
                let is_same_version = parts.next() == Some(ours);
                match parts.next().filter(|_| is_same_version) {
                    Some(format) if format != FORMAT.to_string() => warn!(
                        "ignoring the tasks of another build: it speaks wire format {format}, this \
                         is {FORMAT}; install the same build everywhere"
                    ),
                    Some(_) | None => warn!(
                        theirs = other.version,
                        ours,
                        "ignoring the tasks of an incompatible coordinator: it is of another \
                         version, or uses another number of `--redis-bytes` servers (the last number)"
                    ),
                }
            }
        }
    }

    /// Warns once of each run whose leases have another length.
    async fn warn_of_other_leases(&self, queue: &RedisQueue, said: &mut HashSet<String>) {
        let Ok(owners) = queue.runs_with_other_leases().await else { return };
        for JobOwner { host, pid, lease_ms: theirs, .. } in owners {
            if said.insert(format!("{host}:{pid}")) {
                let ours = self.info.lease_ms;
                warn!(
                    host,
                    pid,
                    "the run has `--lease {theirs}ms`, this worker {ours}ms: give all sides the \
                     same"
                );
            }
        }
    }
}
