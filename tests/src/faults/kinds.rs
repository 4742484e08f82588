//! All kinds of faults, by name.

use super::kind::{Act, Blow, Hold, Ill, Kind, Limit, Persistence, Role, Scale, Sickness, Side, Which, Whose};
use super::wire::Weather;

/// A day, in seconds.
const DAY: i64 = 24 * 60 * 60;

/// Every kind, each once.
pub fn all() -> Vec<Kind> {
    [
        processes(),
        coordinator(),
        servers(Role::Queue),
        queue_alone(),
        servers(Role::Bytes),
        keys(),
        ways(),
        machine(),
        pairs(),
    ]
    .concat()
}

/// The kinds of these names; a name that ends in `*` stands for all that begin so.
///
/// # Errors
/// A name that is none.
pub fn named(words: &[String]) -> Result<Vec<Kind>, String> {
    if words.is_empty() {
        return Ok(all());
    }

    let mut chosen = Vec::new();
    for word in words {
        let matches = |kind: &Kind| match word.strip_suffix('*') {
            Some(start) => kind.name.starts_with(start),
            None => kind.name == *word,
        };
        let found: Vec<Kind> = all().into_iter().filter(matches).collect();
        if found.is_empty() {
            return Err(format!("no kind of fault is called `{word}`: --list shows all"));
        }
        chosen.extend(found);
    }
    Ok(chosen)
}

fn kind(name: impl Into<String>, hold: Hold, acts: &[Act]) -> Kind {
    Kind {
        name: name.into(),
        acts: acts.to_vec(),
        hold,
        workers: 1,
        own_slots: false,
        persistence: Persistence::None,
        since: 0,
    }
}

impl Kind {
    fn workers(self, workers: usize) -> Kind {
        Kind { workers, ..self }
    }

    fn own_slots(self) -> Kind {
        Kind { own_slots: true, ..self }
    }

    fn keeps(self, persistence: Persistence) -> Kind {
        Kind { persistence, ..self }
    }

    fn since(self, since: u64) -> Kind {
        Kind { since, ..self }
    }
}

/// Workers and their children.
fn processes() -> Vec<Kind> {
    use Which::{All, One};
    let worker = |name: &str, hold, which, blow| kind(name, hold, &[Act::Worker(which, blow)]);
    let child = |name: &str, hold, which, blow| kind(name, hold, &[Act::Child(which, blow)]);
    let scale = |name: &str, hold, scale| kind(name, hold, &[Act::Workers(scale)]);

    vec![
        kind("nothing", Hold::AtOnce, &[Act::Nothing]),
        worker("worker-kill", Hold::Short, One, Blow::Kill),
        worker("worker-kill-for-good", Hold::WholeRun, One, Blow::Kill).workers(2),
        worker("worker-kill-all", Hold::Short, All, Blow::Kill),
        worker("worker-stop-short", Hold::Short, One, Blow::Stop),
        worker("worker-stop", Hold::Medium, One, Blow::Stop),
        worker("worker-stop-all", Hold::Medium, All, Blow::Stop),
        worker("worker-stop-all-long", Hold::Long, All, Blow::Stop),
        worker("worker-terminate", Hold::Short, One, Blow::Terminate),
        worker("worker-terminate-twice", Hold::Short, One, Blow::TerminateTwice),
        worker("worker-terminate-all", Hold::Short, All, Blow::Terminate),
        worker("worker-interrupt", Hold::Short, One, Blow::Interrupt),
        child("child-kill", Hold::AtOnce, One, Blow::Kill),
        child("child-kill-all", Hold::AtOnce, All, Blow::Kill),
        child("child-stop", Hold::Medium, One, Blow::Stop),
        child("child-terminate", Hold::AtOnce, One, Blow::Terminate),
        child("child-interrupt", Hold::AtOnce, All, Blow::Interrupt),
        scale("scale-up", Hold::AtOnce, Scale::Up),
        scale("scale-down", Hold::AtOnce, Scale::Down).workers(3),
        scale("scale-away", Hold::Medium, Scale::Away),
        scale("scale-away-long", Hold::Long, Scale::Away),
        scale("scale-churn", Hold::Medium, Scale::Churn).workers(2),
    ]
}

