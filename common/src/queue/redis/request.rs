//! The requests that go over a connection: one command, or several at once.

use std::future::Future;
use std::time::Duration;

use redis::{Arg, Cmd, Pipeline, Value};

use super::connection::Connection;
use super::fault::Fault;

/// Sends commands one by one where their keys are.
pub trait Courier: Sync {
    /// To the node that a server named (`ASK`), for this once: the queue has not moved.
    fn to_node(
        &self,
        node: &str,
        command: &Cmd,
        silence: Duration,
    ) -> impl Future<Output = Result<Value, Fault>> + Send;

    /// To the node that has the queue; the request of the command was tried `tried` times before.
    fn to_queue(
        &self,
        command: &Cmd,
        tried: u32,
    ) -> impl Future<Output = Result<Value, Fault>> + Send;
}

/// One command or several, which are sent together.
pub trait Request: Sync {
    type Answer: Send;

    /// Its size in bytes.
    fn size(&self) -> usize;

    /// Sends it, and waits for the answer until the connection has been silent for `silence`.
    fn over(
        &self,
        connection: &mut Connection,
        silence: Duration,
    ) -> impl Future<Output = Result<Self::Answer, Fault>> + Send;

    /// Sends it to the node that has its keys for now, as a server said (`ASK`); it was tried
    /// `tried` times before.
    fn asking(
        &self,
        courier: &impl Courier,
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
        courier: &impl Courier,
        node: &str,
        silence: Duration,
        _tried: u32,
    ) -> Result<Value, Fault> {
        courier.to_node(node, self, silence).await
    }
}

/// Several commands, and their number.
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
        courier: &impl Courier,
        _node: &str,
        _silence: Duration,
        tried: u32,
    ) -> Result<Vec<Value>, Fault> {
        // The keys may be on two nodes now, so each command goes by itself.
        let mut answers = Vec::with_capacity(self.1);
        for command in self.0.cmd_iter() {
            answers.push(courier.to_queue(command, tried).await?);
        }
        Ok(answers)
    }
}
