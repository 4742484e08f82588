//! Storing the outcomes of tasks.
//!
//! Each completion shows its lease id; one whose lease no longer holds the task changes nothing.

use super::batch::{Batch, HandedIn};
use super::by_stream::{Stream, by_stream};
use super::keys::{JobKeys, TTL, body_name, outcome_name, rows_name, task_field};
use super::limits::{BYTES_AT_ONCE, INLINE, LARGEST, MOST_AT_ONCE};
use super::scripts::{COMPLETE, Call};
use super::state::Shared;
use super::token::Token;
use super::{past, reply};
use crate::human;
use crate::outcome::{Outcome, TaskResult};
use crate::queue::{Completed, Completion, QueueError};
use crate::wire;
use tracing::warn;

pub async fn complete(
    shared: &Shared,
    completions: &[Completion],
) -> Result<Vec<Completed>, QueueError> {
    // Stays so for leases that this engine did not give: they are in no group.
    let mut answers = vec![Completed::Stale; completions.len()];

    let (groups, _stale) =
        by_stream(completions.iter().enumerate(), |(_, completion)| &completion.lease);

    for (stream, completions) in groups {
        // In several calls if they are large, so that other requests get a turn.
        let mut finishing = Finishing::new(shared, &stream);
        for ((place, completion), token) in completions {
            finishing.add(place, completion, token);
            if finishing.is_large() {
                finishing.send(&mut answers).await?;
                finishing = Finishing::new(shared, &stream);
            }
        }
        finishing.send(&mut answers).await?;
    }

    for (completion, answer) in completions.iter().zip(&answers) {
        // Not before the task is finished: until then its next holder needs the past.
        if *answer == Completed::Stored && completion.has_past {
            past::forget(shared, &completion.lease.task).await;
        }
    }
    Ok(answers)
}

/// Consecutive tasks with the same lease id.
struct Group {
    lease_id: String,
    /// Their fields in `tasks` and their entries.
    tasks: Vec<(String, String)>,
}

/// The blobs of a task, by their names: the script's answer decides which stay.
struct Sent {
    /// Where the answer goes.
    place: usize,
    rows: Vec<String>,
    /// The outcome, if it is a blob.
    outcome: Option<String>,
    /// The body of the task, if it is a blob.
    body: Option<String>,
}

/// A call of the script `complete` in the making; all its tasks are on one stream.
struct Finishing<'a> {
    shared: &'a Shared,
    keys: JobKeys,
    stream: String,
    sent: Vec<Sent>,
    groups: Vec<Group>,
    batch: Batch,
    rows: Vec<(String, &'a [u8])>,
    outcomes: Vec<(String, Vec<u8>)>,
    bytes: usize,
}

impl<'a> Finishing<'a> {
    fn new(shared: &'a Shared, stream: &Stream) -> Self {
        let keys = shared.keys.job(stream.job);
        let stream = stream.key(&keys);
        Finishing {
            shared,
            keys,
            stream,
            sent: Vec::new(),
            groups: Vec::new(),
            batch: Batch::default(),
            rows: Vec::new(),
            outcomes: Vec::new(),
            bytes: 0,
        }
    }

    fn add(&mut self, place: usize, completion: &'a Completion, token: Token) {
        let Completion { lease, outcome, rows, .. } = completion;
        let mut rows = rows.as_slice();
        let mut body = wire::encode_large(outcome, outcome.segment_bytes());

        let largest =
            rows.iter().map(|(_, block)| block.len()).max().unwrap_or_default().max(body.len());
        // Redis would refuse it on every try, so the task fails here instead.
        if largest > LARGEST {
            body = wire::encode(&too_large(outcome, largest));
            rows = &[];
        }

        let field = task_field(&lease.task);
        self.bytes += body.len() + rows.iter().map(|(_, block)| block.len()).sum::<usize>();

        let names: Vec<String> =
            rows.iter().map(|(block, _)| rows_name(&lease.rows_key(*block))).collect();
        self.rows.extend(names.iter().cloned().zip(rows.iter().map(|(_, block)| block.as_slice())));

        // A small outcome stays in the batch and goes through the script.
        let outcome = (body.len() > INLINE).then(|| outcome_name(&field, &token.lease_id));
        self.outcomes.extend(outcome.clone().map(|name| (name, std::mem::take(&mut body))));

        self.sent.push(Sent {
            place,
            rows: names,
            outcome,
            body: token.is_blob.then(|| body_name(&lease.task)),
        });
        self.batch.0.push(HandedIn {
            field: field.clone(),
            lease_id: token.lease_id.clone(),
            body,
        });

        let task = (field, token.entry);
        // Saves bytes: the tasks of one lease call mostly come together, and share a lease id.
        match self.groups.last_mut() {
            Some(group) if group.lease_id == token.lease_id => group.tasks.push(task),
            _ => self.groups.push(Group { lease_id: token.lease_id, tasks: vec![task] }),
        }
    }

    fn is_large(&self) -> bool {
        self.sent.len() >= MOST_AT_ONCE || self.bytes >= BYTES_AT_ONCE
    }

    async fn send(self, answers: &mut [Completed]) -> Result<(), QueueError> {
        if self.sent.is_empty() {
            return Ok(());
        }

        let call = self.call();
        let Finishing { shared, keys, sent, rows, outcomes, .. } = self;
        let blobs: Vec<_> = rows
            .into_iter()
            .chain(outcomes.iter().map(|(name, body)| (name.clone(), &**body)))
            .collect();

        // The blobs go first: once the script has stored their names, others fetch them.
        shared.blobs.stage(&keys, &blobs).await?;
        let answer = shared.small.call(&call).await?;
        let stored = reply::expect_flags("complete", &answer, sent.len())?;

        let mut live = Vec::new();
        let mut gone = Vec::new();
        for (Sent { place, rows, outcome, body }, stored) in sent.into_iter().zip(stored) {
            answers[place] = if stored { Completed::Stored } else { Completed::Stale };
            // Under a stale lease no other process knows these blobs, so all of them go.
            if stored {
                live.extend(rows);
                gone.extend(body);
            } else {
                gone.extend(rows.into_iter().chain(outcome));
            }
        }

        if let Err(error) = shared.blobs.settle(&keys, &live, &gone).await {
            // No reason to fail: the tasks are finished. Blobs that expire too early are extracted
            // again, and those left over expire.
            warn!(%error, "could not refresh the lifetime of result blobs");
        }
        Ok(())
    }

    fn call(&self) -> Call {
        let mut call = Call::new(&COMPLETE)
            .key(&self.keys.tasks)
            .key(&self.keys.outcomes)
            .key(&self.keys.news)
            .key(&self.stream)
            .argument(TTL.as_millis());

        call.push(wire::encode(&self.batch));

        for Group { lease_id, tasks } in &self.groups {
            call.push(lease_id.as_str());
            call.push(tasks.len().to_string());
            for (field, entry) in tasks {
                call.push(field.as_str());
                call.push(entry.as_str());
            }
        }

        call
    }
}

/// The outcome in place of one that has a part longer than a value in Redis may be: a failure, with
/// a reason for people.
fn too_large(outcome: &Outcome, largest: usize) -> Outcome {
    let size = human::size(largest as u64);
    let most = human::limit(LARGEST as u64);
    let reason = format!("a part of its result takes {size}, one value in Redis at most {most}");

    warn!(task = %outcome.task, reason, "a result is too large for the queue");
    Outcome { result: TaskResult::Failed { reason }, ..outcome.clone() }
}
