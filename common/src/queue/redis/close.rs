//! Removing a job.

use super::keys::{JobKeys, Keys};
use super::reply;
use super::scripts::{CLOSE, Call};
use super::state::Shared;
use crate::job::JobId;
use crate::queue::QueueError;

/// How often each server is asked for 1,000 keys when a job that seems to have left nothing is
/// closed. That is enough for all keys of a server that only Sheaf uses. On a large server that
/// others use, too, leftovers disappear in time.
const FEW_LOOKS: usize = 100;

/// What a job has left when it was closed, beside its blobs.
enum Left {
    /// Tasks that were not finished, or outcomes that were not collected.
    Open,
    /// All its tasks were done and collected.
    Nothing,
}

/// Removes a job of this process.
pub async fn close(shared: &Shared, keys: &JobKeys, job: JobId) -> Result<(), QueueError> {
    let most_looks = match remove_all_but_blobs(shared, &shared.keys, keys, job).await? {
        // The tasks took their bytes with them; but rows that were never rendered stay.
        Left::Nothing => FEW_LOOKS,
        Left::Open => usize::MAX,
    };

    shared.blobs.clear(keys, most_looks).await
}

/// Removes a job that another process left, perhaps under another version.
pub async fn remove(shared: &Shared, queue: &Keys, job: JobId) -> Result<(), QueueError> {
    let keys = queue.job(job);
    // Its name goes last: what breaks off before is done again.
    shared.blobs.clear(&keys, usize::MAX).await?;
    remove_all_but_blobs(shared, queue, &keys, job).await.map(|_| ())
}

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

    let was_open = reply::expect_flag("close", &shared.bulk.call(&call).await?)?;
    Ok(if was_open { Left::Open } else { Left::Nothing })
}
