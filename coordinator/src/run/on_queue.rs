//! A run's job on the queue: how it takes the place of an earlier one, and how it goes.

use std::time::Duration;

use sheaf_common::queue::{JobOwner, JobQueue, Queue, QueueError};
use sheaf_worker::host::host;

use super::failure::{could_not_run, queue_failed};
use super::interrupt::Interrupt;
use crate::config::RunConfig;
use crate::errors::Failure;
use crate::spool::Spool;

/// How long a run that begins waits for a server that refuses, before it goes on to say so.
const OPENING: Duration = Duration::from_secs(2);

/// How long removing a job from the queue may take: workers and other runs do it minutes later.
const CALLING_OFF: Duration = Duration::from_secs(10);
/// The same after an interrupt: the user waits.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Whose the job of a run is.
pub fn owner(config: &RunConfig) -> JobOwner {
    let output = config.outputs[0].name();
    JobOwner { host: host(), pid: std::process::id(), output, ..JobOwner::default() }
}

/// Removes what an earlier run of this job left on the queue, and puts this one in its place.
pub async fn take_over<Q: Queue>(
    queue: &Q,
    job: &mut Q::Job,
    spool: &Spool,
) -> Result<(), Failure> {
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

    // Noted before anything stands there.
    if let Some(place) = job.place() {
        spool.note_place(&place).map_err(could_not_run)?;
    }

    match tokio::time::timeout(OPENING, job.open()).await {
        Ok(Err(error @ QueueError::Unusable { .. })) => Err(queue_failed(error)),
        // Trouble that may pass is left to the run: it tries again, and says what is wrong.
        Ok(Ok(()) | Err(_)) | Err(_) => Ok(()),
    }
}

/// Ends when a call that was under way at an interrupt has had [`LAST_WORDS`].
pub async fn soon_after(interrupt: &mut Interrupt) {
    interrupt.stopped().await;
    tokio::time::sleep(LAST_WORDS).await;
}

/// Removes the job from the queue, as far as that is possible in [`CALLING_OFF`], or in
/// [`LAST_WORDS`] after an interrupt.
pub async fn call_off(queue: &mut impl JobQueue, interrupt: &mut Interrupt) {
    let closed = tokio::select! {
        closed = queue.close() => closed.map_err(|error| error.to_string()),
        () = tokio::time::sleep(CALLING_OFF) => Err("the queue does not answer".into()),
        () = soon_after(interrupt) => Err("the queue does not answer".into()),
    };

    if let Err(error) = closed {
        tracing::warn!(
            %error,
            "could not remove the job from the queue; the workers do that in a few minutes"
        );
    }
}
