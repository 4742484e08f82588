//! What a holder does with its leases: extend, complete, release; and news of what goes on.
//!
//! Each names the hold that it has, and a hold that is no more changes nothing.

use std::collections::BTreeMap;

use redis::Value;
use tracing::warn;

use super::engine::Shared;
use super::fault::unexpected;
use super::keys::{KEEP, task_field};
use super::scripts::{COMPLETE, Call, EXTEND, NOTIFY, RELEASE};
use super::supply::{BYTES_AT_ONCE, LARGEST_VALUE, MOST_AT_ONCE};
use super::token::Token;
use crate::job::{Class, JobId};
use crate::outcome::{Outcome, TaskResult};
use crate::queue::{Completed, Completion, Lease, QueueError};
use crate::wire;

/// Where the streams begin among the keys of the script `complete`.
const STREAMS_FROM: usize = 5;

pub async fn extend(shared: &Shared, leases: Vec<Lease>) -> Result<Vec<Lease>, QueueError> {
    let (groups, mut lost) = by_stream(leases);
    for ((job, class), holds) in groups {
        let keys = shared.job(job);
        for holds in holds.chunks(MOST_AT_ONCE) {
            let mut call = Call::new(&EXTEND).key(keys.stream(class));
            for (_, token) in holds {
                push_token(&mut call, token);
            }
            let answers = flags("extend", shared.pulse.call(&call).await?, holds.len())?;
            lost.extend(holds.iter().zip(answers).filter(|(_, held)| !held).map(|((lease, _), _)| lease.clone()));
        }
    }
    Ok(lost)
}

pub async fn release(shared: &Shared, leases: Vec<Lease>) -> Result<(), QueueError> {
    let (groups, _stale) = by_stream(leases);
    for ((job, class), holds) in groups {
        let keys = shared.job(job);
        for holds in holds.chunks(MOST_AT_ONCE) {
            let mut call = Call::new(&RELEASE).key(keys.stream(class)).key(&keys.tasks).key(shared.keys.bell());
            for (lease, token) in holds {
                call.push(task_field(&lease.task));
                push_token(&mut call, token);
            }
            match shared.pulse.call(&call).await? {
                Value::Int(_) => {}
                other => return Err(unexpected("release", &other)),
            }
        }
    }
    Ok(())
}

type ByStream = BTreeMap<(JobId, Class), Vec<(Lease, Token)>>;

/// The holds of each stream; and the leases that this engine did not give, which hold nothing.
fn by_stream(leases: Vec<Lease>) -> (ByStream, Vec<Lease>) {
    let (mut groups, mut foreign) = (ByStream::new(), Vec::new());
    for lease in leases {
        match Token::of(&lease) {
            Some(token) => groups.entry((lease.task.job, lease.task.class)).or_default().push((lease, token)),
            None => foreign.push(lease),
        }
    }
    (groups, foreign)
}

fn push_token(call: &mut Call, token: &Token) {
    call.push(token.entry.as_str());
    call.push(token.holds.to_string());
    call.push(token.consumer.as_str());
}

/// The completions of each job and consumer, with the place of each one's answer.
type ByHolder = BTreeMap<(JobId, String), Vec<(usize, Completion, Token)>>;

pub async fn complete(shared: &Shared, completions: Vec<Completion>) -> Result<Vec<Completed>, QueueError> {
    let mut answers = vec![Completed::Stale; completions.len()];
    let mut groups = ByHolder::new();
    for (place, completion) in completions.into_iter().enumerate() {
        if let Some(token) = Token::of(&completion.lease) {
            let group = (completion.lease.task.job, token.consumer.clone());
            groups.entry(group).or_default().push((place, completion, token));
        }
    }
    for ((job, consumer), completions) in groups {
        let mut finishing = Finishing::new(shared, job, &consumer);
        for (place, completion, token) in completions {
            finishing.add(place, completion, &token);
            if finishing.is_large() {
                finishing.send(&mut answers).await?;
                finishing = Finishing::new(shared, job, &consumer);
            }
        }
        finishing.send(&mut answers).await?;
    }
    Ok(answers)
}

/// A call of `complete` that is being put together.
struct Finishing<'a> {
    shared: &'a Shared,
    call: Call,
    /// Where each answer goes.
    places: Vec<usize>,
    bytes: usize,
}

impl<'a> Finishing<'a> {
    fn new(shared: &'a Shared, job: JobId, consumer: &str) -> Self {
        let keys = shared.job(job);
        let call = Call::new(&COMPLETE)
            .key(&keys.tasks)
            .key(&keys.outcomes)
            .key(&keys.rows)
            .key(&keys.news)
            .keys(Class::ALL.map(|class| keys.stream(class).to_owned()).iter())
            .argument(KEEP.as_millis())
            .argument(consumer);
        Finishing { shared, call, places: Vec::new(), bytes: 0 }
    }

    fn add(&mut self, place: usize, completion: Completion, token: &Token) {
        let Completion { lease, mut outcome, mut rows } = completion;
        let mut body = wire::encode(&outcome);
        let mut bytes = body.len() + rows.iter().map(|block| block.len()).sum::<usize>();
        if bytes > LARGEST_VALUE {
            let reason = format!(
                "its result takes {} MiB, one answer to Redis at most {} MiB",
                bytes >> 20,
                LARGEST_VALUE >> 20
            );
            warn!(task = %lease.task, reason, "a result is too large for the queue");
            outcome.result = TaskResult::Failed { reason };
            (rows, body) = (Vec::new(), wire::encode(&outcome));
            bytes = body.len();
        }
        self.bytes += bytes;
        self.places.push(place);
        self.call.push((STREAMS_FROM + lease.task.class as usize).to_string());
        self.call.push(task_field(&lease.task));
        self.call.push(token.entry.as_str());
        self.call.push(token.holds.to_string());
        self.call.push(lease.token);
        self.call.push(body);
        self.call.push(rows.len().to_string());
        for block in rows {
            self.call.push(block.as_slice());
        }
    }

    fn is_large(&self) -> bool {
        self.places.len() >= MOST_AT_ONCE || self.bytes >= BYTES_AT_ONCE
    }

    async fn send(self, answers: &mut [Completed]) -> Result<(), QueueError> {
        if self.places.is_empty() {
            return Ok(());
        }
        let answer = self.shared.bulk.call(&self.call).await?;
        for (place, stored) in self.places.iter().zip(flags("complete", answer, self.places.len())?) {
            answers[*place] = if stored { Completed::Stored } else { Completed::Stale };
        }
        Ok(())
    }
}

/// Reads an array of 1 and 0, one for each of `count`.
fn flags(operation: &str, answer: Value, count: usize) -> Result<Vec<bool>, QueueError> {
    let flag = |value: &Value| match value {
        Value::Int(0) => Some(false),
        Value::Int(1) => Some(true),
        _ => None,
    };
    let flags = match &answer {
        Value::Array(values) if values.len() == count => values.iter().map(flag).collect::<Option<Vec<bool>>>(),
        _ => None,
    };
    flags.ok_or_else(|| unexpected(operation, &answer))
}

pub async fn notify(shared: &Shared, news: Outcome) -> Result<(), QueueError> {
    let keys = shared.job(news.task.job);
    let mut call = Call::new(&NOTIFY).key(&keys.tasks).key(&keys.outcomes).key(&keys.news).argument(KEEP.as_millis());
    call.push(wire::encode(&news));
    match shared.pulse.call(&call).await? {
        Value::Int(0 | 1) => Ok(()),
        other => Err(unexpected("notify", &other)),
    }
}
