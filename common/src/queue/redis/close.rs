//! Removes jobs.

use super::keys::{JobKeys, Keys};
use super::reply;
use super::scripts::{CLOSE, Call};
use super::state::Shared;
use crate::job::JobId;
use crate::queue::QueueError;

/// The most steps of 1,000 keys in which each server is searched for blobs of a job that was done.
/// They cover a server that only Sheaf uses. On a large shared server, leftovers expire instead.
const FEW_LOOKS: usize = 100;

/// The state in which a job was closed.
enum Left {
    /// Tasks that were not finished, or outcomes that were not collected.
    Open,
    /// All its tasks were done and collected.
    Nothing,
}

/// Removes a job of this process.
pub async fn close(shared: &Shared, keys: &JobKeys, job: JobId) -> Result<(), QueueError> {
    let most_looks = match remove_all_but_blobs(shared, &shared.keys, keys, job).await? {
        // Completed tasks took their blobs along; only rows that were never rendered may be left.
        Left::Nothing => FEW_LOOKS,
        Left::Open => usize::MAX,
    };

    shared.blobs.clear(keys, most_looks).await
}

/// Removes the job of another process, perhaps of another version.
pub async fn remove(shared: &Shared, queue: &Keys, job: JobId) -> Result<(), QueueError> {
    let keys = queue.job(job);
    // The job leaves the list last, so that a removal that breaks off is done again.
    shared.blobs.clear(&keys, usize::MAX).await?;
    remove_all_but_blobs(shared, queue, &keys, job).await.map(|_| ())
}

/// Removes all keys of a job except its blobs.
async fn remove_all_but_blobs(
    shared: &Shared,
    queue: &Keys,
    keys: &JobKeys,
    job: JobId,
) -> Result<Left, QueueError> {
    let call = Call::new(&CLOSE)
        .key(queue.jobs())
        .key(queue.alive())
        .key(queue.owners())
        .key(queue.bell(None))
        .key(queue.unconfirmed())
        .key(queue.versions())
        .key(queue.seen())
        .key(&keys.addressed)
        .key(&keys.tasks)
        .key(&keys.outcomes)
        .keys(keys.all())
        .argument(job)
        .argument(&keys.base)
        .argument(queue.version());

    let was_open = reply::expect_flag("close", &shared.small.call(&call).await?)?;
    Ok(if was_open { Left::Open } else { Left::Nothing })
}
