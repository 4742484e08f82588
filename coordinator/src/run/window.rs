//! Limits the outstanding bytes of a job, and sizes its tasks, by the number of slots.

use sheaf_common::queue::Capacity;

/// The most bytes that a run on one machine has outstanding, and its largest task. With tasks of 1
/// MiB a run took 5 % longer (200 MB of text).
const LOCAL_BYTES: u64 = 64 << 20;
const LOCAL_TASK: u64 = 4 << 20;

/// The largest task through Redis. A task costs the queue the same, however large it is.
const LARGEST_TASK: u64 = 8 << 20;
/// How many outstanding tasks each slot should have: one in work, one ready, and two that are done
/// and wait for those before them.
const TASKS_PER_SLOT: u64 = 4;
/// Default Redis budget for up to 8 slots.
const FEW_SLOTS: u64 = 256 << 20;
/// Share of the budget reserved for Redis' own overhead: client buffers, keys, and requests in
/// flight when the window closes. At 2 GB of input its peak was 35 MiB above a window of 256 MiB.
const REDIS_OWN: u64 = 44 << 20;

/// What a job has at least if many share the queue: a few small tasks.
const LEAST_BYTES: u64 = 4 << 20;
/// Its tasks are at least this large: a call costs the same for a small one.
const LEAST_TASK: u64 = 128 << 10;

/// The limit of what is outstanding: files, rows, segments.
#[derive(Debug, Clone)]
pub struct Window {
    budget: Budget,
    /// The bytes of all jobs that share the queue.
    all_bytes: u64,
    /// How many these are.
    jobs: usize,
    /// No more files are planned while this many bytes are outstanding…
    bytes: u64,
    /// …and at least this many tasks: slots must not idle because files are large.
    tasks: usize,
    /// That number for all jobs that share the queue.
    all_tasks: usize,
    /// The slots of this process.
    own_slots: usize,
    /// All known slots, those of this process included.
    slots: usize,
    largest_task: u64,
}

/// What decides the bytes.
#[derive(Debug, Clone, Copy)]
enum Budget {
    Fixed,
    /// The number of slots, up to half of what the servers may hold.
    BySlots,
}

impl Window {
    /// For a run on this machine alone.
    pub fn local(slots: usize) -> Self {
        Window {
            budget: Budget::Fixed,
            all_bytes: LOCAL_BYTES,
            jobs: 1,
            bytes: LOCAL_BYTES,
            tasks: slots * 2, // One in work and one ready for each slot.
            all_tasks: slots * 2,
            own_slots: slots,
            slots,
            largest_task: LOCAL_TASK,
        }
    }

    /// For a run through Redis. `budget`: the most bytes that it may hold there; `None`: it follows
    /// from the slots. `slots`: those of this process.
    pub fn redis(budget: Option<u64>, slots: usize) -> Self {
        let bytes = without_redis_own(budget.unwrap_or(FEW_SLOTS));
        let budget = if budget.is_some() { Budget::Fixed } else { Budget::BySlots };
        Window {
            budget,
            all_bytes: bytes,
            jobs: 1,
            bytes,
            tasks: 1,
            all_tasks: 1,
            own_slots: slots,
            slots,
            largest_task: LARGEST_TASK,
        }
    }

    /// Fits the window to the slots of other workers, to what the servers may hold, and to the
    /// number of jobs that share both: each has an equal part of the bytes.
    pub fn fit(&mut self, Capacity { slots, bytes, jobs }: Capacity) {
        self.slots = self.own_slots + slots;

        if let Budget::BySlots = self.budget {
            let wanted = FEW_SLOTS.max(self.slots as u64 * TASKS_PER_SLOT * LARGEST_TASK);

            // Half is left to other runs on these servers.
            self.all_bytes =
                without_redis_own(wanted.min(bytes.map_or(u64::MAX, |bytes| bytes / 2)));
        }

        self.jobs = jobs.max(1);
        self.bytes = (self.all_bytes / self.jobs as u64).max(LEAST_BYTES.min(self.all_bytes));
        self.tasks = self.all_tasks.div_ceil(self.jobs);
    }

