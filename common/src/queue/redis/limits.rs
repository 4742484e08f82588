//! The limits of one request, so that the requests of others get a turn between two of them.

/// The most tasks, fields or leases in one request. The server does nothing else during a script,
/// and Lua unpacks at most 8,000 values.
pub const MOST_AT_ONCE: usize = 512;

/// The most tasks in one question for missing ones. It should cover all tasks of a job, as the
/// script compares their number with the entries on its streams.
pub const MOST_ASKED: usize = 4096;

/// A request is sent once it has this many bytes.
pub const BYTES_AT_ONCE: usize = 4 << 20;

/// Bodies and outcomes up to this many bytes go through the script: as blobs they would cost more.
pub const INLINE: usize = 16 << 10;

/// The most bytes of one blob: Redis' `proto-max-bulk-len`.
pub const LARGEST: usize = 512 << 20;

/// The most bytes of a file within a task, which is one blob and holds a little more.
pub const LARGEST_FILE: u64 = 500 << 20;
