//! What happens to servers.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use redis::Connection;

use crate::faults::kind::{Ill, Role};
use crate::faults::stage::Stage;
use crate::redis_server::RedisServer;
use crate::wait::until;

/// How far behind a snapshot or a replica is that is some time old.
const BEHIND: Duration = Duration::from_millis(1_500);
/// How long it is looked for keys of a kind that are rarely there.
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
            // Until a script has run for so long, nobody is answered, not even who would end it.
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
            let mut kept = stage.server(role).connection().map_err(|error| error.to_string())?;
            let few = stage.plan.dice.between(2, 6).to_string();
            ask(&mut kept, &["CONFIG", "SET", "maxclients", &few])?;
            ask(&mut kept, &["CLIENT", "KILL", "TYPE", "normal"])?;
            // Only who is connected can undo it.
            stage.kept = Some(kept);
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
    // The answer is that the connection closes.
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
            let mut kept = stage.kept.take().expect("kept since it began");
            ask(&mut kept, &["CONFIG", "SET", "maxclients", "1000"])?;
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

/// Sends a command that is answered late, or never.
fn in_background(server: &RedisServer, words: &[&str]) -> Result<JoinHandle<()>, String> {
    let mut connection = server.connection().map_err(|error| error.to_string())?;
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    Ok(std::thread::spawn(move || {
        let _: redis::RedisResult<redis::Value> =
            redis::cmd(&words[0]).arg(&words[1..]).query(&mut connection);
    }))
}

fn kill_clients(server: &RedisServer) {
    // Who asks is spared.
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

/// The keys that match, once there are any.
async fn some_keys(
    stage: &mut Stage<'_>,
    role: Role,
    pattern: &str,
) -> Result<Vec<String>, String> {
    let deadline = Instant::now() + KEYS_WITHIN;
    // One connection for all looks: some keys are there for a moment only.
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

/// Deletes about half of the keys that match, and at least one.
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
