//! The kinds of faults as types: what is broken, how, and for how long.

use std::time::Duration;

use super::dice::Dice;
use super::wire::Weather;

/// A fault, or several at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Kind {
    pub name: String,
    /// They begin together, and end together.
    pub acts: Vec<Act>,
    pub hold: Hold,
    /// The fewest workers with which the job can still end.
    pub workers: usize,
    /// The coordinator reads files itself, too.
    pub own_slots: bool,
    /// How the queue's server keeps its data.
    pub persistence: Persistence,
    /// The oldest major version of Redis with which this can be done.
    pub since: u64,
}

/// How long a fault lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// It happens, and has no end.
    AtOnce,
    /// Less than a lease.
    Short,
    /// Some leases.
    Medium,
    /// So long that the user must be told.
    Long,
    /// To the end of the run.
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

    /// Whether time that is lost counts from the end of the fault, not from its start.
    pub fn has_end(self) -> bool {
        matches!(self, Hold::Short | Hold::Medium | Hold::Long)
    }
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Act {
    /// For comparison.
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
    /// The wall clock goes wrong, by so many seconds.
    Clock(Whose, i64),
    /// Another worker, that cannot work, joins.
    Sick(Sickness),
    /// The disk under the outputs is full.
    Disk,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    One,
    All,
}

/// What a process gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    Kill,
    /// Stopped where it is, and continued at the end of the fault.
    Stop,
    Terminate,
    TerminateTwice,
    Interrupt,
}

/// How the number of workers changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Three more.
    Up,
    /// All but one are told to stop.
    Down,
    /// All are told to stop, and come again at the end of the fault.
    Away,
    /// Again and again one goes and another comes.
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
    /// Killed, and started again at the end of the fault, with what it kept on disk.
    Restart,
    /// The same, with its data of some time before.
    RestartEarlier,
    /// Shut down in good order, without saving.
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
    /// A replica of a server that is not there, so nobody may write.
    Demoted,
    MemoryLow,
    MemoryClientsLow,
    /// Throws keys away when memory is low.
    Evicts,
    ScriptFlush,
    /// All connections are broken off, once.
    ClientKill,
    /// The same, again and again.
    ClientKillAgain,
    MaxClientsLow,
    Pause,
    PauseWrites,
    /// Writes are refused as there are too few replicas.
    NoReplicas,
    /// Some of the keys that match are deleted.
    DeleteKeys(&'static str),
    GroupDestroyed,
    StreamTrimmed,
}

/// Whose way to the servers.
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

/// What a process has too little of.
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
    /// It has a hundredth of a core.
    Slow,
}

impl Kind {
    /// Whether the ways to the servers lead through proxies.
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

    /// Whether it takes keys away: such as must be there first.
    pub fn strikes_keys(&self) -> bool {
        let takes = |act: &Act| {
            matches!(
                act,
                Act::Server(_, Ill::DeleteKeys(_) | Ill::GroupDestroyed | Ill::StreamTrimmed)
            )
        };
        self.acts.iter().any(takes)
    }

    /// Whether a run can be struck only once: afterwards the stage is another.
    pub fn is_once(&self) -> bool {
        self.needs_replica() || matches!(self.hold, Hold::WholeRun | Hold::Long)
    }

    /// Whether the run may end with exit code 3 for it. The same command must go on then.
    pub fn may_give_up(&self) -> bool {
        let has = |act: Act| self.acts.contains(&act);
        let evicts = self.acts.iter().any(|act| matches!(act, Act::Server(_, Ill::Evicts)));
        // A run that begins while there is no server does not wait for one.
        let begins_without =
            has(Act::Coordinator(Blow::Kill)) && has(Act::Server(Role::Queue, Ill::Restart));
        evicts || begins_without || has(Act::Limit(Whose::Coordinator, Limit::OpenFiles))
    }

    /// Whether data of before can come back after the end of the job: a worker removes it after
    /// some minutes, or the server after an hour.
    pub fn brings_back(&self) -> bool {
        self.acts
            .iter()
            .any(|act| matches!(act, Act::Server(_, Ill::RestartEarlier | Ill::FailoverBehind)))
    }

    /// Whether a coordinator that sees no progress for this long must say why: not if it is itself
    /// what was stopped.
    pub fn must_be_said(&self) -> bool {
        self.hold == Hold::Long
            && !self.acts.iter().any(|act| matches!(act, Act::Coordinator(_) | Act::Nothing))
    }
}
