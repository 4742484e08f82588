//! Measures the memory that each job takes on the servers. Scans every key: for questions of
//! people, not for the path of the data.

use std::collections::{BTreeMap, HashSet};

use redis::{Pipeline, Value};

use super::blobs;
use super::fault::unexpected;
use super::link::Link;
use super::state::Shared;
use crate::job::JobId;
use crate::queue::QueueError;

/// The memory that jobs take, by version and job.
pub type Usage = BTreeMap<(String, JobId), u64>;

/// The bytes of each job on all servers.
pub async fn by_job(shared: &Shared) -> Result<Usage, QueueError> {
    let mut usage = Usage::new();
    let servers = shared.blobs.servers();
    add(shared, &shared.small, &mut usage).await?;

    // Without servers for bytes, blobs are on the server of the queue, which is counted already.
    for server in servers.iter().filter(|_| shared.config.bytes_servers() > 0) {
        add(shared, server, &mut usage).await?;
    }
    Ok(usage)
}

async fn add(shared: &Shared, server: &Link, usage: &mut Usage) -> Result<(), QueueError> {
    let mut cursor = b"0".to_vec();
    let mut seen = HashSet::new(); // A scan may return a key twice.
    loop {
        let (keys, next) = blobs::scan(server, &shared.keys.pattern(), &cursor).await?;
        let of_jobs: Vec<_> = keys
            .iter()
            .filter(|key| seen.insert(key.to_vec()))
            .filter_map(|key| Some((key, shared.keys.parse_job_key(key)?)))
            .collect();

        // All keys of a step in one round trip.
        let mut pipeline = Pipeline::with_capacity(of_jobs.len());
        for (key, _) in &of_jobs {
            pipeline.cmd("MEMORY").arg("USAGE").arg(key.as_slice());
        }

        let sizes = if of_jobs.is_empty() {
            Vec::new()
        } else {
            server.pipeline(&pipeline, of_jobs.len()).await?
        };

        for ((_, job), size) in of_jobs.into_iter().zip(sizes) {
            match size {
                Value::Int(bytes) => *usage.entry(job).or_default() += bytes.unsigned_abs(),
                Value::Nil => {} // The key was deleted meanwhile.
                other => return Err(unexpected("MEMORY USAGE", &other)),
            }
        }

        if next == b"0" {
            return Ok(());
        }
        cursor = next;
    }
}
