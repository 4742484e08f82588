//! What goes over a connection at once: one command, or several.

use std::future::Future;
use std::time::Duration;

use redis::{Arg, Cmd, Pipeline, Value};

use super::connection::Connection;
use super::fault::Fault;
use super::link::Link;

pub trait Request: Sync {
    type Answer: Send;

    /// How many bytes it has.
    fn size(&self) -> usize;

    /// Sends it, and waits for the answer until nothing has come for `silence`.
    fn over(
        &self,
        connection: &mut Connection,
        silence: Duration,
    ) -> impl Future<Output = Result<Self::Answer, Fault>> + Send;

    /// Sends it where its keys are for now, as the server named that node; it was tried `tried`
    /// times before.
    fn asking(
        &self,
        link: &Link,
        node: &str,
        silence: Duration,
        tried: u32,
    ) -> impl Future<Output = Result<Self::Answer, Fault>> + Send;
}

impl Request for Cmd {
    type Answer = Value;

    fn size(&self) -> usize {
        let length =
            |argument: Arg<&[u8]>| if let Arg::Simple(bytes) = argument { bytes.len() } else { 0 };
        self.args_iter().map(length).sum()
    }

    async fn over(&self, connection: &mut Connection, silence: Duration) -> Result<Value, Fault> {
        connection.send(self, silence).await
    }

    async fn asking(
        &self,
        link: &Link,
        node: &str,
        silence: Duration,
        _tried: u32,
    ) -> Result<Value, Fault> {
        // Only this request goes there: the queue stays where it is.
        link.pool.dial_asking(node).await?.send(self, silence).await
    }
}

/// Several commands, and how many.
pub struct Several<'a>(pub &'a Pipeline, pub usize);

impl Request for Several<'_> {
    type Answer = Vec<Value>;

    fn size(&self) -> usize {
        self.0.cmd_iter().map(Cmd::size).sum()
    }

    async fn over(
        &self,
        connection: &mut Connection,
        silence: Duration,
    ) -> Result<Vec<Value>, Fault> {
        connection.send_all(self.0, self.1, silence).await
    }

    async fn asking(
        &self,
        link: &Link,
        _node: &str,
        _silence: Duration,
        tried: u32,
    ) -> Result<Vec<Value>, Fault> {
        // Some keys are here, some there: each command finds its own.
        let mut answers = Vec::with_capacity(self.1);
        for command in self.0.cmd_iter() {
            answers.push(link.send_once(command, Duration::ZERO, tried).await?);
        }
        Ok(answers)
    }
}
