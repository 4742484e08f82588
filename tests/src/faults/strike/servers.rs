//! Faults of servers.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use redis::Connection;

use crate::faults::kind::{Ill, Role};
use crate::faults::stage::Stage;
use crate::redis_server::RedisServer;
use crate::wait::until;

/// The age of an old snapshot or replica.
const BEHIND: Duration = Duration::from_millis(1_500);
/// The longest wait for keys, as some kinds exist only now and then.
const KEYS_WITHIN: Duration = Duration::from_secs(10);

pub async fn begin(stage: &mut Stage<'_>, role: Role, ill: Ill) -> Result<(), String> {
    let hold = stage.plan.hold;
    match ill {
        Ill::Restart => stage.server(role).kill(),
        Ill::RestartEarlier => {
            stage.server(role).command::<()>(&["SAVE"]);
            tokio::time::sleep(BEHIND).await;
            stage.server(role).kill();
        }
        Ill::Shutdown => shut_down(stage.server(role))?,
        Ill::Failover => stage.queue.kill(),
        Ill::FailoverBehind => {
            let replica = stage.replica.as_ref().expect("the kind asks for it");
            replica.command::<()>(&["REPLICAOF", "NO", "ONE"]);
            tokio::time::sleep(BEHIND).await;
            stage.queue.kill();
        }
        Ill::Freeze => stage.server(role).freeze(true),
        Ill::Sleep => drop(in_background(
            stage.server(role),
            &["DEBUG", "SLEEP", &hold.as_secs_f64().to_string()],
        )?),
        Ill::BusyScript => {
            // Before this limit the server answers no one, not even a client that ends the script.
            stage.server(role).command::<()>(&["CONFIG", "SET", "lua-time-limit", "200"]);
            drop(in_background(stage.server(role), &["EVAL", "while true do end", "0"])?);
        }
        Ill::MemoryLow => {
            let used = used_memory(stage.server(role));
            set(stage.server(role), "maxmemory", &used.to_string());
        }
        Ill::Evicts => {
            let used = used_memory(stage.server(role));
            set(stage.server(role), "maxmemory-policy", "allkeys-random");
            set(stage.server(role), "maxmemory", &(used * 9 / 10).to_string());
        }
        Ill::MemoryClientsLow => {
            if !stage.server.is_at_least(7) {
                return Err("this server has no maxmemory-clients".into());
            }
            set(stage.server(role), "maxmemory-clients", "1mb");
        }
        Ill::MaxClientsLow => {
            let mut last = stage.server(role).connection().map_err(|error| error.to_string())?;
            let few = stage.plan.dice.between(2, 6).to_string();
            ask(&mut last, &["CONFIG", "SET", "maxclients", &few])?;
            ask(&mut last, &["CLIENT", "KILL", "TYPE", "normal"])?;
            // Only an open connection can undo it.
            stage.last_connection = Some(last);
        }
        Ill::Flush => stage.server(role).command::<()>(&["FLUSHALL"]),
        Ill::ScriptFlush => stage.server(role).command::<()>(&["SCRIPT", "FLUSH"]),
        Ill::ClientKill | Ill::ClientKillAgain => kill_clients(stage.server(role)),
        Ill::Pause => pause(stage.server(role), hold, "ALL"),
        Ill::PauseWrites => pause(stage.server(role), hold, "WRITE"),
        Ill::Demoted => stage.server(role).command::<()>(&["REPLICAOF", "127.0.0.1", "1"]),
        Ill::NoReplicas => set(stage.server(role), "min-replicas-to-write", "1"),
        Ill::DeleteKeys(pattern) => return delete_keys(stage, role, pattern).await,
        Ill::GroupDestroyed => {
            let stream = some_keys(stage, role, "sheaf:*:extract").await?;
            stage.server(role).command::<i64>(&["XGROUP", "DESTROY", &stream[0], "workers"]);
        }
        Ill::StreamTrimmed => {
            let stream = some_keys(stage, role, "sheaf:*:extract").await?;
            stage.server(role).command::<i64>(&["XTRIM", &stream[0], "MAXLEN", "1"]);
        }
    }

    Ok(())
}

fn shut_down(server: &mut RedisServer) -> Result<(), String> {
    let mut connection = server.connection().map_err(|error| error.to_string())?;
    // The server answers by closing the connection, which is an error here.
    let _: redis::RedisResult<()> = redis::cmd("SHUTDOWN").arg("NOSAVE").query(&mut connection);
    server.kill();
    Ok(())
}

pub fn again(stage: &mut Stage<'_>, role: Role, ill: Ill) {
    if ill == Ill::ClientKillAgain {
        kill_clients(stage.server(role));
    }
}

