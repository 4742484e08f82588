//! What a holder does with its leases (extend, complete, release), handing over the rows that it
//! kept, and news of what goes on.
//!
//! Each call names the hold that it acts for; one that no longer holds changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use redis::Value;
use tracing::warn;

use super::batch::{Batch, HandedIn};
use super::blobs::{self, STAGED};
use super::engine::Shared;
use super::fault::unexpected;
use super::keys::{JobKeys, KEEP, body_name, outcome_name, rows_name, task_field};
use super::past;
use super::scripts::{COMPLETE, Call, EXTEND, NOTIFY, RELEASE, flags};
use super::supply::{BYTES_AT_ONCE, MOST_AT_ONCE};
use super::token::Token;
use crate::human;
use crate::job::{Class, JobId};
use crate::outcome::{Outcome, TaskResult};
use crate::queue::{Completed, Completion, Lease, QueueError};
use crate::row::Block;
use crate::task::RowsKey;
use crate::wire;

/// How many blocks of rows are handed over at once: each goes over a connection of its own.
const HANDED_OVER_AT_ONCE: usize = 8;

pub async fn extend(shared: &Shared, leases: Vec<Lease>) -> Result<Vec<Lease>, QueueError> {
    let (groups, mut lost) = by_holder(leases, |lease| lease);
    for (Stream { job, class, consumer, own }, holds) in groups {
        let keys = shared.job(job);
        let stream = keys.stream(class, own.then_some(&consumer));

        for holds in holds.chunks(MOST_AT_ONCE) {
            let mut call = Call::new(&EXTEND).key(&stream).key(&keys.tasks).argument(&consumer);
            holds.iter().for_each(|(lease, token)| push_hold(&mut call, lease, token));

            let answers = flags("extend", shared.pulse.call(&call).await?, holds.len())?;

            lost.extend(
                holds
                    .iter()
                    .zip(answers)
                    .filter(|(_, held)| !held)
                    .map(|((lease, _), _)| lease.clone()),
            );
        }
    }
    Ok(lost)
}

pub async fn release(shared: &Shared, leases: Vec<Lease>) -> Result<(), QueueError> {
    // A lease that this engine did not give holds nothing that could be released.
    let (groups, _stale) = by_holder(leases, |lease| lease);
    for (Stream { job, class, consumer, own }, holds) in groups {
        let keys = shared.job(job);
        let addressee = own.then_some(consumer.as_str());
        let stream = keys.stream(class, addressee);
        let bell = shared.keys.bell(addressee);

        for holds in holds.chunks(MOST_AT_ONCE) {
            let mut call = Call::new(&RELEASE)
                .key(&stream)
                .key(&keys.tasks)
                .key(&bell)
                .argument(KEEP.as_millis());

            holds.iter().for_each(|(lease, token)| push_hold(&mut call, lease, token));

            match shared.pulse.call(&call).await? {
                Value::Int(_) => {}
                other => return Err(unexpected("release", &other)),
            }
        }
    }
    Ok(())
}

fn push_hold(call: &mut Call, lease: &Lease, token: &Token) {
    call.push(task_field(&lease.task));
    call.push(token.entry.as_str());
    call.push(token.hold.as_str());
}

/// Where entries stand, and who holds them.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Stream {
    job: JobId,
    class: Class,
    consumer: String,
    /// Whether it is the consumer's own.
    own: bool,
}

/// Things with a lease, with its token.
type ByHolder<T> = BTreeMap<Stream, Vec<(T, Token)>>;

/// Sorts things that have a lease; apart come those whose lease this engine did not give, which
/// holds nothing.
fn by_holder<T>(
    things: impl IntoIterator<Item = T>,
    lease: impl Fn(&T) -> &Lease,
) -> (ByHolder<T>, Vec<T>) {
    let mut groups = ByHolder::new();
    let mut foreign = Vec::new();

    for thing in things {
        match Token::of(lease(&thing)) {
            Some(token) => {
                let task = lease(&thing).task;
                let stream = Stream {
                    job: task.job,
                    class: task.class,
                    consumer: token.consumer().into(),
                    own: token.own,
                };
                groups.entry(stream).or_default().push((thing, token));
            }
            None => foreign.push(thing),
        }
    }
    (groups, foreign)
}

pub async fn complete(
    shared: &Arc<Shared>,
    completions: &[Completion],
) -> Result<Vec<Completed>, QueueError> {
    // Completions under leases that this engine did not give stay stale.
    let mut answers = vec![Completed::Stale; completions.len()];

    let (groups, _stale) =
        by_holder(completions.iter().enumerate(), |(_, completion)| &completion.lease);

    for (stream, completions) in groups {
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
        if *answer != Completed::Stored {
            continue;
        }
        if completion.has_past {
            past::forget(shared, &completion.lease.task).await;
        }

        // If this process renders these rows itself, it need not fetch them.
        let name = |block: &u32| completion.lease.rows_key(*block);
        let rows = completion.rows.iter();
        shared.recent.add(rows.map(|(block, rows)| (name(block), Arc::clone(rows))));
    }
    Ok(answers)
}

