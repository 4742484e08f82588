//! Outcomes as they stand on the queue, and as they are read.

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
    /// The outcome, encoded; empty as long as it stands apart.
    pub body: Vec<u8>,
}

/// An outcome, if it could be read or replaced, and where it stood.
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
    /// The hold that finished it: what the field says as long as the task was not pushed again.
    pub hold: String,
    /// Whether the outcome stands apart.
    pub apart: bool,
}

impl Place {
    /// The name of the outcome's blob, if it stands apart.
    pub fn name(&self) -> String {
        outcome_name(&self.field, &self.hold)
    }
}

/// Reads what the script answered: the last of the news, if there is nothing more; and the outcomes.
pub fn read(answer: &Value) -> Option<(Option<String>, Vec<Stored>)> {
    let (heard, entries) = reply::list(answer)?.split_first()?;
    let mut stored = Vec::new();
    for entry in entries {
        read_entry(entry, &mut stored)?;
    }

    let heard = reply::text(heard)?;
    Some(((!heard.is_empty()).then(|| heard.into()), stored))
}

/// Reads an entry: its id; and the tasks that it is about, and their outcomes.
fn read_entry(entry: &Value, stored: &mut Vec<Stored>) -> Option<()> {
    let [entry, values] = reply::items(entry)?;
    let [fields, batch, rest @ ..] = reply::list(values)? else { return None };
    let entry = reply::text(entry)?;
    let fields = reply::text(fields)?;

    // The batch has the outcomes of stale leases, too: the script names those by their places.
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
        let apart = found.as_ref().is_some_and(|found| found.body.is_empty());

        // Without it, the batch is damaged and does not cover this task, so its outcome and holder
        // are unknown.
        let HandedIn { hold, body, .. } = found.unwrap_or_default();
        let stood = Place { entry: entry.into(), field: field.into(), hold, apart };
        stored.push(Stored { stood, body });
    }
    Some(())
}

/// Reads an outcome of a job.
pub fn decode(job: JobId, Stored { stood, body }: Stored) -> Shown {
    let outcome = match wire::decode::<Outcome>(&body) {
        Ok(outcome) if outcome.task.job == job => Some(outcome),
        // The outcome is lost: once it is taken, its task is missing, and pushed again.
        Err(WireError::Empty) if stood.apart => None,
        Ok(other) => replace(
            job,
            &stood.field,
            format!("an outcome of another task, {}, came in its place", other.task),
        ),
        Err(error) => replace(job, &stood.field, format!("its outcome cannot be read: {error}")),
    };
    Shown { outcome, stood }
}

/// A replacement for an outcome that cannot be used: a failure of its task; `None` for news, which
/// nobody waits for.
fn replace(job: JobId, field: &str, reason: String) -> Option<Outcome> {
    warn!(%job, reason, "an outcome on the queue is damaged");
    let task = parse_task_field(job, field)?;
    Some(Outcome { task, slot: String::new(), result: TaskResult::Failed { reason } })
}
