//! What a run may use of a queue: all of it, or its part if other runs share the queue.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::ship::Shipping;
use super::window::Window;
use crate::config::RedisRun;

/// What a run may use of a queue: how much it may have in flight, and how workers get its files.
/// Runs of one process that share a queue get the same value; with n of them active, each has about
/// one n-th.
#[derive(Debug, Clone)]
pub struct Share {
    pub(super) window: Window,
    pub(super) shipping: Shipping,
    /// How long a run waits for a worker; `None`: for ever.
    pub(super) wait_for_workers: Option<Duration>,
}

impl Share {
    /// Of a [`MemoryQueue`](sheaf_common::queue::MemoryQueue) whose worker has this many slots.
    pub fn of_memory(slots: NonZeroUsize) -> Self {
        // Slots of this process open the files themselves, so nothing is shipped.
        let window = Window::local(slots.get());
        Share { window, shipping: Shipping::None, wait_for_workers: None }
    }

    /// Of a [`RedisQueue`](sheaf_common::queue::RedisQueue). `own_slots`: the slots of this
    /// process's worker; 0 if it has none.
    pub fn of_redis(settings: &RedisRun, own_slots: usize) -> Self {
        let shipping = if settings.by_path {
            Shipping::ByPath
        } else {
            Shipping::Content { pack_from: settings.pack_from }
        };

        let window = Window::redis(settings.budget, own_slots);
        Share { window, shipping, wait_for_workers: settings.wait_for_workers }
    }
}
