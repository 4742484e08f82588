//! A run's job on the queue: put there in place of an earlier one, and removed at the end.

use std::time::Duration;

use sheaf_common::queue::{JobOwner, JobQueue, Queue, QueueError};
use sheaf_worker::host::host;

use super::failure::{could_not_run, queue_failed};
use super::interrupt::Interrupt;
use crate::errors::Failure;
use crate::spool::Spool;

/// How long a run that begins waits for the queue. After that it goes on, and the driver says what
/// is wrong.
const OPENING: Duration = Duration::from_secs(2);

/// How long the removal of a job may take. If it fails, workers and other runs do it minutes later.
const REMOVAL: Duration = Duration::from_secs(10);
/// How long it may take after an interrupt, while the user waits.
const STOP_GRACE: Duration = Duration::from_secs(3);

/// This process as the owner of a job with this output, for `sheaf queue`.
pub fn owner(output: impl Into<String>) -> JobOwner {
    let output = output.into();
    JobOwner { host: host(), pid: std::process::id(), output, ..JobOwner::default() }
}

/// Puts the job of a run on the queue, in place of that of an earlier run.
///
/// # Errors
/// When the queue can never be used, or the place of the job cannot be noted.
pub async fn open_job<Q: Queue>(
    queue: &Q,
    job: &mut Q::Job,
    spool: &Spool,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    tokio::select! {
        opened = take_over(queue, job, spool) => opened,
        // A server that hangs must not hold up an interrupt, which the driver handles next.
        () = grace_after_stop(interrupt) => Ok(()),
    }
}

/// Removes what an earlier run of this job left on the queue, and opens this job.
async fn take_over<Q: Queue>(queue: &Q, job: &mut Q::Job, spool: &Spool) -> Result<(), Failure> {
    if let Some(left) = spool.place() {
        match queue.close_left(&left).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::info!(
                    server = left.server,
                    "the earlier run was on another queue: its job ends by itself"
                )
            }
            Err(error) => {
                tracing::warn!(
                    %error,
                    "could not remove the job of the earlier run; it ends by itself"
                )
            }
        }
    }

    // Noted before the job is opened: if this run is killed, the next one can remove the job.
    if let Some(place) = job.place() {
        spool.note_place(&place).map_err(could_not_run)?;
    }

    match tokio::time::timeout(OPENING, job.open()).await {
        Ok(Err(error @ QueueError::Unusable { .. })) => Err(queue_failed(error)),
        // Trouble that may pass: the driver tries again, and says what is wrong.
        Ok(Ok(()) | Err(_)) | Err(_) => Ok(()),
    }
}

/// Returns [`STOP_GRACE`] after an interrupt: a call in flight has had its time.
async fn grace_after_stop(interrupt: &mut Interrupt) {
    interrupt.stopped().await;
    tokio::time::sleep(STOP_GRACE).await;
}

/// Removes the job from the queue, if that is possible within [`REMOVAL`], or within [`STOP_GRACE`]
/// after an interrupt.
pub async fn remove_job(queue: &mut impl JobQueue, interrupt: &mut Interrupt) {
    let closed = tokio::select! {
        closed = queue.close() => closed.map_err(|error| error.to_string()),
        () = tokio::time::sleep(REMOVAL) => Err("the queue does not answer".into()),
        () = grace_after_stop(interrupt) => Err("the queue does not answer".into()),
    };

    if let Err(error) = closed {
        tracing::warn!(
            %error,
            "could not remove the job from the queue; the workers do that in a few minutes"
        );
    }
}
