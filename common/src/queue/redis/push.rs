//! Puts tasks of a job on the queue.

use std::collections::BTreeMap;

use super::keys::{TTL, body_name, task_field};
use super::limits::{BYTES_AT_ONCE, INLINE, LARGEST, MOST_AT_ONCE};
use super::of_job::OfJob;
use super::reply;
use super::scripts::{Call, PUSH};
use crate::human;
use crate::job::{Class, WorkerId};
use crate::queue::{QueueError, Reason};
use crate::task::Task;
use crate::wire;

pub async fn push(job: &OfJob, tasks: &[Task]) -> Result<(), QueueError> {
    // Ordered by class, so that tasks that drain the server's memory go before those that fill it.
    let mut groups: BTreeMap<(Class, Option<&WorkerId>), Vec<&Task>> = BTreeMap::new();
    for task in tasks {
        groups.entry((task.id.class, task.addressee())).or_default().push(task);
    }

    for ((class, addressee), tasks) in groups {
        let mut pushing = Pushing::new(job, class, addressee);
        for task in tasks {
            pushing.add(task)?;
            if pushing.is_large() {
                pushing.send().await?;
                pushing = Pushing::new(job, class, addressee);
            }
        }

        pushing.send().await?;
    }
    Ok(())
}

/// A call of the script `push` in the making.
struct Pushing<'a> {
    job: &'a OfJob,
    class: Class,
    call: Call,
    tasks: usize,
    /// The bodies that are blobs, with their names.
    bodies: Vec<(String, Vec<u8>)>,
    bytes: usize,
}

impl<'a> Pushing<'a> {
    fn new(job: &'a OfJob, class: Class, addressee: Option<&WorkerId>) -> Self {
        let queue = &job.shared.keys;
        let keys = &job.keys;
        let addressee = addressee.map(|worker| worker.0.as_str());

        // Render tasks turn rows into segments, which soon leave the server; a repair must go
        // before them, as later rows wait for it.
        let memory = match class {
            Class::Repair | Class::Render => "drains",
            Class::Extract => "fills",
        };

        let call = Call::new(&PUSH)
            .key(keys.stream(class, addressee))
            .key(&keys.tasks)
            .key(queue.jobs())
            .key(queue.bell(addressee))
            .key(queue.versions())
            .key(&keys.addressed)
            .argument(job.id)
            .argument(queue.version())
            .argument(TTL.as_millis())
            .argument(memory)
            .argument(addressee.unwrap_or_default())
            .argument(job.level());

        Pushing { job, class, call, tasks: 0, bodies: Vec::new(), bytes: 0 }
    }

    fn add(&mut self, task: &Task) -> Result<(), QueueError> {
        let body = wire::encode_large(task, task.shipped_bytes());
        if body.len() > LARGEST {
            let size = human::size(body.len() as u64);
            let most = human::limit(LARGEST as u64);
            let text = format!("task {} takes {size}, one value in Redis at most {most}", task.id);
            let hint = "with `--by-path`, workers open the files themselves";
            return Err(QueueError::Unusable(Reason::new(text).with_hint(hint)));
        }

        self.tasks += 1;
        self.bytes += body.len();
        self.call.push(task_field(&task.id));

        if body.len() <= INLINE {
            self.call.push(body);
            self.call.push("");
        } else {
            // The script gets its length instead, as a lease counts bytes.
            self.call.push("");
            self.call.push(body.len().to_string());
            self.bodies.push((body_name(&task.id), body));
        }
        Ok(())
    }

    fn is_large(&self) -> bool {
        self.tasks >= MOST_AT_ONCE || self.bytes >= BYTES_AT_ONCE
    }

    async fn send(self) -> Result<(), QueueError> {
        if self.tasks == 0 {
            return Ok(());
        }

        let OfJob { shared, keys, .. } = self.job;
        let bodies: Vec<_> =
            self.bodies.iter().map(|(name, body)| (name.clone(), body.as_slice())).collect();

        // Tasks that drain the server's memory go through even when it is full.
        match shared.blobs.store(keys, &bodies, TTL).await {
            Err(QueueError::Full(_)) if self.class != Class::Extract => {
                shared.blobs.force(keys, &bodies).await?
            }
            stored => stored?,
        }

        let answer = shared.small.call(&self.call).await?;
        reply::expect_count("push", &answer).map(|_| ())
    }
}
