//! Why a job waits, in the user's words: first the refusals of servers, then missing workers.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use redis::Value;

use super::check;
use super::fault::TOO_MANY_CLIENTS;
use super::jobs::{self, JobSeen};
use super::of_job::OfJob;
use super::registry::{WorkerInfo, WorkerSeen};
use super::reply;
use super::server::Server;
use super::state::Shared;
use crate::human;
use crate::queue::{JobOwner, QueueError};
use crate::wire::FORMAT;

/// How long a server in trouble may take to answer a question about itself.
const ASKED: Duration = Duration::from_secs(2);

/// The fault of a server that still lasts; `None`: there is none. Makes no call.
pub fn trouble(shared: &Shared) -> Option<QueueError> {
    shared.config.servers().find_map(|server| server.troubles.worst())
}

/// Why tasks of a job may wait in vain; `None`: nothing stands in the way.
pub async fn why_nothing_comes(
    job: &OfJob,
    needs_others: bool,
) -> Result<Option<String>, QueueError> {
    let shared = &job.shared;
    if let Some(trouble) = trouble(shared) {
        return Ok(Some(explain(job, trouble).await));
    }

    // The run may wait for a worker that waits for one of these servers, and sends them no request
    // itself. The server of the queue is asked anyway.
    if shared.config.bytes_servers() > 0 {
        shared.blobs.probe();
    }

    if !needs_others {
        return Ok(None);
    }

    let nobody = why_nobody_works(shared, &shared.workers().await?);
    // The question itself may have found trouble.
    match trouble(shared) {
        Some(trouble) => Ok(Some(explain(job, trouble).await)),
        None => Ok(nobody),
    }
}

/// Explains a trouble to the user, with what to do.
async fn explain(job: &OfJob, trouble: QueueError) -> String {
    match trouble {
        QueueError::Full(reason) => format!("{reason}{}", what_holds_memory(job).await),
        QueueError::Unreachable(_) => {
            let in_trouble =
                job.shared.config.servers().filter(|server| server.troubles.worst().is_some());
            // A server with too many clients hangs up without a reason, but one of the open
            // connections may ask for it.
            for server in in_trouble {
                if let Some(limit) = job.shared.client_limit(server).await {
                    return limit;
                }
            }

            trouble.to_string()
        }
        QueueError::Here(_) | QueueError::Refused(_) | QueueError::Unusable { .. } => {
            match trouble.hint() {
                Some(hint) => format!("{trouble}: {hint}"),
                None => trouble.to_string(),
            }
        }
    }
}

/// Says which jobs take the memory of a full server, as the end of a sentence.
async fn what_holds_memory(job: &OfJob) -> String {
    let listed = jobs::list(&job.shared).await.unwrap_or_default();
    let held = |chosen: &dyn Fn(&JobSeen) -> bool| {
        let chosen: Vec<&JobSeen> = listed.iter().filter(|job| chosen(job)).collect();
        (chosen.len(), human::size(chosen.iter().map(|job| job.bytes).sum()))
    };

    let jobs = |count: usize, kind: &str| match count {
        1 => format!("1 {kind} job holds"),
        _ => format!("{count} {kind} jobs hold"),
    };

    let is_ours = |seen: &JobSeen| seen.job == job.id;
    // Abandoned jobs go first, as they can be purged without loss.
    match (held(&|job| job.is_abandoned), held(&|job| !job.is_abandoned && !is_ours(job))) {
        ((0, _), (0, _)) => ": give it more, or this run less: `--redis-budget`".into(),
        ((0, _), (count, size)) => {
            format!("; {} {size}: `sheaf queue` lists them", jobs(count, "other"))
        }
        ((count, size), _) => {
            format!("; {} {size}: `sheaf queue purge --abandoned`", jobs(count, "abandoned"))
        }
    }
}

