//! Makes the calls of a run to its queue: one at a time that changes something, and questions
//! beside it.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sheaf_common::outcome::Outcome;
use sheaf_common::queue::{JobQueue, Outlook, QueueError};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tracing::{debug, warn};

use super::driver::{Call, Event, Question};
use crate::reuse::Reuser;

/// The most outcomes of one call, and how long it waits for the first.
const OUTCOMES: usize = 256;
const WAIT: Duration = Duration::from_millis(200);

/// Sends requests to [`callers`].
pub struct Requests {
    calls: UnboundedSender<(Call, Duration)>,
    questions: UnboundedSender<Question>,
    whys: UnboundedSender<Question>,
}

impl Requests {
    /// Requests a call, to be made after a pause.
    pub fn call(&self, call: Call, after: Duration) {
        let _ = self.calls.send((call, after)); // Fails only when the run is over.
    }

    /// Requests an answer to a question.
    pub fn ask(&self, question: Question) {
        let channel = match question {
            Question::WhyIdle { .. } => &self.whys,
            Question::Capacity | Question::LostWorkers | Question::Remarks => &self.questions,
        };

        let _ = channel.send(question); // Fails only when the run is over.
    }
}

/// Makes the calls that are requested and sends the answers to `events`. There are three channels,
/// and each is served one request after the other: calls, questions, and why nothing comes, which
/// must be answered when the other questions hang. The future never ends; dropping it drops the
/// calls in flight.
pub fn callers<'q, J: JobQueue>(
    queue: &'q mut J,
    reuser: Option<Arc<Reuser>>,
    events: &UnboundedSender<Event>,
) -> (impl Future<Output = Infallible> + use<'q, J>, Requests) {
    let (calls, calls_out) = unbounded_channel();
    let (questions, questions_out) = unbounded_channel();
    let (whys, whys_out) = unbounded_channel();
    let requests = Requests { calls, questions, whys };

    let asking = ask(queue.outlook(), questions_out, events.clone());
    let asking_why = ask(queue.outlook(), whys_out, events.clone());
    let calling = make_calls(queue, reuser, calls_out, events.clone());
    let all = async {
        // None of them ends, so the first stands for all.
        let (never, _, _) = tokio::join!(calling, asking, asking_why);
        never
    };

    (all, requests)
}

async fn make_calls<J: JobQueue>(
    queue: &mut J,
    reuser: Option<Arc<Reuser>>,
    mut calls: UnboundedReceiver<(Call, Duration)>,
    events: UnboundedSender<Event>,
) -> Infallible {
    loop {
        let (call, after) = next(&mut calls).await;

        // A call failed just now: the next one would fail as well.
        if !after.is_zero() {
            tokio::time::sleep(after).await;
        }

        let event = match call {
            Call::Collect => {
                let outcomes = logged("collect", queue.collect(OUTCOMES, WAIT).await);
                if let (Some(reuser), Ok(outcomes)) = (&reuser, &outcomes) {
                    keep(queue, reuser, outcomes).await;
                }

                Event::Collected(outcomes)
            }
            Call::Audit(tasks) => {
                let lost = logged("audit", queue.missing(tasks).await);
                if let Ok(lost) = &lost
                    && let Some(first) = lost.first()
                {
                    warn!(tasks = lost.len(), %first, "the queue has lost tasks, pushing them again");
                    debug!(?lost);
                }

                Event::Audited(lost)
            }
            Call::Forget(rows) => {
                let answer = logged("forget", queue.forget(rows.clone()).await);
                Event::Forgotten(rows, answer)
            }
            Call::Prioritise(priority) => {
                let answer = logged("prioritise", queue.prioritise(priority).await);
                Event::Ranked(priority, answer)
            }
        };

        let _ = events.send(event); // Fails only when the run is over.
    }
}

/// Keeps the rows of outcomes for a later run, before the ledger has them rendered and dropped.
/// Files whose rows cannot be had are not kept.
async fn keep<J: JobQueue>(queue: &mut J, reuser: &Arc<Reuser>, outcomes: &[Outcome]) {
    // One by one, as each may have many rows.
    for outcome in outcomes {
        let Some(keys) = reuser.wants(outcome) else { continue };
        let Ok(blocks) = logged("rows", queue.rows(keys.clone()).await) else { continue };

        let blocks = keys.into_iter().zip(blocks);
        let blocks = blocks.filter_map(|(key, block)| Some((key, block?))).collect();
        let (reuser, outcome) = (Arc::clone(reuser), outcome.clone());

        // Packing and writing block.
        let kept = tokio::task::spawn_blocking(move || reuser.keep(&outcome, &blocks));
        kept.await.expect("keeping does not panic");
    }
}

async fn ask<O: Outlook>(
    outlook: O,
    mut questions: UnboundedReceiver<Question>,
    events: UnboundedSender<Event>,
) -> Infallible {
    loop {
        let event = match next(&mut questions).await {
            Question::Capacity => Event::Sized(logged("capacity", outlook.capacity().await)),
            Question::LostWorkers => Event::Lost(outlook.lost().await),
            Question::Remarks => Event::Remarked(logged("remarks", outlook.remarks().await)),
            Question::WhyIdle { needs_others } => Event::Why(outlook.why_idle(needs_others).await),
        };

        let _ = events.send(event); // Fails only when the run is over.
    }
}

async fn next<T>(requests: &mut UnboundedReceiver<T>) -> T {
    match requests.recv().await {
        Some(next) => next,
        None => std::future::pending().await, // The run is over.
    }
}

/// Logs a call that failed. The driver makes it again.
fn logged<T>(call: &'static str, answer: Result<T, QueueError>) -> Result<T, QueueError> {
    if let Err(error) = &answer {
        warn!(call, %error, "the queue did not answer, trying again");
    }

    answer
}
