//! Blobs: bytes that do not go through a script, but stand under keys of their own, on servers of
//! their own if there are such.
//!
//! A script copies what goes through it four times over, while the server does nothing else: of a
//! run over Redis that shipped all through scripts, the server's time was 2.3 s for 200 MB, and 1.0
//! s since blobs stand apart (`INFO cpu` around the run). And a server with an append-only file
//! writes them into it, which took its thread 2.5 ms for each MB beside the 0.3 ms of taking it in
//! (`redis-benchmark -t set -d 1000000`, with and without). So the bytes go by plain commands, and
//! scripts know nothing of them:
//!
//! ```text
//! push:      SET body,                then the script puts the task on its stream
//! lease:     the script gives the task, then GET body
//! complete:  SET rows and outcome,    then the script stores that they are there; then body goes and rows live on,
//!                                     or rows and outcome go, if the script refused
//! collect:   the script gives outcomes, then GET; the next one says that they came, and they go
//! ```
//! A name is never used again for other bytes, so a worker that is late does no harm. What a worker
//! stored before it died, without finishing its task, disappears after [`STAGED`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, Pipeline, Value};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::check;
use super::fault::unexpected;
use super::keys::{JobKeys, TTL};
use super::link::Link;
use super::pace::Pace;
use super::pool::{Pool, Use};
use super::reply;
use super::scripts::{Call, STAGE};
use crate::fit;
use crate::queue::QueueError;

/// How long a blob waits for the script that says it is there, which comes right after it.
pub const STAGED: Duration = Duration::from_secs(15 * 60);

/// How many blobs are fetched at once from a server; most are about 1 MiB each. Over a slow link,
/// one: what breaks off is sent again as a whole.
const AT_ONCE: usize = 4;

/// A link that brings fewer bytes a second is slow.
const SLOW: f64 = 8e6;

/// How many keys a server is asked to look at in one step of [`scan`].
const LOOKED_AT: usize = 1000;

/// The servers that have the blobs. Each transfer has its connection, so that several cores take
/// part, here and in a server with `io-threads`.
pub struct Blobs {
    links: Vec<Link>,
    pace: Pace,
    /// Held while the servers are asked for a sign of life.
    probing: Arc<Semaphore>,
}

/// Blobs of a job, by what their keys have after the job's, with their bytes.
pub type Named<'a> = [(String, &'a [u8])];

impl Blobs {
    /// At least one server.
    pub fn new(servers: &[Arc<Pool>]) -> Self {
        let links = servers.iter().map(|pool| Link::new(pool, Use::Bytes)).collect();
        Blobs { links, pace: Pace::default(), probing: Arc::new(Semaphore::new(1)) }
    }

    /// Asks all servers for a sign of life, beside what else goes on, unless that is done already:
    /// a run that waits for a worker has nothing to ask them, and would not learn that the worker
    /// waits for one of them. What comes of it is noted among the server's troubles.
    pub fn probe(&self) {
        let Ok(permit) = Arc::clone(&self.probing).try_acquire_owned() else { return };
        let links = self.links.clone();

        tokio::spawn(async move {
            let _permit = permit;
            let ping = async |link: Link| link.request(&redis::cmd("PING")).await.map(|_| ());
            let mut pings: JoinSet<_> = links.into_iter().map(ping).collect();
            while pings.join_next().await.is_some() {}
        });
    }

    /// How many bytes have come so far.
    pub fn received(&self) -> u64 {
        self.links.iter().map(|link| link.pool.received()).sum()
    }

    /// How many bytes, and how many blobs, come in that time; `None`: not known yet.
    pub fn in_time(&self, time: Duration) -> Option<(u64, usize)> {
        self.pace.in_time(time)
    }

    fn at_once(&self) -> usize {
        if self.pace.bytes_a_second().is_some_and(|pace| pace < SLOW) { 1 } else { AT_ONCE }
    }

