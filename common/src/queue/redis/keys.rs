//! Every key of a queue. No key is spelled anywhere else, in Rust or in Lua.
//!
//! `Q` is the name of the queue, `V` the version of Sheaf and of the wire format, `J` a job in
//! hexadecimal. All keys of a queue have the hash tag `{Q}`, so that they live in one slot of a
//! cluster.
//!
//! | key | type | holds | lifetime | written by |
//! |---|---|---|---|---|
//! | `sheaf:{Q}:workers` | HASH | worker → [`WorkerInfo`](super::WorkerInfo) as JSON | [`TTL`] after the last announcement | worker: announce, leave |
//! | `sheaf:{Q}:seen` | ZSET | worker → when it last announced itself, ms | the same | the same |
//! | `sheaf:{Q}:versions` | ZSET | version with jobs → when its coordinators last called, ms | [`TTL`], or until its last job is closed | coordinator: push, collect, sign; close removes |
//! | `sheaf:{Q}:V:jobs` | ZSET | job → when it was last served, µs (0: never), moved by its priority (`score_of` in `lua/prelude.lua`) | [`TTL`] | push and sign add, and missing if it was lost; lease and sign move; lease, tend and close remove |
//! | `sheaf:{Q}:V:alive` | ZSET | job → when its coordinator gave its last sign of life, ms | the same | sign; tend adds jobs that never gave one, close removes |
//! | `sheaf:{Q}:V:owners` | HASH | job → when it first appeared, ms, and its owner, a [`JobOwner`](crate::queue::JobOwner) as JSON | the same | sign; close removes |
//! | `sheaf:{Q}:V:bell` | LIST | one ring when tasks may wait, until a waiting worker takes it, or a lease finds that no task waits | [`TTL`], or until the last job is closed | push, release, rescue, lease ring; waiting and lease take |
//! | `sheaf:{Q}:V:bell@WORKER` | the same | the same, for tasks that are addressed to this worker: no other is woken | the same | the same |
//! | `sheaf:{Q}:V:unconfirmed` | ZSET | lease id whose answer is not confirmed yet → when it was given, µs | [`TTL`], until then, or until the last job is closed | lease adds and removes, confirm removes |
//! | `sheaf:{Q}:V:J:repair`, `:render`, `:extract` | STREAM, group [`GROUP`] | entries `CLASS:NUMBER` → task, or empty and `bytes` → the length of its body; pending entries are the leases | [`TTL`], or until close | push adds; lease, extend, release move; complete deletes; missing deletes what a loss has left |
//! | `sheaf:{Q}:V:J:render@WORKER` | the same | tasks addressed to this worker, as their rows are in its stash | the same | the same; rescue moves all to `render` when the worker is gone |
//! | `sheaf:{Q}:V:J:addressed` | SET | the workers that have such a stream | the same | push adds, rescue removes |
//! | `sheaf:{Q}:V:J:tasks` | HASH | `CLASS:NUMBER` → `waiting`, `leased US:WORKER` (the lease id), or `finished US:WORKER` | the same | push, lease, release, complete, collect, missing |
//! | `sheaf:{Q}:V:J:past` | HASH | `CLASS:NUMBER` → the past of the task, a [`Past`](crate::queue::Past); `CLASS:NUMBER held` → the workers that let a lease on it end, and when that was seen, ms. Most jobs have none | [`TTL`] after the last write | note, give back, past; complete deletes |
//! | `sheaf:{Q}:V:J:outcomes` | STREAM | entries `CLASS:NUMBER …`, the tasks that one call finished → its outcomes, a [`Batch`](super::batch::Batch), and the places in it of those that do not count; for news the name is empty | the same | complete, notify add; collect deletes |
//! | `sheaf:{Q}:V:J:news` | STREAM | one entry, replaced when outcomes are stored | the same | complete, notify |
//!
//! Blobs are on the servers for bytes, if there are any. One script only, `stage`, touches them:
//!
//! | key | type | holds | lifetime | written by |
//! |---|---|---|---|---|
//! | `sheaf:{Q}:V:J:body:CLASS:NUMBER` | STRING | the body of a task that is too long for its stream | [`TTL`] after it was stored | push stores; complete deletes |
//! | `sheaf:{Q}:V:J:rows:CLASS:NUMBER:EDITION:BLOCK` | STRING | a block of rows | [`STAGED`](super::blobs::STAGED), from the finish on [`TTL`] | complete, put rows and hand over store; forget deletes, and so does a refused complete |
//! | `sheaf:{Q}:V:J:outcome:CLASS:NUMBER:LEASE_ID` | STRING | an outcome that is too long for its stream | [`STAGED`](super::blobs::STAGED) | complete stores; collect deletes, and so does a refused complete |
//!
//! Close deletes all keys of the job. `V` ends with the number of servers for bytes, if there are
//! any, as a process with another number would look for blobs on the wrong server.
//!
//! A worker never sees a task that it cannot read: tasks of another version are under another `V`.

use std::time::Duration;

