//! What a holder does with its leases: extend, complete, release; and news of what goes on.
//!
//! Each names the hold that it has, and a hold that is no more changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use redis::Value;
use tracing::warn;

use super::batch::{Batch, HandedIn};
use super::blobs;
use super::engine::Shared;
use super::fault::unexpected;
use super::keys::{JobKeys, KEEP, outcome_name, staged_name, task_field};
use super::scripts::{COMPLETE, Call, EXTEND, NOTIFY, RELEASE, flags};
use super::supply::{BYTES_AT_ONCE, MOST_AT_ONCE};
use super::token::Token;
use crate::job::{Class, JobId};
use crate::outcome::{Outcome, TaskResult};
use crate::queue::{Completed, Completion, Lease, QueueError};
use crate::task::RowsKey;
use crate::wire;

pub async fn extend(shared: &Shared, leases: Vec<Lease>) -> Result<Vec<Lease>, QueueError> {
    let (groups, mut lost) = by_holder(leases, |lease| lease);
    for ((job, class, consumer), holds) in groups {
        let keys = shared.job(job);
        for holds in holds.chunks(MOST_AT_ONCE) {
            let mut call = Call::new(&EXTEND).key(keys.stream(class)).key(&keys.tasks).argument(&consumer);
            holds.iter().for_each(|(lease, token)| push_hold(&mut call, lease, token));
            let answers = flags("extend", shared.pulse.call(&call).await?, holds.len())?;
            lost.extend(holds.iter().zip(answers).filter(|(_, held)| !held).map(|((lease, _), _)| lease.clone()));
        }
    }
    Ok(lost)
}