    /// All servers that have blobs.
    pub fn servers(&self) -> &[Link] {
        &self.links
    }

    /// The index of the server that has the blob under this key; all sides of a queue must come to
    /// the same.
    fn place(&self, key: &str) -> usize {
        crc32fast::hash(key.as_bytes()) as usize % self.links.len()
    }

    /// Sorts things by the server that has the blob under their key.
    fn by_server<T>(
        &self,
        things: impl Iterator<Item = T>,
        key: impl Fn(&T) -> &str,
    ) -> BTreeMap<usize, Vec<T>> {
        let mut servers: BTreeMap<usize, Vec<T>> = BTreeMap::new();
        for thing in things {
            servers.entry(self.place(key(&thing))).or_default().push(thing);
        }

        servers
    }

    /// The server that has the blob under this key.
    fn server(&self, key: &str) -> &Link {
        &self.links[self.place(key)]
    }

    /// Stores blobs of a job; each lives for `ttl`.
    ///
    /// # Errors
    /// [`QueueError::Full`] among others; some of them may be stored then.
    pub async fn store(
        &self,
        job: &JobKeys,
        blobs: &Named<'_>,
        ttl: Duration,
    ) -> Result<(), QueueError> {
        let set = |(name, bytes): &(String, &[u8])| set(job.blob(name), bytes, ttl);
        self.set_all(blobs.iter().map(set)).await
    }

    /// Stores blobs of a job for [`STAGED`], even when the server is full: what they belong to
    /// drains it. One that is there, as from a try whose answer was lost, stays as it is.
    pub async fn stage(&self, job: &JobKeys, blobs: &Named<'_>) -> Result<(), QueueError> {
        let set = |(name, bytes): &(String, &[u8])| {
            let (key, mut command) = set(job.blob(name), bytes, STAGED);
            command.arg("NX");
            (key, command)
        };

        match self.set_all(blobs.iter().map(set)).await {
            Err(QueueError::Full(_)) => self.force(job, blobs).await,
            stored_or_broken => stored_or_broken,
        }
    }

    /// Stores blobs of a job for [`STAGED`] on servers that are full.
    pub async fn force(&self, job: &JobKeys, blobs: &Named<'_>) -> Result<(), QueueError> {
        for (name, bytes) in blobs {
            let key = job.blob(name);
            let server = self.server(&key);

            let mut call = Call::new(&STAGE).key(key).argument(STAGED.as_millis());
            call.push(*bytes);

            reply::expect_flag("stage", &server.call(&call).await?)?;
        }
        Ok(())
    }

    /// Sets blobs, all at once, each over a connection and by a task of its own: copying them takes
    /// several cores.
    async fn set_all(
        &self,
        commands: impl Iterator<Item = (String, Cmd)>,
    ) -> Result<(), QueueError> {
        let mut setting = JoinSet::new();
        for (key, command) in commands {
            let server = self.server(&key).clone();
            setting.spawn(async move { server.request(&command).await });
        }

        // All are waited for, so that none is under way any more when the caller hears of a fault.
        let mut worst = Ok(());
        while let Some(set) = setting.join_next().await {
            worst = worst.and(set.expect("a request does not panic").map(|_| ()));
        }

        worst
    }

    /// Lets some staged blobs of a job live on, and removes others.
    pub async fn settle(
        &self,
        job: &JobKeys,
        live: &[String],
        gone: &[String],
    ) -> Result<(), QueueError> {
        let command = |name: &String, command: &str| {
            let key = job.blob(name);
            let mut command = redis::cmd(command);
            command.arg(&key);
            (key, command)
        };

        let live = live.iter().map(|name| {
            let (key, mut command) = command(name, "PEXPIRE");
            command.arg(fit::millis(TTL));
            (key, command)
        });
        let commands = live.chain(gone.iter().map(|name| command(name, "UNLINK")));

        for (server, commands) in self.by_server(commands, |(key, _)| key) {
            let count = commands.len();
            let mut pipeline = Pipeline::with_capacity(count);
            for (_, command) in commands {
                pipeline.add_command(command);
            }

            self.links[server].pipeline(&pipeline, count).await?;
        }
        Ok(())
    }

