//! Taking outcomes off the queue, without losing one to a lost reply.
//!
//! An outcome is dropped only by the next call, which says that this one came through.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redis::Value;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::batch::{Batch, HandedIn};
use super::blobs;
use super::connect::Tries;
use super::engine::Shared;
use super::fault::{Fault, unexpected};
use super::jobs;
use super::keys::{KEEP, outcome_name, parse_task_field};
use super::scripts::{COLLECT, Call, SWEEP};
use super::supply::{BYTES_AT_ONCE, MOST_AT_ONCE};
use crate::job::{Class, JobId};
use crate::outcome::{Outcome, TaskResult};
use crate::queue::QueueError;
use crate::wire::{self, WireError};

/// How often the lifetime of a job's keys begins anew, for another [`KEEP`].
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// How long the first of few outcomes waits for others, if there were some lately: a call costs the
/// server about as much as ten of them, and so do the calls that push what follows from them.
const LINGER: Duration = Duration::from_millis(20);
/// After a call that gave this many, the first outcome of the next waits for no others.
const MANY: usize = 16;

/// A consumer that was idle for this many sweeps, and holds nothing, is removed.
const IDLE_SWEEPS: u32 = 10;

/// The state of collecting the outcomes of one job.
pub struct Collecting {
    /// One collects at a time: two would be shown the same outcomes.
    turn: tokio::sync::Mutex<()>,
    /// The outcomes that the server showed, and the caller does not have yet: an entry holds
    /// several.
    shown: Mutex<VecDeque<Shown>>,
    /// The outcomes that the caller has, and the server still keeps.
    taken: Mutex<Vec<Taken>>,
    /// The last of the news that were heard, if nothing more was there: who may wait listens before
    /// the next look.
    heard: Mutex<Option<String>>,
    /// Held while the server learns what was taken: a list of it is sent once.
    telling: tokio::sync::Mutex<()>,
    /// When a call last showed outcomes, and how many.
    lately: Mutex<Option<(Instant, usize)>>,
    swept: Mutex<Instant>,
    /// When the lifetime of the job's keys last began anew.
    kept_alive: Mutex<Option<Instant>>,
}

/// An outcome, if it could be read or replaced, and where it stood.
struct Shown {
    outcome: Option<Outcome>,
    stood: Taken,
}

/// Where an outcome stood.
#[derive(Debug, Clone)]
struct Taken {
    entry: String,
    /// The task's field in `tasks`; empty for news.
    field: String,
    /// The hold that finished it: what the field says as long as the task was not pushed again.
    hold: String,
    /// Whether the outcome stood apart.
    apart: bool,
}

impl Taken {
    /// The name of the outcome's blob, if it stood apart.
    fn name(&self) -> String {
        outcome_name(&self.field, &self.hold)
    }
}

impl Default for Collecting {
    fn default() -> Self {
        Collecting {
            turn: Default::default(),
            shown: Mutex::default(),
            taken: Mutex::default(),
            heard: Mutex::default(),
            telling: Default::default(),
            lately: Mutex::default(),
            swept: Mutex::new(Instant::now()),
            kept_alive: Mutex::default(),
        }
    }
}

impl Collecting {
    /// Hands out up to `most` of what was shown. None of it is news for the server until the next
    /// call.
    fn hand_out(&self, most: usize) -> Vec<Outcome> {
        let mut shown = self.shown.lock().expect("no holder panics");
        let mut taken = self.taken.lock().expect("no holder panics");

        let mut outcomes = Vec::new();
        while outcomes.len() < most
            && let Some(Shown { outcome, stood }) = shown.pop_front()
        {
            taken.push(stood);
            outcomes.extend(outcome);
        }

        outcomes
    }

    /// How long an outcome that was announced waits for others.
    fn linger(&self) -> Duration {
        match *self.lately.lock().expect("no holder panics") {
            Some((at, count)) if count < MANY && at.elapsed() < 4 * LINGER => LINGER,
            _ => Duration::ZERO,
        }
    }

