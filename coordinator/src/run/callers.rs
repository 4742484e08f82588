//! The calls of a run to its queue: one that changes something, and questions beside it.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use sheaf_common::queue::{JobQueue, Outlook, QueueError};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tracing::{debug, warn};

use super::driver::{Call, Event, Question};

/// The most outcomes taken at once, and how long a call waits for the first.
const OUTCOMES: usize = 256;
const WAIT: Duration = Duration::from_millis(200);

/// The way to [`callers`].
pub struct Lines {
    calls: UnboundedSender<(Call, Duration)>,
    questions: UnboundedSender<Question>,
    whys: UnboundedSender<Question>,
}

impl Lines {
    /// Has a call made after a pause.
    pub fn call(&self, call: Call, after: Duration) {
        let _ = self.calls.send((call, after)); // Fails only when the run is over.
    }

    /// Has a question asked.
    pub fn ask(&self, question: Question) {
        let line = match question {
            Question::WhyIdle { .. } => &self.whys,
            Question::Capacity | Question::LostWorkers | Question::Remarks => &self.questions,
        };

        let _ = line.send(question); // Fails only when the run is over.
    }
}

/// What makes the calls that come through the lines, each line's one after another, and sends the
/// answers to `events`. It never ends; dropped, it drops the calls that are under way.
pub fn callers<'q, J: JobQueue>(
    queue: &'q mut J,
    events: &UnboundedSender<Event>,
) -> (impl Future<Output = Infallible> + use<'q, J>, Lines) {
    let (calls, calls_out) = unbounded_channel();
    let (questions, questions_out) = unbounded_channel();
    let (whys, whys_out) = unbounded_channel();
    let lines = Lines { calls, questions, whys };

    let asking = ask(queue.outlook(), questions_out, events.clone());
    let asking_why = ask(queue.outlook(), whys_out, events.clone());
    let calling = make_calls(queue, calls_out, events.clone());
    let all = async {
        let (never, _, _) = tokio::join!(calling, asking, asking_why);
        never
    };

    (all, lines)
}

async fn make_calls<J: JobQueue>(
    queue: &mut J,
    mut calls: UnboundedReceiver<(Call, Duration)>,
    events: UnboundedSender<Event>,
) -> Infallible {
    loop {
        let (call, after) = next(&mut calls).await;
        if !after.is_zero() {
            tokio::time::sleep(after).await;
        }

        let event = match call {
            Call::Collect => Event::Collected(told("collect", queue.collect(OUTCOMES, WAIT).await)),
            Call::Audit(tasks) => {
                let lost = told("audit", queue.missing(tasks).await);
                if let Ok(lost) = &lost
                    && let Some(first) = lost.first()
                {
                    warn!(tasks = lost.len(), %first, "the queue has lost tasks, pushing them again");
                    debug!(?lost);
                }

                Event::Audited(lost)
            }
            Call::Forget(rows) => {
                let answer = told("forget", queue.forget(rows.clone()).await);
                Event::Forgotten(rows, answer)
            }
        };

        let _ = events.send(event); // Fails only when the run is over.
    }
}

async fn ask<O: Outlook>(
    outlook: O,
    mut questions: UnboundedReceiver<Question>,
    events: UnboundedSender<Event>,
) -> Infallible {
    loop {
        let event = match next(&mut questions).await {
            Question::Capacity => Event::Sized(told("capacity", outlook.capacity().await)),
            Question::LostWorkers => Event::Lost(outlook.lost().await),
            Question::Remarks => Event::Remarked(told("remarks", outlook.remarks().await)),
            Question::WhyIdle { needs_others } => Event::Why(outlook.why_idle(needs_others).await),
        };

        let _ = events.send(event); // Fails only when the run is over.
    }
}

async fn next<T>(line: &mut UnboundedReceiver<T>) -> T {
    match line.recv().await {
        Some(next) => next,
        None => std::future::pending().await, // The run is over.
    }
}

/// Logs an answer that did not come: it is asked for again.
fn told<T>(call: &'static str, answer: Result<T, QueueError>) -> Result<T, QueueError> {
    if let Err(error) = &answer {
        warn!(call, %error, "the queue did not answer, trying again");
    }

    answer
}
