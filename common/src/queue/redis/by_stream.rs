//! Leases grouped for the scripts: by the stream on which their entries stand.

use std::collections::BTreeMap;

use super::keys::{JobKeys, task_field};
use super::scripts::Call;
use super::token::Token;
use crate::job::{Class, JobId};
use crate::queue::Lease;

/// A stream, and the consumer that holds entries on it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct Stream {
    pub job: JobId,
    pub class: Class,
    pub consumer: String,
    /// Whether all tasks on it are addressed to the consumer.
    is_addressed: bool,
}

impl Stream {
    /// The worker that its tasks are addressed to; `None`: any worker may have them.
    pub fn addressee(&self) -> Option<&str> {
        self.is_addressed.then_some(self.consumer.as_str())
    }

    pub fn key(&self, keys: &JobKeys) -> String {
        keys.stream(self.class, self.addressee())
    }
}

/// Things that have a lease, each with the token of its lease.
pub type ByStream<T> = BTreeMap<Stream, Vec<(T, Token)>>;

/// Groups things that have a lease by its stream. The second list has the things whose lease this
/// engine did not give: such a lease holds no task.
pub fn by_stream<T>(
    things: impl IntoIterator<Item = T>,
    lease: impl Fn(&T) -> &Lease,
) -> (ByStream<T>, Vec<T>) {
    let mut groups = ByStream::new();
    let mut foreign = Vec::new();

    for thing in things {
        // A script changes entries of one stream for one consumer, so these make a group.
        match Token::of(lease(&thing)) {
            Some(token) => {
                let task = lease(&thing).task;
                let stream = Stream {
                    job: task.job,
                    class: task.class,
                    consumer: token.consumer().into(),
                    is_addressed: token.is_addressed,
                };
                groups.entry(stream).or_default().push((thing, token));
            }
            None => foreign.push(thing),
        }
    }
    (groups, foreign)
}

/// Appends the three arguments that name a lease: the task's field, the entry, the lease id.
pub fn push_lease(call: &mut Call, lease: &Lease, token: &Token) {
    call.push(task_field(&lease.task));
    call.push(token.entry.as_str());
    call.push(token.lease_id.as_str());
}
