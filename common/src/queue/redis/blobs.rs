//! Blobs: bytes under their own keys that do not go through a script, on the servers for bytes if
//! there are any.
//!
//! A script copies its arguments four times, while the server does nothing else. A run of 200 MB
//! took 2.3 s of the server's time with all bytes in scripts, and 1.0 s with blobs (`INFO cpu`
//! around the run). A server with an append-only file also writes the bytes there, which took its
//! thread 2.5 ms for each MB, beside 0.3 ms to receive it (`redis-benchmark -t set -d 1000000`,
//! with and without). So blobs go by plain commands, and scripts do not see them:
//!
//! ```text
//! push:      SET body,                then the script puts the task on its stream
//! lease:     the script gives the task, then GET body
//! complete:  SET rows and outcome,    then the script stores their names; then the body goes and
//!                                     the rows live on, or rows and outcome go: a stale lease
//! collect:   the script gives outcomes, then GET; the next call confirms them, and they go
//! ```
//! A name is never used again for other bytes, so a late worker does no harm. Blobs of a worker
//! that died before it finished the task expire after [`STAGED`].

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

/// The lifetime of a blob until the script that stores its name, which follows at once, has run.
pub const STAGED: Duration = Duration::from_secs(15 * 60);

/// How many blobs are fetched in one request; most have about 1 MiB. Over a slow link only one, as
/// a request that breaks off starts again.
const AT_ONCE: usize = 4;

/// A link is slow below this many bytes a second.
const SLOW: f64 = 8e6;

/// How many keys a server looks at in one step of [`scan`].
const LOOKED_AT: usize = 1000;

/// The servers for blobs. Each transfer has its own connection, so that it uses several cores, here
/// and in a server with `io-threads`.
pub struct Blobs {
    links: Vec<Link>,
    pace: Pace,
    /// Taken while the servers are asked for a sign of life.
    probing: Arc<Semaphore>,
}

/// Blobs of a job: their names, which follow the prefix of the job in their keys, and their bytes.
pub type Named<'a> = [(String, &'a [u8])];

impl Blobs {
    /// At least one server.
    pub fn new(servers: &[Arc<Pool>]) -> Self {
        let links = servers.iter().map(|pool| Link::new(pool, Use::Bytes)).collect();
        Blobs { links, pace: Pace::default(), probing: Arc::new(Semaphore::new(1)) }
    }

    /// Asks all servers for a sign of life in the background, unless that is under way; failures
    /// are noted among the server's troubles. A run that waits for a worker sends them no other
    /// request, and would not learn that the worker waits for one of them.
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

    /// How many bytes have arrived so far.
    pub fn received(&self) -> u64 {
        self.links.iter().map(|link| link.pool.received()).sum()
    }

    /// How many bytes, and how many blobs, arrive in that time; `None`: not known yet.
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

    /// The index of the server that has the blob under this key. All processes of a queue must
    /// compute the same.
    fn place(&self, key: &str) -> usize {
        crc32fast::hash(key.as_bytes()) as usize % self.links.len()
    }

    /// Groups things by the server that has the blob under their key.
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
    /// Those of [`Link::request`]; some of the blobs may be stored then.
    pub async fn store(
        &self,
        job: &JobKeys,
        blobs: &Named<'_>,
        ttl: Duration,
    ) -> Result<(), QueueError> {
        let set = |(name, bytes): &(String, &[u8])| set(job.blob(name), bytes, ttl);
        self.set_all(blobs.iter().map(set)).await
    }

    /// Stores blobs of a job for [`STAGED`], even when the server is full: the completion that
    /// follows drains it. A blob that exists, from a try whose answer was lost, stays as it is.
    pub async fn stage(&self, job: &JobKeys, blobs: &Named<'_>) -> Result<(), QueueError> {
        let set = |(name, bytes): &(String, &[u8])| {
            let (key, mut command) = set(job.blob(name), bytes, STAGED);
            command.arg("NX");
            (key, command)
        };

        match self.set_all(blobs.iter().map(set)).await {
            // Through a script, which can write to a full server.
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

    /// Sets blobs in parallel, each by its own task and connection: one core alone would take
    /// longer to copy them.
    async fn set_all(
        &self,
        commands: impl Iterator<Item = (String, Cmd)>,
    ) -> Result<(), QueueError> {
        let mut setting = JoinSet::new();
        for (key, command) in commands {
            let server = self.server(&key).clone();
            setting.spawn(async move { server.request(&command).await });
        }

        // Waits for all, so that none is under way when the caller learns of a fault and retries.
        let mut worst = Ok(());
        while let Some(set) = setting.join_next().await {
            worst = worst.and(set.expect("a request does not panic").map(|_| ()));
        }

        worst
    }

    /// Gives the staged blobs `live` the lifetime of the job's keys, and removes `gone`.
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

        // One round trip to each server, however many blobs there are.
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

    /// Fetches blobs by their keys, in order; `None` for a blob that is not there.
    pub async fn fetch(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, QueueError> {
        let mut blobs = vec![None; keys.len()];
        for (server, wanted) in self.by_server(keys.iter().enumerate(), |(_, key)| key) {
            // In small chunks, so that a broken connection costs little.
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

        // Names spread blobs evenly, so the smallest server is full first.
        Ok(Some(least * self.links.len() as u64))
    }

    /// Removes all blobs of a job. They may be on any server: each is searched in at most
    /// `most_looks` steps of [`scan`].
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

                // A scan is complete when its cursor is back at 0.
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

/// The bytes of an answer; `None`: there is no such key.
fn bytes_or_nothing(value: Value) -> Result<Option<Vec<u8>>, QueueError> {
    match value {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(bytes)),
        other => Err(unexpected("MGET", &other)),
    }
}

/// Looks at some keys of a server, beginning at a cursor (`0`: from the start). Returns the keys
/// that match the pattern, and the next cursor.
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
