//! Hands in the outcomes of tasks in batches: a call costs about as much as ten outcomes in it.

use std::sync::Arc;
use std::time::Duration;

use sheaf_common::queue::{Completed, Completion, QueueError, WorkQueue};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{Semaphore, watch};
use tracing::{info, warn};

use super::fitness::{Failures, Fitness};
use super::held::Held;
use super::{Order, Tally};

/// The most completions in one call.
const BATCH: usize = 64;
/// A batch of this size does not wait for more ([`Traits::linger`]).
///
/// [`Traits::linger`]: sheaf_common::queue::Traits::linger
const MANY: usize = 8;

/// How long a call in flight may take after [`Order::Stop`].
const LAST_CALL: Duration = Duration::from_millis(500);

/// Hands in completions until every slot has dropped its sender, or until shortly after
/// [`Order::Stop`]. Leases of completions that were not handed in are released by the caller.
///
/// # Errors
/// [`QueueError::Unusable`], or [`QueueError::Here`] after a while; anything else is retried.
pub async fn finish<W: WorkQueue>(
    queue: W,
    held: Arc<Held>,
    outcomes: UnboundedReceiver<Completion>,
    room: Arc<Semaphore>,
    watched: (Arc<Fitness>, Arc<Tally>),
    mut order: watch::Receiver<Order>,
) -> Result<(), QueueError> {
    tokio::select! {
        finished = finish_all(queue, held, outcomes, room, watched) => finished,
        () = super::after_stop(&mut order, LAST_CALL) => Ok(()),
    }
}

async fn finish_all<W: WorkQueue>(
    queue: W,
    held: Arc<Held>,
    mut outcomes: UnboundedReceiver<Completion>,
    room: Arc<Semaphore>,
    (fitness, tally): (Arc<Fitness>, Arc<Tally>),
) -> Result<(), QueueError> {
    let linger = queue.traits().linger;
    let mut batch = Vec::new();
    while outcomes.recv_many(&mut batch, BATCH).await > 0 {
        // A few outcomes wait for others, which saves the server a call.
        if batch.len() < MANY && !linger.is_zero() {
            tokio::time::sleep(linger).await;
            while batch.len() < BATCH
                && let Ok(completion) = outcomes.try_recv()
            {
                batch.push(completion);
            }
        }

        let mut failures = Failures::default();
        let answers = loop {
            let lap = tally.steps.calls.lap();
            let answer = queue.complete_if_held(&batch).await;
            drop(lap);

            match answer {
                Ok(answers) => break answers,
                Err(error @ QueueError::Unusable { .. }) => return Err(error),
                Err(error) => {
                    warn!(%error, "could not hand in");
                    match fitness.call_failed(&mut failures, &error, &tally) {
                        Some(pause) => tokio::time::sleep(pause).await,
                        None => return Err(error), // The worker gives up.
                    }
                }
            }
        };

        // Room is free only now: a stuck hand-in must also stop leasing.
        room.add_permits(batch.len());

        for (completion, answer) in batch.drain(..).zip(answers) {
            held.remove(&completion.lease);
            if answer == Completed::Stale {
                // Nothing is lost, and after a stopped run this is normal: hence no warning.
                info!(
                    task = %completion.lease.task,
                    "came too late: its run has ended, or another worker has the task"
                );
            }
        }
    }
    Ok(())
}
