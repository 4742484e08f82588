//! The connections of a queue: shared ones for requests that return at once, and one for each read that blocks.

use std::sync::Mutex;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Value};
use tracing::{debug, warn};

use super::config::RedisConfig;
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
    config: RedisConfig,
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
    pub fn new(config: RedisConfig, sharing: Sharing) -> Self {
        Link { config, kept: Mutex::default(), sharing, dialling: tokio::sync::Mutex::default() }
    }

    /// Runs a script; tries again as [`Link::request`] does.
    pub async fn call(&self, call: &Call) -> Result<Value, QueueError> {
        let mut tries = Tries::new(self.config.timing.patience);
        loop {
            match self.call_once(call).await {
                Ok(value) => return Ok(value),
                Err(fault) => self.retry(fault, &mut tries).await?,
            }
        }
    }

    /// Sends a command, again after breaks and while the server is busy.
    ///
    /// # Errors
    /// [`QueueError::Unreachable`] when the time for tries is over, [`QueueError::Full`] and [`QueueError::Unusable`] at
    /// once.
    pub async fn request(&self, command: &Cmd) -> Result<Value, QueueError> {
        let mut tries = Tries::new(self.config.timing.patience);
        loop {
            match self.send_once(command).await {
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
            Fault::NoScript | Fault::Full(_) | Fault::Hopeless { .. } => Err(fault.into()),
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

    /// Sends a command on a connection; keeps the connection if it is still good.
    async fn send_once(&self, command: &Cmd) -> Result<Value, Fault> {
        let mut connection = self.connection().await?;
        let answer = connection.send_packed_command(command).await.and_then(Value::extract_error);
        match answer {
            Ok(value) => {
                self.put_back(connection);
                Ok(value)
            }
            Err(error) => {
                let fault = Fault::from(error);
                match fault {
                    Fault::Broken(_) => self.forget(),
                    _ => self.put_back(connection),
                }
                Err(fault)
            }
        }
    }

    async fn connection(&self) -> Result<MultiplexedConnection, Fault> {
        if let Some(connection) = self.take() {
            return Ok(connection);
        }
        let blocks = match self.sharing {
            Sharing::Alone => return dial(&self.config, LONGEST_BLOCK).await,
            Sharing::Shared => Duration::ZERO,
        };
        let _dialling = self.dialling.lock().await;
        if let Some(connection) = self.take() {
            return Ok(connection);
        }
        let connection = dial(&self.config, blocks).await?;
        debug!(address = self.config.address(), "connected");
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

    /// Waits until a bell rings after `last`, at most `wait` and [`LONGEST_BLOCK`].
    ///
    /// # Errors
    /// As [`Link::request`], but without trying again: the caller looks for itself first.
    pub async fn listen(&self, bell: &str, last: &str, wait: Duration) -> Result<(), Fault> {
        let wait_ms = wait.min(LONGEST_BLOCK).as_millis().max(1); // 0 would mean for ever.
        let mut command = redis::cmd("XREAD");
        command.arg("COUNT").arg(1).arg("BLOCK").arg(wait_ms as u64).arg("STREAMS").arg(bell).arg(last);
        self.send_once(&command).await.map(|_| ())
    }
}
