//! Finds the endpoint of a server: the one that was typed, the node of a cluster that has the
//! queue, or the master that sentinels name.
//!
//! All keys of a queue are in one slot, so there is one node to find. Connections are dialled
//! seldom, so sentinels are asked each time.

use std::sync::{Arc, Mutex};

use redis::Value;

use super::connection::Connection;
use super::fault::Fault;
use super::server::Server;
use super::socket::Endpoint;
use super::url::Sentinels;

/// The route to the queue, as known so far.
#[derive(Debug, Default)]
pub struct Route(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// The node of the cluster that has the queue, as another node said.
    node: Option<Endpoint>,
    /// The other nodes of the cluster: any of them can name the one that has the queue.
    others: Vec<Endpoint>,
    /// Whether a node was asked for the others.
    asked: bool,
}

impl Route {
    /// The endpoint to dial.
    ///
    /// # Errors
    /// When no sentinel knows a master.
    pub async fn endpoint(&self, server: &Server) -> Result<Endpoint, Fault> {
        match &server.sentinels {
            Some(sentinels) => master(server, sentinels).await,
            None => Ok(self
                .0
                .lock()
                .expect("no holder panics")
                .node
                .clone()
                .unwrap_or_else(|| server.endpoint.clone())),
        }
    }

    /// Moves to the node that another one named: `SLOT HOST:PORT`. `false`: that is no address.
    pub fn moved(&self, from: &Endpoint, to: &str) -> bool {
        let Some(node) = parse_node(from, to) else { return false };

        self.0.lock().expect("no holder panics").node = Some(node);
        true
    }

    /// Moves on, as no server answers at `from`: to the next known node, or to the endpoint that
    /// was typed.
    pub fn turn_away(&self, from: &Endpoint, server: &Server) {
        let mut known = self.0.lock().expect("no holder panics");
        let ways: Vec<Endpoint> =
            std::iter::once(&server.endpoint).chain(&known.others).cloned().collect();

        let at = ways.iter().position(|way| way == from);
        // From a node that is not known, back to the endpoint that was typed.
        known.node = Some(ways[at.map_or(0, |at| (at + 1) % ways.len())].clone());
    }

    /// Asks a node for the other nodes, only once: a server without a cluster would refuse again.
    pub async fn learn(&self, connection: &mut Connection, server: &Server, at: &Endpoint) {
        // Counts as asked even if it fails.
        let asked = std::mem::replace(&mut self.0.lock().expect("no holder panics").asked, true);
        if asked || server.sentinels.is_some() {
            return;
        }

        let command = redis::cmd("CLUSTER").arg("SLOTS").take();
        // Without other nodes, only the endpoint that was typed is tried again.
        if let Ok(answer) = connection.send(&command, server.timing.connect).await {
            let mut others = nodes(at, &answer);
            others.retain(|node| *node != server.endpoint);
            self.0.lock().expect("no holder panics").others = others;
        }
    }
}

/// Reads `SLOT HOST:PORT`; an empty host means that of `from`.
pub fn parse_node(from: &Endpoint, text: &str) -> Option<Endpoint> {
    let (host, port) = text.split_whitespace().last()?.rsplit_once(':')?;
    let port = port.parse().ok()?;

    match (host, from) {
        ("", Endpoint::Tcp { host, .. }) => Some(Endpoint::Tcp { host: host.clone(), port }),
        ("", Endpoint::Unix(_)) => None,
        (host, _) => Some(Endpoint::Tcp { host: host.trim_matches(['[', ']']).into(), port }),
    }
}

/// Reads the answer of `CLUSTER SLOTS`: for each range its two ends, then its nodes: host, port, …
fn nodes(from: &Endpoint, answer: &Value) -> Vec<Endpoint> {
    let Value::Array(ranges) = answer else { return Vec::new() };

    let mut nodes = Vec::new();
    for range in ranges {
        let Value::Array(range) = range else { continue };
        for node in range.iter().skip(2) {
            let Value::Array(node) = node else { continue };
            let [Value::BulkString(host), Value::Int(port), ..] = node.as_slice() else { continue };

            let text = format!("{}:{port}", String::from_utf8_lossy(host));
            nodes.extend(parse_node(from, &text).filter(|node| !nodes.contains(node)));
        }
    }
    nodes
}

/// Asks the sentinels, one after the other, where the master is.
async fn master(server: &Server, sentinels: &Sentinels) -> Result<Endpoint, Fault> {
    let mut last = Fault::Broken("no sentinel answers".into());

    for endpoint in &sentinels.endpoints {
        // Sentinels may be down like any server: the first that knows the master decides.
        match ask(&server.for_its_sentinels(), endpoint, &sentinels.master).await {
            Ok(Some(master)) => return Ok(master),
            Ok(None) => {
                last = Fault::Hopeless {
                    reason: format!(
                        "the sentinel at {} knows no master `{}`",
                        server.address_of(endpoint),
                        sentinels.master
                    ),
                    hint: Some(
                        "the URL ends with its name: `redis+sentinel://HOST:26379/MASTER`".into(),
                    ),
                };
            }
            Err(fault) => last = fault,
        }
    }
    Err(last)
}

async fn ask(
    server: &Server,
    endpoint: &Endpoint,
    master: &str,
) -> Result<Option<Endpoint>, Fault> {
    let mut connection = Connection::dial(server, endpoint, &Arc::default()).await?;

    let command = redis::cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(master).take();
    match connection.send(&command, server.timing.connect).await? {
        Value::Array(parts) => match parts.as_slice() {
            [Value::BulkString(host), Value::BulkString(port)] => {
                let text =
                    format!("{}:{}", String::from_utf8_lossy(host), String::from_utf8_lossy(port));
                Ok(parse_node(endpoint, &text))
            }
            _ => Ok(None),
        },
        // The sentinel is up, but watches no master of that name.
        Value::Nil => Ok(None),
        _ => Err(Fault::not_redis()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_read_as_servers_name_it() {
        let from = Endpoint::Tcp { host: "a".into(), port: 1 };
        let node = |host: &str, port| Some(Endpoint::Tcp { host: host.into(), port });

        assert_eq!(parse_node(&from, "3999 10.0.0.7:6381"), node("10.0.0.7", 6381));
        assert_eq!(parse_node(&from, "3999 :6381"), node("a", 6381));
        assert_eq!(parse_node(&from, "3999 [::1]:6381"), node("::1", 6381));
        assert_eq!(parse_node(&from, "nonsense"), None);
    }
}