use crate::VERSION;
use crate::job::{Class, JobId, TaskId, WorkerId};
use crate::rows::RowsKey;
use crate::wire::FORMAT;

/// How long the keys of a job outlive its coordinator's last call. It bounds the remains of a dead
/// coordinator. One that comes back later finds everything missing, and pushes it again.
pub const TTL: Duration = Duration::from_secs(60 * 60);

/// The consumer group of every stream of tasks.
pub const GROUP: &str = "workers";

/// The beginning of the name of a consumer that holds tasks given back by the worker that follows:
/// all other workers may have them at once.
const ALL_BUT: &str = "all but ";

/// The end of a task's second field in `past`, with the workers that let a lease on it end.
const HOLDERS: &str = " held";

/// The consumer that holds released tasks, which all workers may have; `lua/release.lua` and
/// `lua/unconfirmed.lua` spell the same.
const NOBODY: &str = "nobody";

/// The keys of one queue, as this version of Sheaf sees it.
#[derive(Debug, Clone)]
pub struct Keys {
    queue: String,
    version: String,
    versioned: String,
}

/// The keys of one job.
#[derive(Debug, Clone)]
pub struct JobKeys {
    /// The beginning of each of them.
    pub base: String,
    pub tasks: String,
    pub outcomes: String,
    pub addressed: String,
    pub news: String,
    pub past: String,
    streams: [String; Class::ALL.len()],
}

impl Keys {
    /// The keys of the queue with that name, and with `bytes_servers` servers for bytes alone.
    pub fn new(queue: &str, bytes_servers: usize) -> Self {
        let queue = format!("sheaf:{{{queue}}}:");
        let version = match bytes_servers {
            0 => format!("{VERSION}+{FORMAT}"),
            some => format!("{VERSION}+{FORMAT}+{some}"),
        };

        let versioned = format!("{queue}{version}:");
        Keys { queue, version, versioned }
    }

    /// The keys of the same queue under another version.
    pub fn of_version(&self, version: &str) -> Self {
        let versioned = format!("{}{version}:", self.queue);
        Keys { queue: self.queue.clone(), version: version.into(), versioned }
    }

    /// `V`: the version of Sheaf, the wire format, and the number of servers for bytes.
    pub fn version(&self) -> &str {
        &self.version
    }

    pub fn workers(&self) -> String {
        format!("{}workers", self.queue)
    }

    pub fn seen(&self) -> String {
        format!("{}seen", self.queue)
    }

    pub fn versions(&self) -> String {
        format!("{}versions", self.queue)
    }

    pub fn jobs(&self) -> String {
        format!("{}jobs", self.versioned)
    }

    /// The lease ids that are not confirmed yet, of all jobs.
    pub fn unconfirmed(&self) -> String {
        format!("{}unconfirmed", self.versioned)
    }

    pub fn alive(&self) -> String {
        format!("{}alive", self.versioned)
    }

    pub fn owners(&self) -> String {
        format!("{}owners", self.versioned)
    }

    /// A pattern that matches all keys of the queue, also those of other versions.
    pub fn pattern(&self) -> String {
        // Names of queues have no character that means something in a pattern.
        format!("{}*", self.queue)
    }

    /// The version and the job of a key of this queue; `None`: the key is of no single job.
    pub fn parse_job_key(&self, key: &[u8]) -> Option<(String, JobId)> {
        let rest = std::str::from_utf8(key).ok()?.strip_prefix(&self.queue)?;
        let (version, rest) = rest.split_once(':')?;
        let (job, _) = rest.split_once(':')?;
        Some((version.into(), parse_job(job)?))
    }

    /// The bell for all workers, or that for one addressee.
    pub fn bell(&self, addressee: Option<&str>) -> String {
        match addressee {
            None => format!("{}bell", self.versioned),
            Some(worker) => format!("{}bell@{worker}", self.versioned),
        }
    }

    /// The prefix of the keys of all jobs, for `job_key` in scripts that learn from `jobs` which
    /// jobs there are.
    pub fn prefix(&self) -> &str {
        &self.versioned
    }

    /// The key of a blob of a job.
    pub fn blob(&self, job: JobId, name: &str) -> String {
        format!("{}{job}:{name}", self.versioned)
    }

    pub fn job(&self, job: JobId) -> JobKeys {
        let base = format!("{}{job}:", self.versioned);
        let key = |part: &str| format!("{base}{part}");
        JobKeys {
            tasks: key("tasks"),
            outcomes: key("outcomes"),
            addressed: key("addressed"),
            news: key("news"),
            past: key("past"),
            streams: Class::ALL.map(|class| key(class.name())),
            base,
        }
    }
}

impl JobKeys {
    /// The stream of a class, or that of the tasks addressed to one worker.
    pub fn stream(&self, class: Class, addressee: Option<&str>) -> String {
        match addressee {
            None => self.streams[class as usize].clone(),
            Some(worker) => format!("{}{}", self.base, addressed_class(class, worker)),
        }
    }

