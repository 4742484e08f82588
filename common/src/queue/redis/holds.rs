//! Leases in the order in which the scripts take them: by the stream on which their entries stand.

use std::collections::BTreeMap;

use super::keys::{JobKeys, task_field};
use super::scripts::Call;
use super::token::Token;
use crate::job::{Class, JobId};
use crate::queue::Lease;

/// Where entries stand, and who holds them.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct Stream {
    pub job: JobId,
    pub class: Class,
    pub consumer: String,
    /// Whether it is the consumer's own.
    own: bool,
}

impl Stream {
    /// The worker for which alone its tasks are, if it is such a stream.
    pub fn addressee(&self) -> Option<&str> {
        self.own.then_some(self.consumer.as_str())
    }

    pub fn key(&self, keys: &JobKeys) -> String {
        keys.stream(self.class, self.addressee())
    }
}

/// Things with a lease, with its token.
pub type ByHolder<T> = BTreeMap<Stream, Vec<(T, Token)>>;

/// Sorts things that have a lease; apart come those whose lease this engine did not give, which
/// holds nothing.
pub fn by_holder<T>(
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

/// Appends what names a lease: the task's field, entry, hold.
pub fn push_hold(call: &mut Call, lease: &Lease, token: &Token) {
    call.push(task_field(&lease.task));
    call.push(token.entry.as_str());
    call.push(token.hold.as_str());
}
