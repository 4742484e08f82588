//! Jobs as such: whose they are, whether their coordinators live, and removing what a dead one
//! left.
//!
//! ```text
//!            a sign of life every tenth second     silent for a minute        silent for three
//!  (nowhere) ────────────────────────────────▶ alive ───────────▶ parked ───────────────▶ removed
//!                                                ▲                   │
//!                                                └── a sign of life ─┘
//! ```
//! A parked job keeps what it has, and no task of it is leased. A job that was removed loses nothing
//! either: if its coordinator comes back, it finds everything missing and pushes it again.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redis::Value;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::engine::{RedisQueue, Shared};
use super::fault::unexpected;
use super::keys::{JobKeys, KEEP, Keys, parse_job};
use super::scripts::{CLOSE, Call, JOBS, SIGN, TEND};
use super::{blobs, usage};
use crate::job::JobId;
use crate::queue::{JobOwner, JobPlace, QueueError};

/// How many signs of life a coordinator gives in the time after which a job without one is parked.
const SIGNS: u32 = 6;

/// A job that is on the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSeen {
    pub job: JobId,
    /// The version under which its keys stand, as in [`super::VersionInUse`].
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
    /// Finished, and not yet collected.
    pub finished: u64,
    /// The memory of the servers that it takes.
    pub bytes: u64,
}

/// The jobs of this process with their last signs of life, and when it last looked after others.
#[derive(Default)]
pub struct Signs {
    owners: Mutex<HashMap<JobId, JobOwner>>,
    signed: Mutex<HashMap<JobId, Instant>>,
    /// Held while a sign is under way, and while a job is closed.
    signing: tokio::sync::Mutex<()>,
    tended: Mutex<Option<Instant>>,
}

impl Signs {
    /// Whether a sign is due; it counts as given then.
    fn is_due(&self, job: JobId, every: Duration) -> bool {
        let mut signed = self.signed.lock().expect("no holder panics");
        let due = signed.get(&job).is_none_or(|at| at.elapsed() >= every);
        if due {
            signed.insert(job, Instant::now());
        }
        due
    }

    fn is_to_tend(&self, every: Duration) -> bool {
        let mut tended = self.tended.lock().expect("no holder panics");
        let due = tended.is_none_or(|at| at.elapsed() >= every);
        if due {
            *tended = Some(Instant::now());
        }
        due
    }

    /// Whether the job is this process's own.
    pub fn is_own(&self, job: JobId) -> bool {
        self.signed.lock().expect("no holder panics").contains_key(&job)
    }

    fn drop_job(&self, job: JobId) {
        self.owners.lock().expect("no holder panics").remove(&job);
        self.signed.lock().expect("no holder panics").remove(&job);
    }
}

/// Takes a job for this process's own, and gives its first sign of life.
pub async fn open(shared: &Shared, job: JobId, owner: JobOwner) -> Result<(), QueueError> {
    let owner = JobOwner { lease_ms: shared.lease_ms(), ..owner };
    shared.signs.owners.lock().expect("no holder panics").insert(job, owner);
    // From here on the job is this process's own, and its first sign counts as given.
    shared.signs.is_due(job, Duration::ZERO);
    sign(shared, job).await
}

/// Gives a sign of life for a job, if the last one is some time ago; the caller does not wait for
/// it. A sign that does not get through does no harm: the next one follows soon.
pub fn sign_beside(shared: &Arc<Shared>, job: JobId) {
    if !shared.signs.is_due(job, shared.config.timing.abandoned / SIGNS) {
        return;
    }

    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        if let Err(error) = sign(&shared, job).await {
            debug!(%job, %error, "could not give a sign of life");
        }
    });
}

async fn sign(shared: &Shared, job: JobId) -> Result<(), QueueError> {
    let _signing = shared.signs.signing.lock().await;
    // One that was closed meanwhile must not come back by it.
    if !shared.signs.is_own(job) {
        return Ok(());
    }

    let owner = shared.signs.owners.lock().expect("no holder panics").get(&job).cloned();
    let owner =
        owner.map(|owner| serde_json::to_string(&owner).expect("texts and numbers are JSON"));

    let keys = &shared.keys;
    let call = Call::new(&SIGN)
        .key(keys.alive())
        .key(keys.owners())
        .key(keys.versions())
        .key(keys.jobs())
        .key(&shared.job(job).tasks)
        .key(keys.bell(None))
        .argument(job)
        .argument(owner.unwrap_or_default())
        .argument(keys.version())
        .argument(KEEP.as_millis());

    match shared.pulse.call(&call).await? {
        Value::Int(back) => {
            if back == 1 {
                warn!(%job, "this run had been silent for so long that its tasks were set aside; they are back");
            }
            Ok(())
        }
        other => Err(unexpected("sign", &other)),
    }
}

/// Looks after the jobs of others, if that was not done just now: parks those without a sign of
/// life, and removes one that has been without for long.
pub async fn tend(shared: &Shared) -> Result<(), QueueError> {
    let timing = shared.config.timing;
    if !shared.signs.is_to_tend(timing.abandoned / SIGNS) {
        return Ok(());
    }

    for keys in versions(shared).await? {
        let call = Call::new(&TEND)
            .key(keys.alive())
            .key(keys.jobs())
            .argument(timing.abandoned.as_millis())
            .argument(timing.removed.as_millis())
            .argument(KEEP.as_millis());

        let answer = shared.pulse.call(&call).await?;
        let Value::BulkString(job) = &answer else { return Err(unexpected("tend", &answer)) };

        if let Some(job) = std::str::from_utf8(job).ok().and_then(parse_job) {
            warn!(%job, "removing a job whose run has been silent for too long");
            remove(shared, &keys, job).await?;
        }
    }
    Ok(())
}

