//! The registry of workers: they announce themselves, and any process may list them.
//!
//! Entries are JSON with every field optional, as different versions share the registry.

use std::time::Duration;

use redis::Value;
use serde::{Deserialize, Serialize};

use super::fault::unexpected;
use super::keys::TTL;
use super::reply;
use super::scripts::{ANNOUNCE, Call, WORKERS};
use super::state::Shared;
use crate::job::WorkerId;
use crate::queue::QueueError;
use crate::wire::FORMAT;

/// How long a worker is listed after its last announcement. It should announce itself several times
/// in that time, from the loop that leases: so a listed worker is one that leased recently.
pub const GONE_AFTER: Duration = Duration::from_secs(30);

/// A worker's description of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkerInfo {
    pub id: String,
    pub host: String,
    pub version: String,
    pub slots: u32,
    /// How many of the slots are busy.
    pub busy: u32,
    pub files_done: u64,
    pub bytes_done: u64,
    pub queues: Vec<String>,
    /// The number of its servers for bytes alone (`--redis-bytes`).
    pub bytes_servers: u32,
    /// Its wire format, [`crate::wire::FORMAT`]; 0: it does not say.
    pub wire: u8,
    /// Its `--lease`; 0: it does not say.
    pub lease_ms: u64,
}

impl WorkerInfo {
    /// Whether it has this version and this wire format.
    pub fn is_of_this_build(&self) -> bool {
        self.version == crate::VERSION && self.speaks(FORMAT)
    }

    /// Whether it has that wire format, as far as it says.
    fn speaks(&self, format: u8) -> bool {
        self.wire == 0 || self.wire == format
    }
}

/// A worker, and the age of its last announcement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerSeen {
    pub info: WorkerInfo,
    /// How long ago, by the server's clock.
    pub ago: Duration,
}

/// A version of Sheaf (and of its wire format) that has jobs on the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionInUse {
    /// The version of Sheaf, the wire format, and the number of servers for bytes alone, if any:
    /// `0.1.0+3+2`.
    pub version: String,
    /// Whether it is this one: workers do not see the tasks of other versions.
    pub is_ours: bool,
    /// How long ago one of its coordinators called, by the server's clock.
    pub ago: Duration,
}

/// How busy a worker is, and how much it has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Activity {
    /// How many slots are busy.
    pub busy: u32,
    pub files_done: u64,
    pub bytes_done: u64,
}

/// Announces a worker, which is then listed for [`GONE_AFTER`].
pub async fn announce(
    shared: &Shared,
    info: &WorkerInfo,
    activity: Activity,
) -> Result<(), QueueError> {
    let Activity { busy, files_done, bytes_done } = activity;
    let info = WorkerInfo { busy, files_done, bytes_done, ..info.clone() };

    let json = serde_json::to_string(&info).expect("texts and numbers are JSON");
    let call = Call::new(&ANNOUNCE)
        .key(shared.keys.workers())
        .key(shared.keys.seen())
        .argument(&info.id)
        .argument(json)
        .argument(TTL.as_millis())
        .argument(GONE_AFTER.as_millis());

    reply::expect_count("announce", &shared.small.call(&call).await?).map(|_| ())
}

/// Takes a worker off the registry.
pub async fn leave(shared: &Shared, worker: &WorkerId) -> Result<(), QueueError> {
    for (command, key) in [("ZREM", shared.keys.seen()), ("HDEL", shared.keys.workers())] {
        let mut command = redis::cmd(command);
        command.arg(key).arg(&worker.0);
        shared.small.request(&command).await?;
    }
    Ok(())
}

impl Shared {
    /// The workers in the registry, of all versions, sorted by name.
    pub async fn workers(&self) -> Result<Vec<WorkerSeen>, QueueError> {
        let (workers, _) = self.listed(GONE_AFTER).await?;
        // Skips entries that cannot be read, as of a future version.
        let read = |(ago, json): (Duration, String)| {
            Some(WorkerSeen { info: serde_json::from_str(&json).ok()?, ago })
        };

        let mut workers: Vec<WorkerSeen> = workers.into_iter().filter_map(read).collect();
        workers.sort_by(|a, b| a.info.id.cmp(&b.info.id));
        Ok(workers)
    }

    /// The slots of all workers that can read the tasks of this side.
    pub async fn slots(&self) -> Result<usize, QueueError> {
        let slots =
            |worker: WorkerSeen| self.is_ours(&worker.info).then_some(worker.info.slots as usize);
        Ok(self.workers().await?.into_iter().filter_map(slots).sum())
    }

    /// Whether there is another worker that can read the tasks of this side.
    pub async fn has_other_workers(&self, than: &WorkerId) -> Result<bool, QueueError> {
        let is_other = |worker: &WorkerSeen| worker.info.id != than.0 && self.is_ours(&worker.info);
        Ok(self.workers().await?.iter().any(is_other))
    }

    fn is_ours(&self, info: &WorkerInfo) -> bool {
        info.is_of_this_build() && info.bytes_servers as usize == self.config.bytes_servers()
    }

    /// The versions whose coordinators called within that time.
    pub async fn versions(&self, within: Duration) -> Result<Vec<VersionInUse>, QueueError> {
        let (_, versions) = self.listed(within).await?;

        let ours = self.keys.version();
        let read = |(ago, version): (Duration, String)| VersionInUse {
            is_ours: version == ours,
            version,
            ago,
        };

        Ok(versions.into_iter().map(read).collect())
    }

    /// The workers that announced themselves, and the versions that called, within that time.
    async fn listed(&self, within: Duration) -> Result<(Aged, Aged), QueueError> {
        let keys = &self.keys;
        let call = Call::new(&WORKERS)
            .key(keys.workers())
            .key(keys.seen())
            .key(keys.versions())
            .argument(within.as_millis());

        let answer = self.small.call(&call).await?;
        read(&answer).ok_or_else(|| unexpected("workers", &answer))
    }
}

fn read(answer: &Value) -> Option<(Aged, Aged)> {
    let [workers, versions] = reply::items(answer)?;
    aged(workers).zip(aged(versions))
}

/// Texts with their ages.
type Aged = Vec<(Duration, String)>;

fn aged(list: &Value) -> Option<Aged> {
    let item = |item: &Value| {
        let [ms, text] = reply::items(item)?;
        Some((Duration::from_millis(reply::count(ms)?), reply::text(text)?.into()))
    };

    reply::list(list)?.iter().map(item).collect()
}