fn coordinator() -> Vec<Kind> {
    let blow = |name: &str, hold, blow| kind(name, hold, &[Act::Coordinator(blow)]);

    vec![
        blow("coordinator-kill", Hold::Short, Blow::Kill),
        blow("coordinator-kill-back-late", Hold::Medium, Blow::Kill),
        blow("coordinator-terminate", Hold::Short, Blow::Terminate),
        blow("coordinator-interrupt", Hold::Short, Blow::Interrupt),
        blow("coordinator-stop-short", Hold::Short, Blow::Stop),
        blow("coordinator-stop", Hold::Medium, Blow::Stop),
        blow("coordinator-own-slots-kill", Hold::Short, Blow::Kill).own_slots(),
        blow("coordinator-own-slots-interrupt", Hold::Short, Blow::Interrupt).own_slots(),
        blow("coordinator-own-slots-stop", Hold::Medium, Blow::Stop).own_slots(),
        kind("coordinator-child-kill", Hold::AtOnce, &[Act::CoordinatorChild(Blow::Kill)]).own_slots(),
        kind("coordinator-child-stop", Hold::Medium, &[Act::CoordinatorChild(Blow::Stop)]).own_slots(),
    ]
}

/// What any server may suffer.
fn servers(role: Role) -> Vec<Kind> {
    let prefix = match role {
        Role::Queue => "redis",
        Role::Bytes => "bytes",
    };
    let ill = |name: &str, hold, ill| kind(format!("{prefix}-{name}"), hold, &[Act::Server(role, ill)]);

    vec![
        ill("restart-empty", Hold::Short, Ill::Restart),
        ill("restart-earlier", Hold::Short, Ill::RestartEarlier),
        ill("restart-aof", Hold::Short, Ill::Restart).keeps(Persistence::AppendEverySecond),
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

/// What only the server of the queue suffers: the other ones have no scripts, and need not keep anything.
fn queue_alone() -> Vec<Kind> {
    let ill = |name: &str, hold, ill| kind(name, hold, &[Act::Server(Role::Queue, ill)]);

    vec![
        ill("redis-restart-aof-always", Hold::Short, Ill::Restart).keeps(Persistence::AppendAlways),
        ill("redis-failover", Hold::Short, Ill::Failover),
        ill("redis-failover-behind", Hold::Short, Ill::FailoverBehind),
        ill("redis-memory-clients-low", Hold::Medium, Ill::MemoryClientsLow).since(7),
        ill("redis-script-flush", Hold::AtOnce, Ill::ScriptFlush),
        ill("redis-pause-writes", Hold::Medium, Ill::PauseWrites),
        ill("redis-no-replicas", Hold::Medium, Ill::NoReplicas),
        ill("redis-no-replicas-long", Hold::Long, Ill::NoReplicas),
    ]
}

/// Keys that are gone, one kind for each kind of key.
fn keys() -> Vec<Kind> {
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

/// The network between the programs and their servers.
fn ways() -> Vec<Kind> {
    let weathers = [
        ("cut", Weather::Cut, Hold::Medium),
        ("stall", Weather::Stalled, Hold::Medium),
        ("deaf", Weather::Deaf, Hold::Medium),
        ("lost", Weather::Lost, Hold::Short),
        ("forget", Weather::Forgetful, Hold::Medium),
        ("throttle", Weather::Narrow { bytes_a_second: 400_000 }, Hold::Medium),
        ("reset", Weather::Brittle, Hold::Medium),
        ("cut-long", Weather::Cut, Hold::Long),
        ("stall-long", Weather::Stalled, Hold::Long),
    ];
    let sides = [("coordinator", Side::Coordinator), ("workers", Side::Workers), ("both", Side::Both)];

    let mut kinds = Vec::new();
    for (weather_name, weather, hold) in weathers {
        for (side_name, side) in sides {
            kinds.push(kind(format!("way-{weather_name}-{side_name}"), hold, &[Act::Way(side, weather)]));
        }
    }
    kinds
}

/// Limits of the machine: processes, files, memory, clocks, disks; and workers that are ill.
fn machine() -> Vec<Kind> {
    // Only who must start another child meets a limit.
    let limit = |name: &str, limit| {
        kind(name, Hold::Medium, &[Act::Limit(Whose::Worker, limit), Act::Child(Which::All, Blow::Kill)])
    };
    let clock = |name: &str, whose, seconds| kind(name, Hold::Medium, &[Act::Clock(whose, seconds)]);
    let sick = |name: &str, sickness| kind(name, Hold::WholeRun, &[Act::Sick(sickness)]);

    vec![
        limit("worker-few-files", Limit::OpenFiles),
        limit("worker-little-memory", Limit::Memory),
        limit("worker-few-processes", Limit::Processes),
        kind("coordinator-few-files", Hold::Medium, &[Act::Limit(Whose::Coordinator, Limit::OpenFiles)]),
        clock("worker-clock-ahead", Whose::Worker, DAY),
        clock("worker-clock-behind", Whose::Worker, -DAY),
        clock("coordinator-clock-ahead", Whose::Coordinator, DAY),
        clock("coordinator-clock-behind", Whose::Coordinator, -DAY),
        sick("sick-few-files", Sickness::FewFiles),
        sick("sick-little-memory", Sickness::LittleMemory),
        sick("sick-few-processes", Sickness::FewProcesses),
        sick("sick-slow", Sickness::Slow),
        kind("disk-full", Hold::Medium, &[Act::Disk]),
    ]
}

/// Two faults at once.
fn pairs() -> Vec<Kind> {
    let flush = Act::Server(Role::Queue, Ill::Flush);
    let restart = Act::Server(Role::Queue, Ill::Restart);
    let kill_worker = Act::Worker(Which::One, Blow::Kill);
    let kill_coordinator = Act::Coordinator(Blow::Kill);

    vec![
        kind("two-worker-kill-redis-flush", Hold::Short, &[kill_worker, flush]),
        kind("two-worker-kill-redis-restart", Hold::Short, &[kill_worker, restart]),
        kind("two-worker-kill-bytes-flush", Hold::Short, &[kill_worker, Act::Server(Role::Bytes, Ill::Flush)]),
        kind("two-coordinator-kill-redis-flush", Hold::Short, &[kill_coordinator, flush]),
        kind("two-coordinator-kill-redis-restart", Hold::Short, &[kill_coordinator, restart]),
        kind("two-coordinator-kill-worker-kill", Hold::Short, &[kill_coordinator, kill_worker]),
        kind("two-redis-restart-bytes-restart", Hold::Short, &[restart, Act::Server(Role::Bytes, Ill::Restart)]),
        kind(
            "two-worker-stop-way-cut",
            Hold::Medium,
            &[Act::Worker(Which::One, Blow::Stop), Act::Way(Side::Coordinator, Weather::Cut)],
        ),
        kind("two-redis-flush-way-reset", Hold::Medium, &[flush, Act::Way(Side::Both, Weather::Brittle)]),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn there_are_many_kinds_and_each_has_a_name_of_its_own() {
        let kinds = all();
        let names: HashSet<&str> = kinds.iter().map(|kind| kind.name.as_str()).collect();
        assert_eq!(names.len(), kinds.len());
        assert!(kinds.len() >= 60, "{}", kinds.len());
    }

    #[test]
    fn kinds_are_chosen_by_name_and_by_beginning() {
        let words = |typed: &[&str]| typed.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(named(&[]).unwrap().len(), all().len());
        assert_eq!(named(&words(&["redis-flush"])).unwrap().len(), 1);
        assert!(named(&words(&["way-*"])).unwrap().len() > 20);
        assert!(named(&words(&["redis-flush", "no-such"])).unwrap_err().contains("`no-such`"));
    }
}
