//! The kinds of faults, as types: the victim, the fault, its length.

use std::time::Duration;

use super::dice::Dice;
use super::wire::Weather;

/// A fault, or several at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Kind {
    pub name: String,
    /// Acts that begin together and end together.
    pub acts: Vec<Act>,
    pub hold: Hold,
    /// The fewest workers with which the job can still end.
    pub workers: usize,
    /// Whether the coordinator has slots of its own.
    pub own_slots: bool,
    /// Whether the queue's server writes its data to disk.
    pub persistence: Persistence,
    /// The oldest major version of Redis that has what the fault needs.
    pub since: u64,
}

/// The length of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// An event without an end.
    AtOnce,
    /// Less than a lease.
    Short,
    /// Several leases.
    Medium,
    /// So long that the run must explain itself to the user.
    Long,
    /// Until the end of the run.
    WholeRun,
}

impl Hold {
    pub fn length(self, dice: &mut Dice) -> Duration {
        let milliseconds = match self {
            Hold::AtOnce | Hold::WholeRun => 0,
            Hold::Short => dice.between(300, 1_500),
            Hold::Medium => dice.between(4_000, 7_000),
            Hold::Long => dice.between(18_000, 21_000),
        };
        Duration::from_millis(milliseconds)
    }

    /// Whether lost time counts from the end of the fault rather than from its start.
    pub fn has_end(self) -> bool {
        matches!(self, Hold::Short | Hold::Medium | Hold::Long)
    }
}

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Act {
    /// No fault, for comparison.
    Nothing,
    Worker(Which, Blow),
    /// The children of one worker.
    Child(Which, Blow),
    Coordinator(Blow),
    /// The children of the coordinator's own slots.
    CoordinatorChild(Blow),
    Workers(Scale),
    Server(Role, Ill),
    Way(Side, Weather),
    Limit(Whose, Limit),
    /// The wall clock is wrong by so many seconds.
    Clock(Whose, i64),
    /// Another worker joins, which cannot work.
    Sick(Sickness),
    /// The disk under the outputs is full.
    Disk,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    One,
    All,
}

/// What happens to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    Kill,
    /// Stopped, and continued at the end of the fault.
    Stop,
    Terminate,
    TerminateTwice,
    Interrupt,
}

/// A change in the number of workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Three join.
    Up,
    /// All but one leave.
    Down,
    /// All leave, and return at the end of the fault.
    Away,
    /// Repeatedly one leaves and another joins.
    Churn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The server of the queue.
    Queue,
    /// One of the servers for bytes.
    Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Persistence {
    #[default]
    None,
    AppendEverySecond,
    AppendAlways,
}

/// What happens to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ill {
    /// Killed, and started again at the end of the fault, with its data from disk.
    Restart,
    /// The same, with older data.
    RestartEarlier,
    /// Shut down cleanly, without saving.
    Shutdown,
    Flush,
    Freeze,
    /// `DEBUG SLEEP` for the length of the fault.
    Sleep,
    /// A script that does not end.
    BusyScript,
    /// Killed; its replica takes over at the end of the fault.
    Failover,
    /// The same, with a replica that was behind.
    FailoverBehind,
    /// Made a replica of a server that does not exist, so it refuses writes.
    Demoted,
    MemoryLow,
    MemoryClientsLow,
    /// Evicts keys, as memory is low.
    Evicts,
    ScriptFlush,
    /// All connections are closed, once.
    ClientKill,
    /// The same, repeatedly.
    ClientKillAgain,
    MaxClientsLow,
    Pause,
    PauseWrites,
    /// Refuses writes, as it has too few replicas.
    NoReplicas,
    /// Some of the matching keys are deleted.
    DeleteKeys(&'static str),
    GroupDestroyed,
    StreamTrimmed,
}

/// The side whose network is struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Coordinator,
    Workers,
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Worker,
    Coordinator,
}

/// What a process lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    OpenFiles,
    Memory,
    Processes,
}

/// Why a worker cannot work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sickness {
    FewFiles,
    LittleMemory,
    FewProcesses,
    /// It has only a hundredth of a core.
    Slow,
}

impl Kind {
    /// Whether the connections to the servers go through proxies.
    pub fn needs_wires(&self) -> bool {
        self.needs_replica() || self.acts.iter().any(|act| matches!(act, Act::Way(..)))
    }

    pub fn needs_replica(&self) -> bool {
        self.acts
            .iter()
            .any(|act| matches!(act, Act::Server(_, Ill::Failover | Ill::FailoverBehind)))
    }

    pub fn needs_bytes_servers(&self) -> bool {
        self.acts.iter().any(|act| matches!(act, Act::Server(Role::Bytes, _)))
    }

    pub fn needs_clock(&self) -> bool {
        self.acts.iter().any(|act| matches!(act, Act::Clock(..)))
    }

    pub fn needs_mount(&self) -> bool {
        self.acts.contains(&Act::Disk)
    }

    pub fn needs_groups(&self) -> bool {
        let grouped = |act: &Act| {
            matches!(
                act,
                Act::Limit(_, Limit::Processes)
                    | Act::Sick(Sickness::FewProcesses)
                    | Act::Sick(Sickness::Slow)
            )
        };

        self.acts.iter().any(grouped)
    }

    /// Whether it removes keys or entries. These must be there first.
    pub fn strikes_keys(&self) -> bool {
        let takes = |act: &Act| {
            matches!(
                act,
                Act::Server(_, Ill::DeleteKeys(_) | Ill::GroupDestroyed | Ill::StreamTrimmed)
            )
        };
        self.acts.iter().any(takes)
    }

    /// Whether it can strike a run only once, as it changes the servers for good or lasts long.
    pub fn is_once(&self) -> bool {
        self.needs_replica() || matches!(self.hold, Hold::WholeRun | Hold::Long)
    }

    /// Whether it entitles the run to end with exit code 3. The same command must then resume it.
    pub fn may_give_up(&self) -> bool {
        let has = |act: Act| self.acts.contains(&act);
        let evicts = self.acts.iter().any(|act| matches!(act, Act::Server(_, Ill::Evicts)));
        // A run that starts without a server does not wait for one.
        let begins_without =
            has(Act::Coordinator(Blow::Kill)) && has(Act::Server(Role::Queue, Ill::Restart));
        evicts || begins_without || has(Act::Limit(Whose::Coordinator, Limit::OpenFiles))
    }

    /// Whether older data can come back after the end of the job. Workers remove it after some
    /// minutes, or the server after an hour.
    pub fn brings_back(&self) -> bool {
        self.acts
            .iter()
            .any(|act| matches!(act, Act::Server(_, Ill::RestartEarlier | Ill::FailoverBehind)))
    }

    /// Whether the coordinator must explain the time without progress. It need not if it was itself
    /// stopped.
    pub fn must_be_said(&self) -> bool {
        self.hold == Hold::Long
            && !self.acts.iter().any(|act| matches!(act, Act::Coordinator(_) | Act::Nothing))
    }
}
