//! The CPU time of this process that no worker could have spent in its place.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// CPU time, user and system together.
#[derive(Debug, Clone, Copy)]
pub struct CpuUse {
    /// For what only a coordinator can do: discovery, ledger, spool, assembly, and the queue.
    pub coordinator: Duration,
    /// That, the slots' threads, and their children.
    pub all: Duration,
}

impl CpuUse {
    /// The CPU time of this process so far, of which `slots` is that of its slots' threads; children
    /// count once they have ended.
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