pub async fn release(shared: &Shared, leases: Vec<Lease>) -> Result<(), QueueError> {
    let (groups, _stale) = by_holder(leases, |lease| lease);
    for ((job, class, _), holds) in groups {
        let keys = shared.job(job);
        for holds in holds.chunks(MOST_AT_ONCE) {
            let mut call = Call::new(&RELEASE).key(keys.stream(class)).key(&keys.tasks).key(shared.keys.bell());
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

/// Things with a lease, with its token; by stream and consumer.
type ByHolder<T> = BTreeMap<(JobId, Class, String), Vec<(T, Token)>>;

/// Sorts things that have a lease; apart come those whose lease this engine did not give, which holds nothing.
fn by_holder<T>(things: impl IntoIterator<Item = T>, lease: impl Fn(&T) -> &Lease) -> (ByHolder<T>, Vec<T>) {
    let (mut groups, mut foreign) = (ByHolder::new(), Vec::new());
    for thing in things {
        match Token::of(lease(&thing)) {
            Some(token) => {
                let task = lease(&thing).task;
                groups.entry((task.job, task.class, token.consumer().into())).or_default().push((thing, token));
            }
            None => foreign.push(thing),
        }
    }
    (groups, foreign)
}

pub async fn complete(shared: &Shared, completions: &[Completion]) -> Result<Vec<Completed>, QueueError> {
    let mut answers = vec![Completed::Stale; completions.len()];
    let (groups, _stale) = by_holder(completions.iter().enumerate(), |(_, completion)| &completion.lease);
    for ((job, class, _), completions) in groups {
        let mut finishing = Finishing::new(shared, job, class);
        for ((place, completion), token) in completions {
            finishing.add(place, completion, token);
            if finishing.is_large() {
                finishing.send(&mut answers).await?;
                finishing = Finishing::new(shared, job, class);
            }
        }
        finishing.send(&mut answers).await?;
    }
    for (completion, _) in completions.iter().zip(&answers).filter(|(_, answer)| **answer == Completed::Stored) {
        let key = |block| RowsKey { task: completion.lease.task, block };
        shared.recent.add((0..).map(key).zip(completion.rows.iter().map(Arc::clone)));
    }
    Ok(answers)
}

/// Consecutive tasks with what proves their holds.
struct Group {
    hold: String,
    /// What was sent before the call for each of them.
    sent: String,
    /// Their fields and entries.
    tasks: Vec<(String, String)>,
}

/// A call of `complete` that is being put together.
struct Finishing<'a> {
    shared: &'a Shared,
    keys: JobKeys,
    stream: String,
    /// Where each answer goes.
    places: Vec<usize>,
    groups: Vec<Group>,
    batch: Batch,
    /// What is sent before the call.
    rows: Vec<(String, &'a [u8])>,
    outcomes: Vec<(String, Vec<u8>)>,
    bytes: usize,
}

impl<'a> Finishing<'a> {
    fn new(shared: &'a Shared, job: JobId, class: Class) -> Self {
        let keys = shared.job(job);
        let stream = keys.stream(class).to_owned();
        let (places, groups, rows, outcomes) = Default::default();
        Finishing { shared, keys, stream, places, groups, batch: Batch::default(), rows, outcomes, bytes: 0 }
    }

    fn add(&mut self, place: usize, completion: &'a Completion, token: Token) {
        let Completion { lease, outcome, rows } = completion;
        let (mut body, mut rows) = (wire::encode(outcome), rows.as_slice());
        let largest = rows.iter().map(|block| block.len()).max().unwrap_or_default().max(body.len());
        if largest > blobs::LARGEST {
            let (size, most) = (largest >> 20, blobs::LARGEST >> 20);
            let reason = format!("a part of its result takes {size} MiB, one value in Redis at most {most} MiB");
            warn!(task = %lease.task, reason, "a result is too large for the queue");
            body = wire::encode(&Outcome { result: TaskResult::Failed { reason }, ..outcome.clone() });
            rows = &[];
        }
        let apart = body.len() > blobs::INLINE;
        let sent = match token.apart || apart || !rows.is_empty() {
            true => format!("{}{}{}", if token.apart { "b" } else { "" }, if apart { "o" } else { "" }, rows.len()),
            false => String::new(),
        };
        let field = task_field(&lease.task);
        self.bytes += body.len() + rows.iter().map(|block| block.len()).sum::<usize>();
        self.places.push(place);
        let staged = rows.iter().enumerate();
        self.rows.extend(staged.map(|(n, block)| (staged_name(&lease.task, &token.hold, n), block.as_slice())));
        if apart {
            self.outcomes.push((outcome_name(&field, &token.hold), std::mem::take(&mut body)));
        }
        self.batch.0.push(HandedIn { field: field.clone(), hold: token.hold.clone(), body });
        let task = (field, token.entry);
        match self.groups.last_mut() {
            Some(group) if group.hold == token.hold && group.sent == sent => group.tasks.push(task),
            _ => self.groups.push(Group { hold: token.hold, sent, tasks: vec![task] }),
        }
    }

    fn is_large(&self) -> bool {
        self.places.len() >= MOST_AT_ONCE || self.bytes >= BYTES_AT_ONCE
    }

    async fn send(self, answers: &mut [Completed]) -> Result<(), QueueError> {
        if self.places.is_empty() {
            return Ok(());
        }
        let outcomes = self.outcomes.iter().map(|(name, body)| (name.clone(), body.as_slice()));
        let sent: Vec<_> = self.rows.iter().cloned().chain(outcomes).collect();
        blobs::stage(self.shared, &self.keys, &sent).await?;
        let call = self.call();
        let answer = self.shared.bulk.call(&call).await?;
        for (place, stored) in self.places.iter().zip(flags("complete", answer, self.places.len())?) {
            answers[*place] = if stored { Completed::Stored } else { Completed::Stale };
        }
        Ok(())
    }

    fn call(&self) -> Call {
        let mut call = Call::new(&COMPLETE)
            .key(&self.keys.tasks)
            .key(&self.keys.outcomes)
            .key(&self.keys.blobs)
            .key(&self.keys.news)
            .key(&self.stream)
            .argument(KEEP.as_millis())
            .argument(&self.keys.base);
        call.push(wire::encode(&self.batch));
        for Group { hold, sent, tasks } in &self.groups {
            call.push(hold.as_str());
            call.push(sent.as_str());
            call.push(tasks.len().to_string());
            for (field, entry) in tasks {
                call.push(field.as_str());
                call.push(entry.as_str());
            }
        }
        call
    }
}

pub async fn notify(shared: &Shared, news: Outcome) -> Result<(), QueueError> {
    let keys = shared.job(news.task.job);
    let mut call = Call::new(&NOTIFY).key(&keys.tasks).key(&keys.outcomes).key(&keys.news).argument(KEEP.as_millis());
    let alone = HandedIn { field: String::new(), hold: String::new(), body: wire::encode(&news) };
    call.push(wire::encode(&Batch(vec![alone])));
    match shared.pulse.call(&call).await? {
        Value::Int(0 | 1) => Ok(()),
        other => Err(unexpected("notify", &other)),
    }
}
