//! The CPU time of the coordinator itself, without the work that could be done elsewhere.

use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use sheaf_worker::run::Tally;

/// CPU time, user and system together.
#[derive(Debug, Clone, Copy)]
pub struct CpuUse {
    /// For what only a coordinator can do: discovery, ledger, spool, assembly, and the queue.
    pub coordinator: Duration,
    /// That, the slots' threads, and their children.
    pub all: Duration,
}

impl CpuUse {
    /// The CPU time of this process so far; children count once they have ended.
    pub fn of_this_process(worker: &Tally) -> Self {
        let of = |who| {
            getrusage(who)
                .map_or(Duration::ZERO, |used| time(used.user_time()) + time(used.system_time()))
        };

        let own = of(UsageWho::RUSAGE_SELF);
        let children = of(UsageWho::RUSAGE_CHILDREN);
        let slots = Duration::from_micros(worker.slot_cpu_us.load(Ordering::Relaxed));

        CpuUse { coordinator: own.saturating_sub(slots), all: own + children }
    }
}

fn time(value: TimeVal) -> Duration {
    Duration::new(value.tv_sec() as u64, value.tv_usec() as u32 * 1000)
}
