//! Blobs: bytes that do not go through a script, but stand under keys of their own.
//!
//! A script copies what goes through it four times over, while the server does nothing else: of a run over Redis that
//! shipped all through scripts, the server's time was 2.3 s for 200 MB, and 1.0 s since blobs stand apart (`INFO cpu` around
//! the run). So the bytes go by plain commands, and scripts move only their names:
//!
//! ```text
//! push:      SET body,            then the script puts the task on its stream
//! lease:     the script gives the task, then GET body
//! complete:  SET staged blocks,   then the script renames them to rows, if the lease still holds; else it removes them
//! ```
//! What is staged and never taken over, as its worker died, disappears after [`STAGED`].

use std::time::Duration;

use redis::Value;

use super::engine::Shared;
use super::fault::unexpected;
use super::keys::JobKeys;
use super::scripts::{Call, STAGE};
use crate::queue::QueueError;

/// What is no longer than this goes through the script after all: it would cost more to fetch it by itself.
pub const INLINE: usize = 16 << 10;

/// The most bytes of one blob: Redis' `proto-max-bulk-len`.
pub const LARGEST: usize = 512 << 20;

/// How long a blob waits for the script that takes it over, which comes right after it.
pub const STAGED: Duration = Duration::from_secs(5 * 60);

/// How many blobs are fetched at once; most are about 1 MiB each.
const AT_ONCE: usize = 4;

/// Stores blobs, by what their keys have after the job's; each lives for `keep`.
///
/// # Errors
/// [`QueueError::Full`] among others; some of them may be stored then.
pub async fn store(
    shared: &Shared,
    job: &JobKeys,
    blobs: &[(String, &[u8])],
    keep: Duration,
) -> Result<(), QueueError> {
    if blobs.is_empty() {
        return Ok(());
    }
    let mut pipeline = redis::Pipeline::with_capacity(blobs.len());
    for (name, bytes) in blobs {
        pipeline.cmd("SET").arg(job.blob(name)).arg(*bytes).arg("PX").arg(keep.as_millis() as u64);
    }
    shared.blobs.pipeline(&pipeline, blobs.len()).await
}

/// Stores blobs for [`STAGED`], even when the server is full: what takes them over drains it.
pub async fn stage(shared: &Shared, job: &JobKeys, blobs: &[(String, &[u8])]) -> Result<(), QueueError> {
    match store(shared, job, blobs, STAGED).await {
        Err(QueueError::Full(_)) => {}
        stored_or_broken => return stored_or_broken,
    }
    for (name, bytes) in blobs {
        let mut call = Call::new(&STAGE).key(&job.tasks).key(job.blob(name)).argument(STAGED.as_millis());
        call.push(*bytes);
        match shared.blobs.call(&call).await? {
            Value::Int(1) => {}
            other => return Err(unexpected("stage", &other)),
        }
    }
    Ok(())
}

/// Fetches blobs by their keys, in order; `None` for one that is not there.
pub async fn fetch(shared: &Shared, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, QueueError> {
    let mut blobs = Vec::with_capacity(keys.len());
    for keys in keys.chunks(AT_ONCE) {
        let mut command = redis::cmd("MGET");
        command.arg(keys);
        match shared.blobs.request(&command).await? {
            Value::Array(found) if found.len() == keys.len() => {
                for value in found {
                    blobs.push(bytes_or_nothing(value).map_err(|other| unexpected("MGET", &other))?);
                }
            }
            other => return Err(unexpected("MGET", &other)),
        }
    }
    Ok(blobs)
}

/// The bytes of an answer, or that there are none; else the answer.
fn bytes_or_nothing(value: Value) -> Result<Option<Vec<u8>>, Value> {
    match value {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(bytes)),
        other => Err(other),
    }
}
