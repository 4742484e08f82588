//! Outcomes as they stand on the queue, and how they are read.

use std::collections::HashSet;

use redis::Value;
use tracing::warn;

use super::batch::{Batch, HandedIn};
use super::keys::{outcome_name, parse_task_field};
use super::reply;
use crate::job::JobId;
use crate::outcome::{Outcome, TaskResult};
use crate::wire::{self, WireError};

/// An outcome as it stands on the queue.
pub struct Stored {
    pub stood: Place,
    /// The outcome, encoded; empty until its blob is fetched.
    pub body: Vec<u8>,
}

/// An outcome and where it stood; no outcome if it was lost, or was news and cannot be read.
pub struct Shown {
    pub outcome: Option<Outcome>,
    pub stood: Place,
}

/// Where an outcome stands.
#[derive(Debug, Clone)]
pub struct Place {
    pub entry: String,
    /// The task's field in `tasks`; empty for news.
    pub field: String,
    /// The lease id under which it was finished: the state of the task names it until the task is
    /// pushed again.
    pub lease_id: String,
    /// Whether the outcome is a blob.
    pub is_blob: bool,
}

impl Place {
    /// The name of the outcome's blob, if it has one.
    pub fn name(&self) -> String {
        outcome_name(&self.field, &self.lease_id)
    }
}

/// Reads the script's answer: the last entry of the news, if there are no more outcomes, and the
/// outcomes.
pub fn read(answer: &Value) -> Option<(Option<String>, Vec<Stored>)> {
    let (heard, entries) = reply::list(answer)?.split_first()?;
    let mut stored = Vec::new();
    for entry in entries {
        read_entry(entry, &mut stored)?;
    }

    let heard = reply::text(heard)?;
    Some(((!heard.is_empty()).then(|| heard.into()), stored))
}

/// Reads an entry, which has an id, the fields of its tasks, and their outcomes as a batch.
fn read_entry(entry: &Value, stored: &mut Vec<Stored>) -> Option<()> {
    let [entry, values] = reply::items(entry)?;
    let [fields, batch, rest @ ..] = reply::list(values)? else { return None };
    let entry = reply::text(entry)?;
    let fields = reply::text(fields)?;

    // The batch also has the outcomes under stale leases: the script lists their places.
    let skipped = rest.get(1).and_then(reply::text).unwrap_or_default();
    let skipped: HashSet<usize> =
        skipped.split(' ').filter_map(|place| place.parse().ok()).collect();

    let batch = wire::decode::<Batch>(reply::bytes(batch)?).map(|batch| batch.0);
    let mut handed_in = (0..)
        .zip(batch.unwrap_or_default())
        .filter(|(place, _)| !skipped.contains(place))
        .map(|(_, handed_in)| handed_in);

    for field in fields.split(' ') {
        let found = handed_in.next().filter(|handed_in| handed_in.field == field);
        let is_blob = found.as_ref().is_some_and(|found| found.body.is_empty());

        // If it is missing, the batch is damaged, and outcome and lease id of this task are lost.
        let HandedIn { lease_id, body, .. } = found.unwrap_or_default();
        let stood = Place { entry: entry.into(), field: field.into(), lease_id, is_blob };
        stored.push(Stored { stood, body });
    }
    Some(())
}

/// Reads an outcome of a job.
pub fn decode(job: JobId, Stored { stood, body }: Stored) -> Shown {
    let outcome = match wire::decode::<Outcome>(&body) {
        Ok(outcome) if outcome.task.job == job => Some(outcome),

        // The blob is gone. Once the entry is dropped, the audit finds the task missing and pushes
        // it again.
        Err(WireError::Empty) if stood.is_blob => None,
        Ok(other) => replace(
            job,
            &stood.field,
            format!("an outcome of another task, {}, came in its place", other.task),
        ),
        Err(error) => replace(job, &stood.field, format!("its outcome cannot be read: {error}")),
    };
    Shown { outcome, stood }
}

/// A replacement for an outcome that cannot be used: a failure of its task. `None` for news, which
/// no task waits for.
fn replace(job: JobId, field: &str, reason: String) -> Option<Outcome> {
    warn!(%job, reason, "an outcome on the queue is damaged");
    let task = parse_task_field(job, field)?;
    Some(Outcome { task, slot: String::new(), result: TaskResult::Failed { reason } })
}
