//! The CPU time of the coordinator alone, which no worker can take over.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// CPU time, user and system together.
#[derive(Debug, Clone, Copy)]
pub struct CpuUse {
    /// Of the coordinator's own work: discovery, ledger, spool, assembly, and the queue.
    pub coordinator: Duration,
    /// Of the coordinator, the slots' threads, and their children.
    pub all: Duration,
}

impl CpuUse {
    /// The CPU time of this process so far. `slots`: that of its slots' threads. Children count
    /// once they have ended.
    pub fn of_this_process(slots: Duration) -> Self {
        let of = |who| {
            getrusage(who)
                .map_or(Duration::ZERO, |used| time(used.user_time()) + time(used.system_time()))
        };

        let own = of(UsageWho::RUSAGE_SELF);
        let children = of(UsageWho::RUSAGE_CHILDREN);
        CpuUse { coordinator: own.saturating_sub(slots), all: own + children }
    }
}

fn time(value: TimeVal) -> Duration {
    // Neither is below 0.
    let [seconds, micros] =
        [value.tv_sec(), value.tv_usec()].map(|part| u64::try_from(part).unwrap_or_default());

    Duration::from_secs(seconds) + Duration::from_micros(micros)
}