/// Why no worker of the registry can do tasks of this side; `None`: one can.
fn why_nobody_works(shared: &Shared, workers: &[WorkerSeen]) -> Option<String> {
    let queue = shared.config.queue();
    let address = shared.config.address();
    let ours = shared.config.bytes_servers();

    let of = |is: &dyn Fn(&WorkerInfo) -> bool| {
        workers.iter().map(|worker| &worker.info).find(|info| is(info)).cloned()
    };

    // From the workers that fit best to those that fit least: the first one found decides.
    if of(&|info| info.is_of_this_build() && info.bytes_servers as usize == ours).is_some() {
        return None;
    }

    if let Some(other) = of(&WorkerInfo::is_of_this_build) {
        let theirs = servers_for_bytes(other.bytes_servers as usize);
        let ours = servers_for_bytes(ours);
        return Some(format!(
            "the workers of the queue `{queue}` use {theirs}, this run uses {ours}: give the same `--redis-bytes` to all"
        ));
    }

    if let Some(other) = of(&|info| info.version == crate::VERSION) {
        return Some(format!(
            "the workers of the queue `{queue}` speak wire format {}, this is {FORMAT}: install the same build everywhere",
            other.wire
        ));
    }

    let others: BTreeSet<&str> =
        workers.iter().map(|worker| worker.info.version.as_str()).collect();
    Some(if others.is_empty() {
        format!(
            "no worker is connected to the queue `{queue}` at {address}: start `sheaf-worker --redis …`"
        )
    } else {
        let others = others.into_iter().collect::<Vec<_>>().join(", ");
        format!(
            "the workers of the queue `{queue}` are of version {others}, this is {}: they cannot read its tasks",
            crate::VERSION
        )
    })
}

/// The workers whose leases have another length than this side's, in words.
pub async fn other_leases(shared: &Shared) -> Result<Vec<String>, QueueError> {
    let ours = shared.lease_ms();
    let differs =
        |info: &&WorkerInfo| info.is_of_this_build() && info.lease_ms != 0 && info.lease_ms != ours;

    let workers = shared.workers().await?;
    let say = |info: &WorkerInfo| {
        let theirs = info.lease_ms;
        format!(
            "the worker {} has `--lease {theirs}ms`, this run {ours}ms: give all sides the same",
            info.id
        )
    };
    Ok(workers.iter().map(|worker| &worker.info).filter(differs).map(say).collect())
}

/// The runs whose leases have another length than this side's.
pub async fn runs_with_other_leases(shared: &Shared) -> Result<Vec<JobOwner>, QueueError> {
    let ours = shared.lease_ms();

    let mut command = redis::cmd("HVALS");
    command.arg(shared.keys.owners());
    let answer = shared.small.request(&command).await?;

    // Skips entries of other builds that cannot be read.
    let read = |owner: &Value| {
        let (_since, json) = reply::text(owner)?.split_once(' ')?;
        serde_json::from_str::<JobOwner>(json).ok()
    };
    let differs = |owner: &JobOwner| owner.lease_ms != 0 && owner.lease_ms != ours;

    let owners = reply::list(&answer).unwrap_or_default();
    Ok(owners.iter().filter_map(read).filter(differs).collect())
}

impl Shared {
    /// Which limit on clients a server has reached that hangs up, in words; `None`: none, or
    /// unknown. The clients that it turns away do not learn it.
    async fn client_limit(&self, server: &Server) -> Option<String> {
        // Over its own links, as these may still have open connections.
        let is_queue = server.address == self.config.address();
        let link = if is_queue {
            &self.small
        } else {
            self.blobs.servers().iter().find(|link| link.is_to(server))?
        };

        // One after the other: Redis before 7 takes only one section in a call.
        let mut info = HashMap::new();
        for section in ["clients", "stats"] {
            let mut command = redis::cmd("INFO");
            command.arg(section);
            let answer = tokio::time::timeout(ASKED, link.request(&command)).await.ok()?.ok()?;

            let Value::BulkString(text) = answer else { return None };
            let text = String::from_utf8_lossy(&text).into_owned();
            info.extend(
                check::fields(&text)
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value.to_owned())),
            );
        }

        let figure = |name: &str| {
            info.get(name).and_then(|value| value.parse::<u64>().ok()).unwrap_or_default()
        };
        if figure("maxclients") > 0 && figure("connected_clients") >= figure("maxclients") {
            return Some(TOO_MANY_CLIENTS.into());
        }

        match figure("evicted_clients") {
            0 => None,
            count => Some(format!(
                "Redis has closed {count} connections that took more than its `maxmemory-clients` allows: raise that setting"
            )),
        }
    }
}

fn servers_for_bytes(count: usize) -> String {
    match count {
        0 => "no server for bytes".into(),
        1 => "1 server for bytes".into(),
        _ => format!("{count} servers for bytes"),
    }
}
