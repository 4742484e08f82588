//! The connections of a queue: shared ones for requests that return at once, and one for each read that blocks.

use std::future::Future;
use std::sync::Mutex;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, RedisResult, Value};
use tracing::{debug, warn};

use super::config::Server;
use super::connect::{Tries, dial};
use super::fault::Fault;
use super::scripts::Call;
use crate::queue::QueueError;

/// The longest that a read asks the server to block. Short, so that a call notices soon that leases have ended or that a
/// bell was lost with the server's data, and so that a connection's response timeout need not be long.
pub const LONGEST_BLOCK: Duration = Duration::from_secs(2);

/// Connections that are not in use.
///
/// A shared link keeps one, which all calls use at once; a pool keeps those that no blocking call has taken.
pub struct Link {
    server: Server,
    kept: Mutex<Vec<MultiplexedConnection>>,
    sharing: Sharing,
    /// Held while a shared link dials, so that a break is followed by one new connection and not by one a call.
    dialling: tokio::sync::Mutex<()>,
}

/// Whether calls use a connection together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    Shared,
    Alone,
}

impl Link {
    pub fn new(server: Server, sharing: Sharing) -> Self {
        Link { server, kept: Mutex::default(), sharing, dialling: tokio::sync::Mutex::default() }
    }

    /// Runs a script; tries again as [`Link::request`] does.
    pub async fn call(&self, call: &Call) -> Result<Value, QueueError> {
        self.persist(|| self.call_once(call)).await
    }

    /// Sends a command, again after breaks and while the server is busy.
    ///
    /// # Errors
    /// [`QueueError::Unreachable`] when the time for tries is over, [`QueueError::Full`] and [`QueueError::Unusable`] at
    /// once.
    pub async fn request(&self, command: &Cmd) -> Result<Value, QueueError> {
        self.persist(|| self.send_once(command)).await
    }

    /// Sends so many commands at once, and gives their answers; tries all of them again as [`Link::request`] does.
    pub async fn pipeline(&self, commands: &Pipeline, count: usize) -> Result<Vec<Value>, QueueError> {
        self.persist(|| self.send_all_once(commands, count)).await
    }

    async fn persist<T, F: Future<Output = Result<T, Fault>>>(&self, once: impl Fn() -> F) -> Result<T, QueueError> {
        let mut tries = Tries::new(self.server.timing.patience);
        loop {
            match once().await {
                Ok(value) => return Ok(value),
                Err(fault) => self.retry(fault, &mut tries).await?,
            }
        }
    }

    async fn retry(&self, fault: Fault, tries: &mut Tries) -> Result<(), QueueError> {
        match fault {
            Fault::Broken(ref why) | Fault::Busy(ref why) => {
                debug!(%why, "the queue did not answer, trying again");
                if tries.again().await {
                    return Ok(());
                }
                warn!(%why, "the queue cannot be reached");
                Err(fault.into())
            }
            Fault::NoScript | Fault::Full(_) | Fault::Here(_) | Fault::Hopeless { .. } => Err(fault.into()),
        }
    }

    async fn call_once(&self, call: &Call) -> Result<Value, Fault> {
        match self.send_once(&call.by_sha()).await {
            Err(Fault::NoScript) => {
                debug!(script = call.script.name, "leaving the script with the server");
                self.send_once(&call.by_source()).await
            }
            other => other,
        }
    }

    async fn send_once(&self, command: &Cmd) -> Result<Value, Fault> {
        let mut connection = self.connection().await?;
        let answer = connection.send_packed_command(command).await.and_then(Value::extract_error);
        self.judge(connection, answer)
    }

    async fn send_all_once(&self, commands: &Pipeline, count: usize) -> Result<Vec<Value>, Fault> {
        let mut connection = self.connection().await?;
        let answers = connection.send_packed_commands(commands, 0, count).await;
        let answers = answers.and_then(|answers| answers.into_iter().map(Value::extract_error).collect());
        self.judge(connection, answers)
    }

    /// Keeps the connection on which an answer came, if it is still good.
    fn judge<T>(&self, connection: MultiplexedConnection, answer: RedisResult<T>) -> Result<T, Fault> {
        let answer = answer.map_err(Fault::from);
        match answer {
            Err(Fault::Broken(_)) => self.forget(),
            _ => self.put_back(connection),
        }
        answer
    }

    async fn connection(&self) -> Result<MultiplexedConnection, Fault> {
        if let Some(connection) = self.take() {
            return Ok(connection);
        }
        let blocks = match self.sharing {
            Sharing::Alone => return dial(&self.server, LONGEST_BLOCK).await,
            Sharing::Shared => Duration::ZERO,
        };
        let _dialling = self.dialling.lock().await;
        if let Some(connection) = self.take() {
            return Ok(connection);
        }
        let connection = dial(&self.server, blocks).await?;
        debug!(address = self.server.address, "connected");
        self.kept.lock().expect("no holder panics").push(connection.clone());
        Ok(connection)
    }

    fn take(&self) -> Option<MultiplexedConnection> {
        let mut kept = self.kept.lock().expect("no holder panics");
        match self.sharing {
            Sharing::Shared => kept.first().cloned(),
            Sharing::Alone => kept.pop(),
        }
    }

    fn put_back(&self, connection: MultiplexedConnection) {
        if self.sharing == Sharing::Alone {
            self.kept.lock().expect("no holder panics").push(connection);
        }
    }

    /// Drops all connections: what broke one has likely broken them all.
    fn forget(&self) {
        self.kept.lock().expect("no holder panics").clear();
    }

    /// Waits until there are news after those of this entry, at most `wait` and [`LONGEST_BLOCK`].
    ///
    /// # Errors
    /// As [`Link::request`], but without trying again: the caller looks for itself first.
    pub async fn hear(&self, news: &str, after: &str, wait: Duration) -> Result<(), Fault> {
        let mut command = redis::cmd("XREAD");
        command.arg("COUNT").arg(1).arg("BLOCK").arg(blocks_ms(wait)).arg("STREAMS").arg(news).arg(after);
        self.send_once(&command).await.map(|_| ())
    }

    /// Waits until one of some bells rings, at most `wait` and [`LONGEST_BLOCK`]; gives the one that did. It rings for
    /// nobody else then.
    ///
    /// # Errors
    /// As [`Link::hear`].
    pub async fn listen(&self, bells: &[String], wait: Duration) -> Result<Option<String>, Fault> {
        let mut command = redis::cmd("BLPOP");
        command.arg(bells).arg(blocks_ms(wait) as f64 / 1e3);
        let rung = self.send_once(&command).await?;
        Ok(redis::from_redis_value::<Option<(String, String)>>(rung).ok().flatten().map(|(bell, _)| bell))
    }
}

/// How long the server is asked to block. 0 would mean for ever, and before 7.0.8 so did 1 ms (redis#11687).
fn blocks_ms(wait: Duration) -> u64 {
    wait.min(LONGEST_BLOCK).as_millis().max(10) as u64
}
