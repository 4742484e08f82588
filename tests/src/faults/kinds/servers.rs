//! Faults of servers, and of the keys on them.

use super::kind;
use crate::faults::kind::{Act, Hold, Ill, Kind, Persistence, Role};

/// Faults of any server.
pub(super) fn any(role: Role) -> Vec<Kind> {
    let prefix = match role {
        Role::Queue => "redis",
        Role::Bytes => "bytes",
    };

    let ill =
        |name: &str, hold, ill| kind(format!("{prefix}-{name}"), hold, &[Act::Server(role, ill)]);

    vec![
        ill("restart-empty", Hold::Short, Ill::Restart),
        ill("restart-earlier", Hold::Short, Ill::RestartEarlier),
        ill("restart-aof", Hold::Short, Ill::Restart)
            .with_persistence(Persistence::AppendEverySecond),
        ill("shutdown", Hold::Medium, Ill::Shutdown),
        ill("away", Hold::Long, Ill::Restart),
        ill("flush", Hold::AtOnce, Ill::Flush),
        ill("freeze", Hold::Medium, Ill::Freeze),
        ill("freeze-long", Hold::Long, Ill::Freeze),
        ill("slow", Hold::Medium, Ill::Sleep),
        ill("busy-script", Hold::Medium, Ill::BusyScript),
        ill("memory-low", Hold::Medium, Ill::MemoryLow),
        ill("memory-low-long", Hold::Long, Ill::MemoryLow),
        ill("evicts", Hold::Medium, Ill::Evicts),
        ill("client-kill", Hold::AtOnce, Ill::ClientKill),
        ill("client-kill-again", Hold::Medium, Ill::ClientKillAgain),
        ill("maxclients-low", Hold::Medium, Ill::MaxClientsLow),
        ill("pause", Hold::Medium, Ill::Pause),
        ill("demoted", Hold::Medium, Ill::Demoted),
    ]
}

/// Faults of the queue's server alone. The servers for blobs run no scripts, and need not write
/// anything to disk.
pub(super) fn queue_alone() -> Vec<Kind> {
    let ill = |name: &str, hold, ill| kind(name, hold, &[Act::Server(Role::Queue, ill)]);

    vec![
        ill("redis-restart-aof-always", Hold::Short, Ill::Restart)
            .with_persistence(Persistence::AppendAlways),
        ill("redis-failover", Hold::Short, Ill::Failover),
        ill("redis-failover-behind", Hold::Short, Ill::FailoverBehind),
        ill("redis-memory-clients-low", Hold::Medium, Ill::MemoryClientsLow).since(7),
        ill("redis-script-flush", Hold::AtOnce, Ill::ScriptFlush),
        ill("redis-pause-writes", Hold::Medium, Ill::PauseWrites),
        ill("redis-no-replicas", Hold::Medium, Ill::NoReplicas),
        ill("redis-no-replicas-long", Hold::Long, Ill::NoReplicas),
    ]
}

/// Lost keys, one kind for each kind of key.
pub(super) fn keys() -> Vec<Kind> {
    let gone = |name: &str, role, pattern| {
        kind(format!("keys-{name}"), Hold::AtOnce, &[Act::Server(role, Ill::DeleteKeys(pattern))])
    };
    let queue = |name, pattern| gone(name, Role::Queue, pattern);

    vec![
        queue("any", "sheaf:*"),
        queue("workers", "sheaf:*}:workers"),
        queue("seen", "sheaf:*}:seen"),
        queue("versions", "sheaf:*}:versions"),
        queue("jobs", "sheaf:*:jobs"),
        queue("bell", "sheaf:*:bell*"),
        queue("tasks", "sheaf:*:tasks"),
        queue("outcomes", "sheaf:*:outcomes"),
        queue("news", "sheaf:*:news"),
        queue("extract", "sheaf:*:extract"),
        queue("render", "sheaf:*:render*"),
        queue("addressed", "sheaf:*:addressed"),
        queue("body", "sheaf:*:body:*"),
        queue("rows", "sheaf:*:rows:*"),
        queue("outcome", "sheaf:*:outcome:*"),
        gone("bytes-body", Role::Bytes, "sheaf:*:body:*"),
        gone("bytes-rows", Role::Bytes, "sheaf:*:rows:*"),
        gone("bytes-outcome", Role::Bytes, "sheaf:*:outcome:*"),
        kind("stream-group", Hold::AtOnce, &[Act::Server(Role::Queue, Ill::GroupDestroyed)]),
        kind("stream-trimmed", Hold::AtOnce, &[Act::Server(Role::Queue, Ill::StreamTrimmed)]),
    ]
}