    /// Fetches blobs by their keys, in order; `None` for one that is not there.
    pub async fn fetch(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, QueueError> {
        let mut blobs = vec![None; keys.len()];
        for (server, wanted) in self.by_server(keys.iter().enumerate(), |(_, key)| key) {
            for wanted in wanted.chunks(self.at_once()) {
                let mut command = redis::cmd("MGET");
                wanted.iter().for_each(|(_, key)| {
                    command.arg(key);
                });

                let began = Instant::now();
                match self.links[server].request(&command).await? {
                    Value::Array(found) if found.len() == wanted.len() => {
                        self.pace.note(&found, began.elapsed());
                        for ((place, _), value) in wanted.iter().zip(found) {
                            blobs[*place] = bytes_or_nothing(value)?;
                        }
                    }
                    other => return Err(unexpected("MGET", &other)),
                }
            }
        }
        Ok(blobs)
    }

    /// How many bytes of blobs the servers may hold; `None`: one of them has no limit.
    pub async fn capacity(&self) -> Result<Option<u64>, QueueError> {
        let mut least = u64::MAX;
        for server in &self.links {
            let answer = server.request(redis::cmd("INFO").arg("memory")).await?;

            let info = reply::bytes(&answer).ok_or_else(|| unexpected("INFO", &answer))?;
            match check::maxmemory(&String::from_utf8_lossy(info)) {
                0 => return Ok(None),
                most => least = least.min(most),
            }
        }

        // They have the same share each.
        Ok(Some(least * self.links.len() as u64))
    }

    /// Removes all blobs of a job, which may be on any server; looks through each server in at most
    /// `most_looks` steps.
    pub async fn clear(&self, job: &JobKeys, most_looks: usize) -> Result<(), QueueError> {
        for server in &self.links {
            let mut cursor = b"0".to_vec();
            for _ in 0..most_looks {
                let (keys, next) = scan(server, &job.pattern(), &cursor).await?;
                if !keys.is_empty() {
                    let mut unlink = redis::cmd("UNLINK");
                    unlink.arg(&keys);
                    server.request(&unlink).await?;
                }

                // The scan ends where it began.
                if next == b"0" {
                    break;
                }
                cursor = next;
            }
        }
        Ok(())
    }
}

fn set(key: String, bytes: &[u8], ttl: Duration) -> (String, Cmd) {
    let mut command = Cmd::with_capacity(6, key.len() + bytes.len() + 64);
    command.arg("SET").arg(&key).arg(bytes).arg("PX").arg(fit::millis(ttl));
    (key, command)
}

/// The bytes of an answer, or that there are none.
fn bytes_or_nothing(value: Value) -> Result<Option<Vec<u8>>, QueueError> {
    match value {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(bytes)),
        other => Err(unexpected("MGET", &other)),
    }
}

/// Looks at some keys of a server, from a cursor on (`0`: the first), and gives those that match
/// the pattern, and the next cursor.
pub async fn scan(
    server: &Link,
    pattern: &str,
    cursor: &[u8],
) -> Result<(Vec<Vec<u8>>, Vec<u8>), QueueError> {
    let mut scan = redis::cmd("SCAN");
    scan.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(LOOKED_AT);

    let answer = server.request(&scan).await?;
    read_scan(&answer).ok_or_else(|| unexpected("SCAN", &answer))
}

fn read_scan(answer: &Value) -> Option<(Vec<Vec<u8>>, Vec<u8>)> {
    let [next, keys] = reply::items(answer)?;
    let keys = reply::list(keys)?.iter().filter_map(reply::bytes);

    Some((keys.map(<[u8]>::to_vec).collect(), reply::bytes(next)?.to_vec()))
}