pub async fn end(stage: &mut Stage<'_>, role: Role, ill: Ill) -> Result<(), String> {
    match ill {
        Ill::Restart | Ill::RestartEarlier | Ill::Shutdown => stage.server(role).restart().await,
        Ill::Failover | Ill::FailoverBehind => {
            let replica = stage.replica.take().expect("the kind asks for it, once");
            replica.command::<()>(&["REPLICAOF", "NO", "ONE"]);

            let wires = stage.wires.as_ref().expect("the kind asks for them");
            for wire in [&wires.coordinator[0], &wires.workers[0]] {
                wire.lead_to(replica.port());
            }
            stage.queue = replica;
        }
        Ill::Freeze => stage.server(role).freeze(false),
        Ill::BusyScript => {
            let server = stage.server(role);
            let kill = async || {
                let mut connection = server.connection().map_err(|error| error.to_string())?;
                ask(&mut connection, &["SCRIPT", "KILL"])
            };
            until("the script ends", kill, |ended| match ended {
                Ok(()) => true,
                Err(error) => {
                    error.contains("NOTBUSY") || error.contains("No scripts in execution")
                }
            })
            .await
            .ok();
        }
        Ill::MemoryLow => set(stage.server(role), "maxmemory", "0"),
        Ill::Evicts => {
            set(stage.server(role), "maxmemory", "0");
            set(stage.server(role), "maxmemory-policy", "noeviction");
        }
        Ill::MemoryClientsLow => set(stage.server(role), "maxmemory-clients", "0"),
        Ill::MaxClientsLow => {
            let mut connection = stage.last_connection.take().expect("opened when it began");
            ask(&mut connection, &["CONFIG", "SET", "maxclients", "1000"])?;
        }
        Ill::Pause | Ill::PauseWrites => stage.server(role).command::<()>(&["CLIENT", "UNPAUSE"]),
        Ill::Demoted => stage.server(role).command::<()>(&["REPLICAOF", "NO", "ONE"]),
        Ill::NoReplicas => set(stage.server(role), "min-replicas-to-write", "0"),
        // These end by themselves, or have no end.
        Ill::Sleep
        | Ill::Flush
        | Ill::ScriptFlush
        | Ill::ClientKill
        | Ill::ClientKillAgain
        | Ill::DeleteKeys(_)
        | Ill::GroupDestroyed
        | Ill::StreamTrimmed => {}
    }

    Ok(())
}

fn set(server: &RedisServer, name: &str, value: &str) {
    server.command::<()>(&["CONFIG", "SET", name, value]);
}

fn ask(connection: &mut Connection, words: &[&str]) -> Result<(), String> {
    let answer: redis::RedisResult<redis::Value> =
        redis::cmd(words[0]).arg(&words[1..]).query(connection);
    answer.map(drop).map_err(|error| error.to_string())
}

/// Sends a command whose answer comes late, or never.
fn in_background(server: &RedisServer, words: &[&str]) -> Result<JoinHandle<()>, String> {
    let mut connection = server.connection().map_err(|error| error.to_string())?;
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    Ok(std::thread::spawn(move || {
        let _: redis::RedisResult<redis::Value> =
            redis::cmd(&words[0]).arg(&words[1..]).query(&mut connection);
    }))
}

fn kill_clients(server: &RedisServer) {
    // The server spares the connection that asks.
    server.command::<i64>(&["CLIENT", "KILL", "TYPE", "normal"]);
}

fn pause(server: &RedisServer, length: Duration, what: &str) {
    server.command::<()>(&["CLIENT", "PAUSE", &length.as_millis().to_string(), what]);
}

fn used_memory(server: &RedisServer) -> u64 {
    let info: String = server.command(&["INFO", "memory"]);
    let field = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
    field.and_then(|number| number.trim().parse().ok()).expect("a server knows what it uses")
}

/// Waits until keys match; returns them.
async fn some_keys(
    stage: &mut Stage<'_>,
    role: Role,
    pattern: &str,
) -> Result<Vec<String>, String> {
    let deadline = Instant::now() + KEYS_WITHIN;

    // Use one connection for all looks: some keys exist only for a moment.
    let mut connection = stage.server(role).connection().map_err(|error| error.to_string())?;

    loop {
        let keys: redis::RedisResult<Vec<String>> =
            redis::cmd("KEYS").arg(pattern).query(&mut connection);
        let keys = keys.map_err(|error| error.to_string())?;
        if !keys.is_empty() {
            return Ok(keys);
        }
        if stage.coordinator.has_ended() || Instant::now() > deadline {
            return Err(format!("no key matched `{pattern}`"));
        }
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
}

/// Deletes about half of the matching keys, and at least one.
async fn delete_keys(stage: &mut Stage<'_>, role: Role, pattern: &str) -> Result<(), String> {
    let keys = some_keys(stage, role, pattern).await?;
    let sure = stage.plan.dice.index(keys.len());
    for (index, key) in keys.iter().enumerate() {
        if index == sure || stage.plan.dice.between(0, 1) == 1 {
            stage.server(role).command::<i64>(&["DEL", key]);
        }
    }
    Ok(())
}
