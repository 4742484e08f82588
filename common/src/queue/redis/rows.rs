//! Blocks of rows: fetched to be rendered or kept, put there by a coordinator that has them from an
//! earlier run, or handed over from the stash of a worker that ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use redis::Value;

use super::blobs::STAGED;
use super::keys::{JobKeys, TTL, rows_name};
use super::state::Shared;
use crate::job::JobId;
use crate::queue::QueueError;
use crate::row::Block;
use crate::rows::RowsKey;

/// How many blocks of rows are handed over at once, each over its own connection.
const HANDED_OVER_AT_ONCE: usize = 8;

/// Fetches blocks, in the order of `keys`; `None` for a block that is not there.
pub async fn fetch(shared: &Shared, keys: &[RowsKey]) -> Result<Vec<Option<Block>>, QueueError> {
    let key = |key: &RowsKey| shared.keys.blob(key.task.job, &rows_name(key));
    let keys: Vec<String> = keys.iter().map(key).collect();

    let found = shared.blobs.fetch(&keys).await?;
    Ok(found.into_iter().map(|block| block.map(Arc::new)).collect())
}

/// Stores blocks of an open job, for as long as its keys live.
pub async fn put(
    shared: &Shared,
    keys: &JobKeys,
    rows: &[(RowsKey, Block)],
) -> Result<(), QueueError> {
    for rows in rows.chunks(HANDED_OVER_AT_ONCE) {
        let named = rows.iter().map(|(key, block)| (rows_name(key), block.as_slice()));
        let named: Vec<(String, &[u8])> = named.collect();
        shared.blobs.store(keys, &named, TTL).await?;
    }
    Ok(())
}

/// Stores blocks; skips those of jobs that are closed.
pub async fn hand_over(shared: &Shared, rows: &[(RowsKey, Block)]) -> Result<(), QueueError> {
    let mut jobs: BTreeMap<JobId, Vec<(String, &[u8])>> = BTreeMap::new();
    for (key, block) in rows {
        jobs.entry(key.task.job).or_default().push((rows_name(key), block.as_slice()));
    }

    for (job, rows) in jobs {
        let keys = shared.keys.job(job);
        // Rows belong to a completed task, and the first outcome of a job makes `news`. So without
        // `news` the job is closed, and its rows would stay until they expire.
        let exists = shared.small.request(redis::cmd("EXISTS").arg(&keys.news)).await?;
        if exists != Value::Int(1) {
            continue;
        }

        for rows in rows.chunks(HANDED_OVER_AT_ONCE) {
            shared.blobs.store(&keys, rows, STAGED).await?;
        }
    }
    Ok(())
}
