//! Says that the worker is there, as long as it works: to the registry of each queue, and to `sheaf-worker health`.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sheaf_common::job::WorkerId;
use sheaf_common::queue::{RedisQueue, WorkerInfo};
use tracing::{debug, warn};

use super::health::{HealthFile, LATELY};
use crate::run::Tally;

/// How often it is said.
const EVERY: Duration = Duration::from_secs(2);
/// How many times it is said between two looks for other versions, which read what all workers say.
const LOOK: u64 = 5;
/// How long leaving may take: what does not get through ends by itself.
const LEAVING: Duration = Duration::from_secs(2);

/// Who is there, and where that is said.
pub struct Presence {
    pub queues: Vec<RedisQueue>,
    /// With the figures that never change.
    pub info: WorkerInfo,
    pub tally: Arc<Tally>,
    pub health: HealthFile,
}

impl Presence {
    /// Says again and again that the worker is there; never ends. A worker that has not polled lately is not.
    pub async fn keep(self: Arc<Self>) {
        let mut turns = tokio::time::interval(EVERY);
        turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut unreadable, mut noted) = (HashSet::new(), true);
        for turn in 0_u64.. {
            turns.tick().await;
            let Some(ago) = self.tally.polled_ago().filter(|ago| *ago <= LATELY) else { continue };
            let note = self.health.note(ago);
            if let (Err(error), true) = (&note, noted) {
                warn!(%error, "could not note that this worker works: `sheaf-worker health` will not know");
            }
            noted = note.is_ok();
            let info = self.info();
            for queue in &self.queues {
                if let Err(error) = queue.announce(&info).await {
                    debug!(%error, "could not announce this worker");
                    continue;
                }
                if turn % LOOK == 0 {
                    self.warn_of_other_versions(queue, &mut unreadable).await;
                }
            }
        }
    }

    /// Takes the worker off all lists.
    pub async fn leave(&self) {
        self.health.clear();
        let id = WorkerId(self.info.id.clone());
        for queue in &self.queues {
            let left = tokio::time::timeout(LEAVING, queue.leave(&id)).await;
            if !matches!(left, Ok(Ok(()))) {
                debug!("could not leave the registry; it forgets this worker by itself");
                return;
            }
        }
    }

    fn info(&self) -> WorkerInfo {
        WorkerInfo {
            busy: self.tally.busy.load(Ordering::Relaxed) as u32,
            files_done: self.tally.files.load(Ordering::Relaxed),
            bytes_done: self.tally.bytes.load(Ordering::Relaxed),
            ..self.info.clone()
        }
    }

    /// Says once of each version of Sheaf that its tasks are none for this worker.
    async fn warn_of_other_versions(&self, queue: &RedisQueue, said: &mut HashSet<String>) {
        let Ok(versions) = queue.versions().await else { return };
        for other in versions.into_iter().filter(|version| !version.is_ours) {
            if said.insert(other.version.clone()) {
                let ours = &self.info.version;
                warn!(
                    theirs = other.version,
                    ours, "ignoring tasks of an incompatible coordinator: another version, or another `--redis-bytes`"
                );
            }
        }
    }
}
