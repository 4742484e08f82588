//! How much goes into one request, so that others get between.

/// The most tasks, fields or leases in one request: the server does nothing else meanwhile, and Lua
/// unpacks at most 8,000 values.
pub const MOST_AT_ONCE: usize = 512;

/// The most tasks that are asked for at once. All of a job's should be: the script counts them
/// against its streams.
pub const MOST_ASKED: usize = 4096;

/// A request is sent when it has grown to this many bytes.
pub const BYTES_AT_ONCE: usize = 4 << 20;

/// Bytes no longer than this go through the script after all: fetching them by themselves would cost
/// more.
pub const INLINE: usize = 16 << 10;

/// The most bytes of one blob: Redis' `proto-max-bulk-len`.
pub const LARGEST: usize = 512 << 20;