    /// All keys of the job except blobs and the streams that `addressed` names.
    pub fn all(&self) -> impl Iterator<Item = &String> {
        [&self.tasks, &self.outcomes, &self.addressed, &self.news, &self.past]
            .into_iter()
            .chain(&self.streams)
    }

    /// A pattern that matches the keys of all blobs, and other keys of the job.
    pub fn pattern(&self) -> String {
        // Names of queues have no character that means something in a pattern.
        format!("{}*", self.base)
    }

    /// The key of a blob, as [`Keys::blob`] spells it.
    pub fn blob(&self, name: &str) -> String {
        format!("{}{name}", self.base)
    }
}

/// The names that scripts need, as Lua; it stands in front of each script.
pub fn lua() -> String {
    format!(
        "local GROUP = '{GROUP}'\n\
         local function job_key(prefix, job, part) return prefix .. job .. ':' .. part end\n\
         local function all_but(worker) return '{ALL_BUT}' .. worker end\n\
         local function holders_field(field) return field .. '{HOLDERS}' end\n"
    )
}

/// The end of the key of an addressed stream; `addressed_stream` in `lua/prelude.lua` spells the
/// same.
pub fn addressed_class(class: Class, worker: &str) -> String {
    format!("{}@{worker}", class.name())
}

/// A task's field in `tasks`.
pub fn task_field(task: &TaskId) -> String {
    format!("{}:{}", task.class.name(), task.number)
}

/// The worker that a consumer stands for; `None`: the consumer stands for no single worker.
pub fn parse_consumer(consumer: &str) -> Option<WorkerId> {
    (consumer != NOBODY && !consumer.starts_with(ALL_BUT)).then(|| WorkerId(consumer.into()))
}

/// The fields of a task in `past`.
pub fn past_fields(task: &TaskId) -> [String; 2] {
    let field = task_field(task);
    [format!("{field}{HOLDERS}"), field]
}

/// The name of the blob of a task's body.
pub fn body_name(task: &TaskId) -> String {
    format!("body:{}", task_field(task))
}

/// The name of a block of rows.
pub fn rows_name(rows: &RowsKey) -> String {
    format!("rows:{}:{:x}:{}", task_field(&rows.task), rows.edition, rows.block)
}

/// The name of the blob of an outcome, by its task's field.
pub fn outcome_name(field: &str, lease_id: &str) -> String {
    format!("outcome:{field}:{lease_id}")
}

/// Reads what [`task_field`] wrote.
pub fn parse_task_field(job: JobId, field: &str) -> Option<TaskId> {
    let (class, number) = field.split_once(':')?;
    Some(TaskId { job, class: parse_class(class)?, number: number.parse().ok()? })
}

pub fn parse_class(name: &str) -> Option<Class> {
    Class::ALL.into_iter().find(|class| class.name() == name)
}

/// Reads the class of a stream, and whether its tasks are addressed to one worker.
pub fn parse_stream(name: &str) -> Option<(Class, bool)> {
    match name.split_once('@') {
        Some((class, _)) => Some((parse_class(class)?, true)),
        None => Some((parse_class(name)?, false)),
    }
}

/// Reads a job as it stands in keys.
pub fn parse_job(text: &str) -> Option<JobId> {
    u64::from_str_radix(text, 16).ok().map(JobId)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::TaskNumber;

    #[test]
    fn names_in_keys_are_read_back() {
        let task = TaskId { job: JobId(0xabc), class: Class::Render, number: TaskNumber(7) };
        assert_eq!(parse_task_field(task.job, &task_field(&task)), Some(task));
        assert_eq!(parse_job(&task.job.to_string()), Some(task.job));
        assert_eq!(parse_task_field(task.job, "render:x"), None);

        assert_eq!(
            parse_stream(&addressed_class(Class::Render, "host:1@x")),
            Some((Class::Render, true))
        );
        assert_eq!(parse_stream("extract"), Some((Class::Extract, false)));

        let keys = Keys::new("nightly", 0).of_version("0.0.9+1");
        let of_job = ("0.0.9+1".to_owned(), task.job);
        assert_eq!(keys.parse_job_key(keys.job(task.job).tasks.as_bytes()), Some(of_job));
        for other in [keys.jobs(), keys.workers(), keys.bell(Some("a:b"))] {
            assert_eq!(keys.parse_job_key(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn every_key_carries_the_queues_hash_tag() {
        let keys = Keys::new("nightly", 2);
        let job = keys.job(JobId(1));

        let bells = [keys.bell(None), keys.bell(Some("host:1"))];
        let shared = [
            keys.workers(),
            keys.seen(),
            keys.versions(),
            keys.jobs(),
            keys.alive(),
            keys.owners(),
            keys.unconfirmed(),
        ];

        assert_eq!(keys.blob(JobId(1), "rows:x"), job.blob("rows:x"));
        assert!(
            shared
                .iter()
                .chain(&bells)
                .chain(job.all())
                .all(|key| key.starts_with("sheaf:{nightly}:"))
        );
    }
}