/// Consecutive tasks with what proves their holds.
struct Group {
    hold: String,
    /// Their fields and entries.
    tasks: Vec<(String, String)>,
}

/// The blobs of a task, by their names, whose fate the script's answer decides.
struct Sent {
    /// Where the answer goes.
    place: usize,
    rows: Vec<String>,
    /// The outcome, if it stands apart.
    outcome: Option<String>,
    /// The task itself, if it stood apart.
    body: Option<String>,
}

/// A call of the script `complete` that is being put together: all its tasks are on one stream.
struct Finishing<'a> {
    shared: &'a Arc<Shared>,
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
    fn new(shared: &'a Arc<Shared>, Stream { job, class, consumer, own }: &Stream) -> Self {
        let keys = shared.job(*job);
        let stream = keys.stream(*class, own.then_some(consumer));
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
        // It would be refused on every try, so the task ends here, with a reason that a person can
        // read.
        if largest > blobs::LARGEST {
            let size = human::size(largest as u64);
            let most = human::limit(blobs::LARGEST as u64);
            let reason =
                format!("a part of its result takes {size}, one value in Redis at most {most}");
            warn!(task = %lease.task, reason, "a result is too large for the queue");
            body =
                wire::encode(&Outcome { result: TaskResult::Failed { reason }, ..outcome.clone() });
            rows = &[];
        }

        let field = task_field(&lease.task);
        self.bytes += body.len() + rows.iter().map(|(_, block)| block.len()).sum::<usize>();

        let names: Vec<String> =
            rows.iter().map(|(block, _)| rows_name(&lease.rows_key(*block))).collect();
        self.rows.extend(names.iter().cloned().zip(rows.iter().map(|(_, block)| block.as_slice())));

        // A small outcome goes with the batch, through the script.
        let outcome = (body.len() > blobs::INLINE).then(|| outcome_name(&field, &token.hold));
        self.outcomes.extend(outcome.clone().map(|name| (name, std::mem::take(&mut body))));

        self.sent.push(Sent {
            place,
            rows: names,
            outcome,
            body: token.apart.then(|| body_name(&lease.task)),
        });
        self.batch.0.push(HandedIn { field: field.clone(), hold: token.hold.clone(), body });

        let task = (field, token.entry);
        // The script gets a hold once for all of its tasks that follow each other.
        match self.groups.last_mut() {
            Some(group) if group.hold == token.hold => group.tasks.push(task),
            _ => self.groups.push(Group { hold: token.hold, tasks: vec![task] }),
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

        // First the blobs: once the script has named them, others look for them.
        blobs::stage(shared, &keys, &blobs).await?;
        let answer = shared.bulk.call(&call).await?;
        let stored = flags("complete", answer, sent.len())?;

        let mut live = Vec::new();
        let mut gone = Vec::new();
        for (Sent { place, rows, outcome, body }, stored) in sent.into_iter().zip(stored) {
            answers[place] = if stored { Completed::Stored } else { Completed::Stale };
            if stored {
                live.extend(rows);
                gone.extend(body);
            } else {
                gone.extend(rows.into_iter().chain(outcome));
            }
        }

        if let Err(error) = blobs::settle(shared, &keys, &live, &gone).await {
            // The tasks are finished all the same; what is lost is asked for again, what is left
            // disappears.
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
            .argument(KEEP.as_millis());

        call.push(wire::encode(&self.batch));
        for Group { hold, tasks } in &self.groups {
            call.push(hold.as_str());
            call.push(tasks.len().to_string());
            for (field, entry) in tasks {
                call.push(field.as_str());
                call.push(entry.as_str());
            }
        }

        call
    }
}

pub async fn hand_over(shared: &Arc<Shared>, rows: &[(RowsKey, Block)]) -> Result<(), QueueError> {
    let mut jobs: BTreeMap<JobId, Vec<(String, &[u8])>> = BTreeMap::new();
    for (key, block) in rows {
        jobs.entry(key.task.job).or_default().push((rows_name(key), block.as_slice()));
    }

    for (job, rows) in jobs {
        let keys = shared.job(job);
        // It is there from the first outcome on, and rows are of a task that has one.
        if shared.pulse.request(redis::cmd("EXISTS").arg(&keys.news)).await? == Value::Int(1) {
            for rows in rows.chunks(HANDED_OVER_AT_ONCE) {
                blobs::store(shared, &keys, rows, STAGED).await?;
            }
        }
    }
    Ok(())
}

pub async fn notify(shared: &Shared, news: Outcome) -> Result<(), QueueError> {
    let keys = shared.job(news.task.job);
    let mut call = Call::new(&NOTIFY)
        .key(&keys.tasks)
        .key(&keys.outcomes)
        .key(&keys.news)
        .argument(KEEP.as_millis());

    let alone = HandedIn { field: String::new(), hold: String::new(), body: wire::encode(&news) };
    call.push(wire::encode(&Batch(vec![alone])));

    match shared.pulse.call(&call).await? {
        Value::Int(0 | 1) => Ok(()),
        other => Err(unexpected("notify", &other)),
    }
}
