//! Faults of networks and machines, and two faults at once.

use super::kind;
use crate::faults::kind::{Act, Blow, Hold, Ill, Kind, Limit, Role, Sickness, Side, Which, Whose};
use crate::faults::wire::Weather;

/// A day, in seconds.
const DAY: i64 = 24 * 60 * 60;

/// Faults of the network between the programs and their servers.
pub(super) fn ways() -> Vec<Kind> {
    let weathers = [
        ("cut", Weather::Cut, Hold::Medium),
        ("stall", Weather::Stalled, Hold::Medium),
        ("deaf", Weather::Deaf, Hold::Medium),
        ("lost", Weather::Lost, Hold::Short),
        ("forget", Weather::Forgetful, Hold::Medium),
        ("throttle", Weather::Narrow { bytes_a_second: 400_000 }, Hold::Medium),
        ("reset", Weather::Brittle { one_in: 10 }, Hold::Medium),
        ("reset-all", Weather::Brittle { one_in: 1 }, Hold::Medium),
        ("cut-long", Weather::Cut, Hold::Long),
        ("stall-long", Weather::Stalled, Hold::Long),
    ];

    let sides =
        [("coordinator", Side::Coordinator), ("workers", Side::Workers), ("both", Side::Both)];

    let mut kinds = Vec::new();
    for (weather_name, weather, hold) in weathers {
        for (side_name, side) in sides {
            kinds.push(kind(
                format!("way-{weather_name}-{side_name}"),
                hold,
                &[Act::Way(side, weather)],
            ));
        }
    }

    kinds
}

/// Faults of the machine: processes, files, memory, clocks, disks; and workers that cannot work.
pub(super) fn machine() -> Vec<Kind> {
    // A worker meets these limits only when it must start another child.
    let limit = |name: &str, limit| {
        kind(
            name,
            Hold::Medium,
            &[Act::Limit(Whose::Worker, limit), Act::Child(Which::All, Blow::Kill)],
        )
    };

    let clock =
        |name: &str, whose, seconds| kind(name, Hold::Medium, &[Act::Clock(whose, seconds)]);
    let sick = |name: &str, sickness| kind(name, Hold::WholeRun, &[Act::Sick(sickness)]);

    vec![
        limit("worker-few-files", Limit::OpenFiles),
        limit("worker-little-memory", Limit::Memory),
        limit("worker-few-processes", Limit::Processes),
        kind(
            "coordinator-few-files",
            Hold::Medium,
            &[Act::Limit(Whose::Coordinator, Limit::OpenFiles)],
        ),
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
pub(super) fn pairs() -> Vec<Kind> {
    let flush = Act::Server(Role::Queue, Ill::Flush);
    let restart = Act::Server(Role::Queue, Ill::Restart);
    let kill_worker = Act::Worker(Which::One, Blow::Kill);
    let kill_coordinator = Act::Coordinator(Blow::Kill);

    // Acts end in order. A server must be back before its coordinator, which does not start without
    // one.
    vec![
        kind("two-worker-kill-redis-flush", Hold::Short, &[kill_worker, flush]),
        kind("two-worker-kill-redis-restart", Hold::Short, &[kill_worker, restart]),
        kind(
            "two-worker-kill-bytes-flush",
            Hold::Short,
            &[kill_worker, Act::Server(Role::Bytes, Ill::Flush)],
        ),
        kind("two-coordinator-kill-redis-flush", Hold::Short, &[kill_coordinator, flush]),
        kind("two-coordinator-kill-redis-restart", Hold::Short, &[restart, kill_coordinator]),
        kind("two-coordinator-kill-worker-kill", Hold::Short, &[kill_coordinator, kill_worker]),
        kind(
            "two-redis-restart-bytes-restart",
            Hold::Short,
            &[restart, Act::Server(Role::Bytes, Ill::Restart)],
        ),
        kind(
            "two-worker-stop-way-cut",
            Hold::Medium,
            &[Act::Worker(Which::One, Blow::Stop), Act::Way(Side::Coordinator, Weather::Cut)],
        ),
        kind(
            "two-redis-flush-way-reset",
            Hold::Medium,
            &[flush, Act::Way(Side::Both, Weather::Brittle { one_in: 10 })],
        ),
    ]
}