/// Removes a job, and all blobs of it.
async fn remove(shared: &Shared, keys: &Keys, job: JobId) -> Result<u64, QueueError> {
    let job_keys = keys.job(job);
    // Its name goes last: what breaks off before is done again.
    blobs::clear(shared, &job_keys, usize::MAX).await?;
    close(shared, keys, &job_keys, job).await
}

/// Removes a job but for its blobs. Returns how many of its tasks were open; 0: all were done and
/// collected.
pub async fn close(
    shared: &Shared,
    keys: &Keys,
    job_keys: &JobKeys,
    job: JobId,
) -> Result<u64, QueueError> {
    let call = Call::new(&CLOSE)
        .key(keys.jobs())
        .key(keys.alive())
        .key(keys.owners())
        .key(keys.bell(None))
        .key(keys.unconfirmed())
        .key(keys.versions())
        .key(keys.seen())
        .key(&job_keys.addressed)
        .key(&job_keys.tasks)
        .key(&job_keys.outcomes)
        .keys(job_keys.all())
        .argument(job)
        .argument(&job_keys.base)
        .argument(keys.version());
    // Before the call, so that no sign of life follows it and brings the job back.
    shared.signs.drop_job(job);

    let _signing = shared.signs.signing.lock().await;
    match shared.bulk.call(&call).await? {
        Value::Int(open) => Ok(open.unsigned_abs()),
        other => Err(unexpected("close", &other)),
    }
}

/// Removes what an earlier process left of a job, if it stands on this queue; says whether it does.
pub async fn close_left(shared: &Shared, left: &JobPlace) -> Result<bool, QueueError> {
    let is_here = left.server == shared.config.address() && left.queue == shared.config.queue();
    if is_here {
        let open = remove(shared, &shared.keys.of_version(&left.version), left.job).await?;
        debug!(job = %left.job, open, "removed what an earlier run left on the queue");
    }

    Ok(is_here)
}

pub fn place(shared: &Shared, job: JobId) -> JobPlace {
    JobPlace {
        server: shared.config.address().into(),
        queue: shared.config.queue().into(),
        version: shared.keys.version().into(),
        job,
    }
}

/// The keys of all versions that have jobs: this one first.
async fn versions(shared: &Shared) -> Result<Vec<Keys>, QueueError> {
    let mut all = vec![shared.keys.clone()];
    for version in shared.versions(KEEP).await?.into_iter().filter(|version| !version.is_ours) {
        all.push(shared.keys.of_version(&version.version));
    }

    Ok(all)
}

impl RedisQueue {
    /// The jobs on the queue, of all versions, the oldest first.
    ///
    /// # Errors
    /// As the methods of [`crate::queue::Queue`].
    pub async fn jobs(&self) -> Result<Vec<JobSeen>, QueueError> {
        let shared = &self.shared;
        let mut jobs = Vec::new();

        for keys in versions(shared).await? {
            let call = Call::new(&JOBS)
                .key(keys.alive())
                .key(keys.owners())
                .key(keys.jobs())
                .argument(keys.prefix());

            let answer = shared.pulse.call(&call).await?;
            let read = read(&answer, keys.version(), shared.config.timing.abandoned);
            jobs.extend(read.ok_or_else(|| unexpected("jobs", &answer))?);
        }

        // Once for all jobs, as it looks at every key.
        let bytes = usage::by_job(shared).await?;
        for job in &mut jobs {
            job.bytes = bytes.get(&(job.version.clone(), job.job)).copied().unwrap_or_default();
        }

        jobs.sort_by_key(|job| (std::cmp::Reverse(job.age), job.job));
        Ok(jobs)
    }

    /// Removes a job. A coordinator that lives pushes it again.
    ///
    /// # Errors
    /// As the methods of [`crate::queue::Queue`].
    pub async fn purge(&self, job: &JobSeen) -> Result<(), QueueError> {
        remove(&self.shared, &self.shared.keys.of_version(&job.version), job.job).await.map(|_| ())
    }

    /// Parks jobs whose coordinators give no sign of life, and removes one that has given none for
    /// long. Cheap to call often: it looks now and then.
    ///
    /// # Errors
    /// As the methods of [`crate::queue::Queue`].
    pub async fn tend(&self) -> Result<(), QueueError> {
        tend(&self.shared).await
    }
}

fn read(answer: &Value, version: &str, abandoned: Duration) -> Option<Vec<JobSeen>> {
    let Value::Array(jobs) = answer else { return None };
    jobs.iter().map(|job| read_job(job, version, abandoned)).collect()
}

fn read_job(job: &Value, version: &str, abandoned: Duration) -> Option<JobSeen> {
    let Value::Array(parts) = job else { return None };
    let [
        Value::BulkString(job),
        Value::Int(sign),
        Value::Int(age),
        Value::BulkString(owner),
        Value::Int(waiting),
        Value::Int(leased),
        Value::Int(finished),
    ] = parts.as_slice()
    else {
        return None;
    };

    let ago = |ms: &i64| u64::try_from(*ms).ok().map(Duration::from_millis);
    let sign = ago(sign);

    Some(JobSeen {
        job: parse_job(std::str::from_utf8(job).ok()?)?,
        version: version.into(),
        owner: serde_json::from_slice(owner).ok(),
        age: ago(age),
        sign,
        is_abandoned: sign.is_some_and(|sign| sign >= abandoned),
        waiting: waiting.unsigned_abs(),
        leased: leased.unsigned_abs(),
        finished: finished.unsigned_abs(),
        bytes: 0,
    })
}

/// The memory that jobs take, by version and job.
pub type Usage = BTreeMap<(String, JobId), u64>;
