//! The surroundings of one run: servers, the network, a folder, and the processes of Sheaf.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::actors::{Coordinator, Worker};
use super::kind::{Persistence, Role};
use super::plan::Plan;
use super::reference::Reference;
use super::server_version::ServerVersion;
use super::watch::Watch;
use super::wire::Wire;
use crate::mounts::Mount;
use crate::redis_server::{Options, RedisServer};
use crate::wait::until;

/// The settings that all runs share.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The lease, as typed.
    pub lease: String,
    /// The share of a core for each worker, in percent; 0 for no limit.
    pub worker_percent: u64,
    /// The time after which a run counts as hung.
    pub deadline: Duration,
    /// Whether to log every detail, and to save the logs of all runs, not only of failed ones.
    pub verbose: bool,
}

pub struct Stage<'a> {
    pub plan: Plan,
    pub setting: &'a Setting,
    pub reference: &'a Reference,
    pub server: ServerVersion,
    pub queue: RedisServer,
    pub replica: Option<RedisServer>,
    pub bytes: Vec<RedisServer>,
    pub wires: Option<Wires>,
    pub workers: Vec<Worker>,
    pub sick: Vec<Worker>,
    /// The standard error of each worker that is gone.
    pub last_words: Vec<String>,
    pub coordinator: Coordinator,
    pub watch: Watch,
    /// Processes to be continued at the end of a fault.
    pub stopped: Vec<u32>,
    /// An open connection to a server that accepts no more.
    pub last_connection: Option<redis::Connection>,
    /// Problems so far.
    pub problems: Vec<String>,
    /// The number of times that the run gave up, as its fault allows, and was restarted.
    pub gave_up: usize,
    pub mount: Option<Mount>,
    folder: TempDir,
}

/// The proxies of each side: first in front of the queue's server, then of those for blobs.
pub struct Wires {
    pub coordinator: Vec<Wire>,
    pub workers: Vec<Wire>,
}

impl Wires {
    async fn to(ports: &[u16]) -> Self {
        let mut wires = Wires { coordinator: Vec::new(), workers: Vec::new() };
        for &port in ports {
            wires.coordinator.push(Wire::to(port).await);
            wires.workers.push(Wire::to(port).await);
        }
        wires
    }
}

impl<'a> Stage<'a> {
    /// Starts the servers of the plan, but no process of Sheaf.
    ///
    /// # Errors
    /// This machine lacks something, in words.
    pub async fn set(
        plan: Plan,
        setting: &'a Setting,
        reference: &'a Reference,
        server: ServerVersion,
    ) -> Result<Self, String> {
        let kind = &plan.kind;
        let queue = start(&server, kind.persistence, &[]).await?;

        let mut bytes = Vec::new();
        for _ in 0..plan.bytes_servers {
            bytes.push(start(&server, kind.persistence, &[]).await?);
        }

        let replica = match kind.needs_replica() {
            true => Some(start_replica(&server, &queue).await?),
            false => None,
        };

        let wires = match kind.needs_wires() {
            true => {
                let ports: Vec<u16> =
                    [&queue].into_iter().chain(&bytes).map(RedisServer::port).collect();
                Some(Wires::to(&ports).await)
            }
            false => None,
        };

        let folder = tempfile::Builder::new()
            .prefix("sheaf-faults-")
            .tempdir()
            .map_err(|error| error.to_string())?;

        let out = folder.path().join("out");
        fs::create_dir(&out).map_err(|error| error.to_string())?;
        let mount = match kind.needs_mount() {
            true => Some(Mount::tmpfs("faults", &out, "1g").ok_or("a small disk needs root")?),
            false => None,
        };

        Ok(Stage {
            setting,
            reference,
            server,
            queue,
            replica,
            bytes,
            wires,
            workers: Vec::new(),
            sick: Vec::new(),
            last_words: Vec::new(),
            coordinator: Coordinator::default(),
            watch: Watch::start(out),
            stopped: Vec::new(),
            last_connection: None,
            problems: Vec::new(),
            gave_up: 0,
            mount,
            folder,
            plan,
        })
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of the outputs.
    pub fn out(&self) -> PathBuf {
        self.folder().join("out")
    }

    /// The victim among the servers in this role.
    pub fn server(&mut self, role: Role) -> &mut RedisServer {
        match role {
            Role::Queue => &mut self.queue,
            Role::Bytes => {
                let victim = self.plan.victim % self.bytes.len();
                &mut self.bytes[victim]
            }
        }
    }

    /// The index of the victim among the workers.
    pub fn victim(&self) -> usize {
        self.plan.victim % self.workers.len().max(1)
    }

    /// The URLs of the queue's server and of those for blobs, as one side sees them.
    pub fn urls(&self, wires: impl Fn(&Wires) -> &Vec<Wire>) -> (String, String) {
        let urls: Vec<String> = match &self.wires {
            Some(all) => wires(all).iter().map(Wire::url).collect(),
            None => [&self.queue].into_iter().chain(&self.bytes).map(RedisServer::url).collect(),
        };
        (urls[0].clone(), urls[1..].join(","))
    }

    /// The file that sets the fake clocks.
    pub fn clock(&self) -> PathBuf {
        self.folder().join("clock")
    }
}

async fn start(
    server: &ServerVersion,
    persistence: Persistence,
    more: &[String],
) -> Result<RedisServer, String> {
    let appends: &[&str] = match persistence {
        Persistence::None => &[],
        Persistence::AppendEverySecond => &["--appendonly", "yes", "--appendfsync", "everysec"],
        Persistence::AppendAlways => &["--appendonly", "yes", "--appendfsync", "always"],
    };

    let debug: &[&str] = match server.has_debug_switch() {
        true => &["--enable-debug-command", "local"],
        false => &[],
    };

    let mut arguments: Vec<String> = appends.iter().chain(debug).map(ToString::to_string).collect();
    arguments.extend_from_slice(more);
    let options =
        Options { arguments, program: Some(server.program.clone()), ..Options::default() };
    RedisServer::start_with("faults", options)
        .await
        .ok_or_else(|| "no redis-server on this machine".into())
}

async fn start_replica(server: &ServerVersion, of: &RedisServer) -> Result<RedisServer, String> {
    // Redis 6.2 wants host and port as two arguments.
    let port = of.port().to_string();
    let follows =
        ["--replicaof", "127.0.0.1", &port, "--repl-diskless-sync-delay", "0"].map(str::to_owned);
    let replica = start(server, Persistence::None, &follows).await?;
    let link = async || replica.command::<String>(&["INFO", "replication"]);
    until("the replica follows", link, |info| info.contains("master_link_status:up")).await;
    Ok(replica)
}