    fn is_to_keep_alive(&self) -> bool {
        let mut last = self.kept_alive.lock().expect("no holder panics");
        let due = last.is_none_or(|last| last.elapsed() >= KEEP_ALIVE);
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}

impl Shared {
    fn collecting(&self, job: JobId) -> Arc<Collecting> {
        Arc::clone(self.collecting.lock().expect("no holder panics").entry(job).or_default())
    }
}

pub async fn collect(
    shared: &Arc<Shared>,
    job: JobId,
    most: usize,
    wait: Duration,
) -> Result<Vec<Outcome>, QueueError> {
    let until = Instant::now() + wait;

    let collecting = shared.collecting(job);
    let _turn = collecting.turn.lock().await;

    jobs::sign_beside(shared, job);
    sweep(shared, job, &collecting).await?;

    let mut tries = Tries::new(shared.config.timing.patience);
    loop {
        let outcomes = collecting.hand_out(most);
        if !outcomes.is_empty() {
            return Ok(outcomes);
        }

        let left = until.saturating_duration_since(Instant::now());
        let heard = collecting.heard.lock().expect("no holder panics").take();
        if let Some(heard) = heard
            && !left.is_zero()
            && most > 0
        {
            match shared.blocking.hear(&shared.job(job).news, &heard, left).await {
                // Others may follow within a moment: one call then takes them all.
                Ok(()) => tokio::time::sleep(collecting.linger().min(left)).await,
                Err(fault @ (Fault::Broken(_) | Fault::Busy(_))) if tries.again().await => {
                    debug!(?fault, "could not wait for outcomes, looking again");
                }
                Err(fault) => return Err(fault.into()),
            }
        }

        let (heard, shown) = look(shared, job, &collecting, most).await?;
        *collecting.heard.lock().expect("no holder panics") = heard;

        let count = shown.len();
        if count > 0 {
            *collecting.lately.lock().expect("no holder panics") = Some((Instant::now(), count));
        }

        collecting.shown.lock().expect("no holder panics").extend(shown);
        if count == 0 && (most == 0 || Instant::now() >= until) {
            return Ok(Vec::new());
        }
    }
}

/// The fields of the tasks whose outcomes this process has from the server, but has not handed out
/// yet.
pub fn shown(shared: &Shared, job: JobId) -> HashSet<String> {
    let collecting = shared.collecting.lock().expect("no holder panics").get(&job).cloned();
    let Some(collecting) = collecting else { return HashSet::new() };

    let shown = collecting.shown.lock().expect("no holder panics");
    shown.iter().map(|shown| shown.stood.field.clone()).collect()
}

/// Tells the server which outcomes of `jobs` came through, so that it knows their tasks no more.
pub async fn confirm(shared: &Shared, jobs: impl Iterator<Item = JobId>) -> Result<(), QueueError> {
    for job in jobs.collect::<BTreeSet<_>>() {
        let collecting = shared.collecting.lock().expect("no holder panics").get(&job).cloned();
        if let Some(collecting) = collecting {
            // Asks for none: it only says which came.
            look(shared, job, &collecting, 0).await?;
        }
    }
    Ok(())
}

/// Drops what was taken, and shows what is there: up to `most` outcomes, and the last of the news
/// if there are no more.
async fn look(
    shared: &Shared,
    job: JobId,
    collecting: &Collecting,
    most: usize,
) -> Result<(Option<String>, Vec<Shown>), QueueError> {
    let _telling = collecting.telling.lock().await;

    let mut taken = VecDeque::from(collecting.taken.lock().expect("no holder panics").clone());
    loop {
        let told: Vec<Taken> = taken.drain(..taken.len().min(MOST_AT_ONCE)).collect();
        // If the list takes several calls, only the last shows outcomes.
        let most = if taken.is_empty() { most } else { 0 };
        let keep_alive = collecting.is_to_keep_alive();

        let call = call(shared, job, &told, most, keep_alive);
        // If either fails, the next look says and removes the same once more.
        let (answer, ()) = tokio::try_join!(shared.bulk.call(&call), remove(shared, job, &told))?;

        // Others have only appended to the list meanwhile.
        collecting.taken.lock().expect("no holder panics").drain(..told.len());

        if taken.is_empty() {
            let (heard, mut stored) =
                read(&answer).ok_or_else(|| unexpected("collect", &answer))?;
            // All that is needed of it has been copied.
            drop(answer);
            fetch(shared, job, &mut stored).await?;

            return Ok((heard, stored.into_iter().map(|stored| decode(job, stored)).collect()));
        }
    }
}

fn call(shared: &Shared, job: JobId, taken: &[Taken], most: usize, keep_alive: bool) -> Call {
    let keys = shared.job(job);
    let shares = [shared.keys.versions(), shared.keys.jobs(), shared.keys.bell(None)];

    let last = taken.last().map_or("", |taken| taken.entry.as_str());
    let keep_ms = if keep_alive { KEEP.as_millis().to_string() } else { String::new() };

    let mut call = Call::new(&COLLECT)
        .key(&keys.tasks)
        .key(&keys.outcomes)
        .key(&keys.news)
        .key(&keys.addressed)
        .keys(&shares)
        .keys(Class::ALL.map(|class| keys.stream(class, None)).iter())
        .argument(keep_ms)
        .argument(shared.keys.version())
        .argument(&keys.base)
        .argument(most)
        .argument(BYTES_AT_ONCE)
        .argument(last);

    // News are about no task that the server could forget.
    let tasks: Vec<&Taken> = taken.iter().filter(|taken| !taken.field.is_empty()).collect();
    for group in tasks.chunk_by(|a, b| a.hold == b.hold) {
        call.push(group[0].hold.as_str());
        call.push(group.len().to_string());
        group.iter().for_each(|taken| call.push(taken.field.as_str()));
    }

    call
}

/// An outcome as it stands on the queue.
struct Stored {
    stood: Taken,
    /// The outcome, encoded; empty as long as it stands apart.
    body: Vec<u8>,
}

/// Reads what the script answered: the last of the news, and the outcomes.
fn read(answer: &Value) -> Option<(Option<String>, Vec<Stored>)> {
    let Value::Array(parts) = answer else { return None };
    let (heard, entries) = parts.split_first()?;
    let mut stored = Vec::new();
    for entry in entries {
        read_entry(entry, &mut stored)?;
    }

    Some((Some(text(heard)?).filter(|heard| !heard.is_empty()), stored))
}

/// Reads an entry: its id; and the tasks that it is about, and their outcomes.
fn read_entry(entry: &Value, stored: &mut Vec<Stored>) -> Option<()> {
    let Value::Array(entry) = entry else { return None };
    let [entry, Value::Array(values)] = entry.as_slice() else { return None };
    let [fields, Value::BulkString(batch), rest @ ..] = values.as_slice() else { return None };
    let entry = text(entry)?;
    let fields = text(fields)?;

    // The batch has the outcomes of stale leases, too: the script names those by their places.
    let skipped = rest.get(1).and_then(text).unwrap_or_default();
    let skipped: HashSet<usize> =
        skipped.split(' ').filter_map(|place| place.parse().ok()).collect();

    let batch = wire::decode::<Batch>(batch).map(|batch| batch.0).unwrap_or_default();
    let mut handed_in = (0..)
        .zip(batch)
        .filter(|(place, _)| !skipped.contains(place))
        .map(|(_, handed_in)| handed_in);

    for field in fields.split(' ') {
        let found = handed_in.next().filter(|handed_in| handed_in.field == field);
        let apart = found.as_ref().is_some_and(|found| found.body.is_empty());

        // Without it, the batch is damaged and does not cover this task, so its outcome and holder
        // are unknown.
        let HandedIn { hold, body, .. } = found.unwrap_or_default();
        let stood = Taken { entry: entry.clone(), field: field.into(), hold, apart };
        stored.push(Stored { stood, body });
    }
    Some(())
}

fn text(value: &Value) -> Option<String> {
    if let Value::BulkString(bytes) = value {
        Some(String::from_utf8_lossy(bytes).into_owned())
    } else {
        None
    }
}

/// Fetches the outcomes that stand apart. They stay until the caller has them: should the answer be
/// lost, they are not.
async fn fetch(shared: &Shared, job: JobId, stored: &mut [Stored]) -> Result<(), QueueError> {
    let keys = shared.job(job);
    let mut apart: Vec<&mut Stored> =
        stored.iter_mut().filter(|stored| stored.stood.apart).collect();
    let names: Vec<String> = apart.iter().map(|stored| keys.blob(&stored.stood.name())).collect();

    let bodies = blobs::fetch(shared, &names).await?;
    apart.iter_mut().zip(bodies).for_each(|(stored, body)| stored.body = body.unwrap_or_default());
    Ok(())
}

/// Removes outcomes that stood apart, and are taken.
async fn remove(shared: &Shared, job: JobId, taken: &[Taken]) -> Result<(), QueueError> {
    let apart: Vec<String> = taken.iter().filter(|taken| taken.apart).map(Taken::name).collect();
    blobs::settle(shared, &shared.job(job), &[], &apart).await
}

fn decode(job: JobId, Stored { stood, body }: Stored) -> Shown {
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

/// Now and then removes the consumers of workers that are gone.
async fn sweep(shared: &Shared, job: JobId, collecting: &Collecting) -> Result<(), QueueError> {
    {
        let mut swept = collecting.swept.lock().expect("no holder panics");
        if swept.elapsed() < shared.config.timing.sweep {
            return Ok(());
        }
        *swept = Instant::now();
    }

    let keys = shared.job(job);
    let streams = Class::ALL.map(|class| keys.stream(class, None));
    let call = Call::new(&SWEEP)
        .keys(&streams)
        .argument((shared.config.timing.sweep * IDLE_SWEEPS).as_millis());

    match shared.bulk.call(&call).await? {
        Value::Int(0) => Ok(()),
        Value::Int(removed) => {
            debug!(%job, removed, "removed consumers that hold nothing");
            Ok(())
        }
        other => Err(unexpected("sweep", &other)),
    }
}
