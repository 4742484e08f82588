//! What a job has of a queue.

/// The slots and the room for bytes of a queue, beside the process that asks, and the jobs that
/// share them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// The slots of all workers in the registry.
    pub slots: usize,
    /// The bytes that the servers for blobs may hold; `None`: no limit is known.
    pub bytes: Option<u64>,
    /// How many jobs of the process that asks share the queue with this one: itself, and those of
    /// the same or a higher priority.
    pub jobs: usize,
}

impl Default for Capacity {
    /// Nothing beside the process, and no other job.
    fn default() -> Self {
        Capacity { slots: 0, bytes: None, jobs: 1 }
    }
}