    /// Whether another file may be planned while these bytes and tasks are outstanding.
    pub fn has_room(&self, bytes: u64, tasks: usize) -> bool {
        bytes < self.bytes || tasks < self.tasks
    }

    /// The bytes at which a task is full.
    pub fn task_bytes(&self) -> u64 {
        // No slot is known before a worker announces itself.
        let for_each_slot = self.bytes / (TASKS_PER_SLOT * self.slots.max(1) as u64);
        // The slots that this job alone cannot feed then work for the others.
        let least = if self.jobs > 1 { LEAST_TASK } else { 0 };

        for_each_slot.max(least).min(self.largest_task)
    }

    /// All known slots.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Whether this process has no slots, so that the run depends on other workers.
    pub fn is_for_others(&self) -> bool {
        self.own_slots == 0
    }
}

fn without_redis_own(budget: u64) -> u64 {
    // Of a small budget at most a quarter, so that something is left for tasks.
    budget - REDIS_OWN.min(budget / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn window_and_task_sizes_follow_slots_and_memory() {
        let fitted = |budget, slots, bytes| {
            let mut window = Window::redis(budget, 0);
            window.fit(Capacity { slots, bytes, jobs: 1 });
            (window.bytes / MIB, window.task_bytes() / MIB)
        };

        assert_eq!(
            [0, 2, 8].map(|slots| fitted(None, slots, None)),
            [(212, 8), (212, 8), (212, 6)]
        );
        assert_eq!([16, 100].map(|slots| fitted(None, slots, None)), [(468, 7), (3156, 7)]);

        // Half of what the servers may hold, but never nothing.
        assert_eq!(fitted(None, 100, Some(3 << 30)), (1492, 3));
        assert_eq!(fitted(None, 2, Some(64 * MIB)), (24, 3));

        // A budget of the user is not changed.
        assert_eq!(fitted(Some(100 * MIB), 100, Some(10 * MIB)), (75, 0));
    }

    #[test]
    fn the_slots_of_this_process_count() {
        let mut window = Window::redis(None, 12);
        window.fit(Capacity { slots: 4, ..Capacity::default() });
        assert_eq!(window.bytes / MIB, 468);
        assert!(!window.is_for_others() && Window::redis(None, 0).is_for_others());
    }

    #[test]
    fn jobs_that_share_a_queue_share_its_window() {
        let mut window = Window::local(4);
        let mut fitted = |jobs| {
            window.fit(Capacity { jobs, ..Capacity::default() });
            (window.bytes / MIB, window.tasks, window.task_bytes() >> 10)
        };
        assert_eq!(fitted(2), (32, 4, 2048));
        assert_eq!(fitted(100), (4, 1, 256), "each has a few tasks");
        assert_eq!(fitted(1), (64, 8, 4096), "the last one has all");

        let mut window = Window::redis(Some(256 * MIB), 0);
        window.fit(Capacity { slots: 64, bytes: None, jobs: 50 });
        assert_eq!((window.bytes / MIB, window.task_bytes()), (4, LEAST_TASK));

        let mut small = Window::redis(Some(2 * MIB), 0);
        small.fit(Capacity { slots: 1, bytes: None, jobs: 5 });
        assert!(small.bytes < 2 * MIB, "a small budget does not grow");
    }

    #[test]
    fn slots_do_not_idle_because_files_are_large() {
        let window = Window::local(3);
        assert!(window.has_room(LOCAL_BYTES - 1, 100) && window.has_room(u64::MAX, 5));
        assert!(!window.has_room(LOCAL_BYTES, 6));
        assert_eq!(window.task_bytes(), LOCAL_TASK);
    }
}
