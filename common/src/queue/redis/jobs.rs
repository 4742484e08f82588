//! Jobs as a whole: their owners, the signs of life of their coordinators, and the removal of jobs
//! whose coordinators are dead.
//!
//! ```text
//!            a sign of life every tenth second     silent for a minute        silent for three
//!  (nowhere) ────────────────────────────────▶ alive ───────────▶ parked ───────────────▶ removed
//!                                                ▲                   │
//!                                                └── a sign of life ─┘
//! ```
//! A parked job stays as it is, but none of its tasks is leased. A removed job loses nothing
//! either: a coordinator that comes back finds everything missing, and pushes it again.

use std::time::Duration;

use redis::Value;
use tracing::{debug, warn};

use super::fault::unexpected;
use super::keys::{Keys, TTL, parse_job};
use super::scripts::{Call, JOBS, TEND};
use super::state::Shared;
use super::{close, reply, usage};
use crate::job::JobId;
use crate::queue::{JobOwner, JobPlace, QueueError};

/// A job on the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSeen {
    pub job: JobId,
    /// The version in the names of its keys, as in [`super::VersionInUse`].
    pub version: String,
    /// `None`: its coordinator never said.
    pub owner: Option<JobOwner>,
    /// How long the queue has known it.
    pub age: Option<Duration>,
    /// How long ago its coordinator gave its last sign of life; `None`: never.
    pub sign: Option<Duration>,
    /// Whether that was so long ago that none of its tasks is leased any more.
    pub is_abandoned: bool,
    pub waiting: u64,
    pub leased: u64,
    /// Finished, but not collected.
    pub finished: u64,
    /// The memory that it takes on all servers, in bytes.
    pub bytes: u64,
}

/// Parks the silent jobs of all versions, and removes one that has been silent for long.
pub async fn tend(shared: &Shared) -> Result<(), QueueError> {
    let timing = shared.config.timing;

    // Runs of other versions may all be gone, so this one looks after their jobs too.
    for keys in versions(shared).await? {
        let call = Call::new(&TEND)
            .key(keys.alive())
            .key(keys.jobs())
            .argument(timing.abandoned.as_millis())
            .argument(timing.removed.as_millis())
            .argument(TTL.as_millis());

        let answer = shared.small.call(&call).await?;
        let job = reply::text(&answer).ok_or_else(|| unexpected("tend", &answer))?;

        // One job in each call: removing its blobs may take long.
        if let Some(job) = parse_job(job) {
            warn!(%job, "removing a job whose run has been silent for too long");
            close::remove(shared, &keys, job).await?;
        }
    }
    Ok(())
}

/// Removes the remains of an earlier process's job; `false`: the job is not on this queue.
pub async fn close_left(shared: &Shared, left: &JobPlace) -> Result<bool, QueueError> {
    // The settings of this run may name another server or queue than the earlier run had.
    let is_here = left.server == shared.config.address() && left.queue == shared.config.queue();
    if is_here {
        close::remove(shared, &shared.keys.of_version(&left.version), left.job).await?;
        debug!(job = %left.job, "removed what an earlier run left on the queue");
    }

    Ok(is_here)
}

/// Where a later process finds the job.
pub fn place(shared: &Shared, job: JobId) -> JobPlace {
    JobPlace {
        server: shared.config.address().into(),
        queue: shared.config.queue().into(),
        version: shared.keys.version().into(),
        job,
    }
}

/// The keys of all versions that have jobs, those of this version first.
async fn versions(shared: &Shared) -> Result<Vec<Keys>, QueueError> {
    let mut all = vec![shared.keys.clone()];
    for version in shared.versions(TTL).await?.into_iter().filter(|version| !version.is_ours) {
        all.push(shared.keys.of_version(&version.version));
    }

    Ok(all)
}

/// The jobs on the queue, of all versions, the oldest first.
pub async fn list(shared: &Shared) -> Result<Vec<JobSeen>, QueueError> {
    let mut jobs = Vec::new();

    for keys in versions(shared).await? {
        let call = Call::new(&JOBS)
            .key(keys.alive())
            .key(keys.owners())
            .key(keys.jobs())
            .argument(keys.prefix());

        let answer = shared.small.call(&call).await?;
        let read = read(&answer, keys.version(), shared.config.timing.abandoned);
        jobs.extend(read.ok_or_else(|| unexpected("jobs", &answer))?);
    }

    // Once for all jobs, as it scans every key.
    let bytes = usage::by_job(shared).await?;
    for job in &mut jobs {
        job.bytes = bytes.get(&(job.version.clone(), job.job)).copied().unwrap_or_default();
    }

    jobs.sort_by_key(|job| (std::cmp::Reverse(job.age), job.job));
    Ok(jobs)
}

fn read(answer: &Value, version: &str, abandoned: Duration) -> Option<Vec<JobSeen>> {
    reply::list(answer)?.iter().map(|job| read_job(job, version, abandoned)).collect()
}

fn read_job(job: &Value, version: &str, abandoned: Duration) -> Option<JobSeen> {
    let [job, sign, age, owner, waiting, leased, finished] = reply::items(job)?;

    // The script says -1 for what is not known.
    let ago = |ms: &Value| reply::count(ms).map(Duration::from_millis);
    let sign = ago(sign);

    Some(JobSeen {
        job: parse_job(reply::text(job)?)?,
        version: version.into(),
        owner: serde_json::from_slice(reply::bytes(owner)?).ok(),
        age: ago(age),
        sign,
        is_abandoned: sign.is_some_and(|sign| sign >= abandoned),
        waiting: reply::count(waiting)?,
        leased: reply::count(leased)?,
        finished: reply::count(finished)?,
        bytes: 0,
    })
}
