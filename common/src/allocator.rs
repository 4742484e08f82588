//! The system's allocator, set up for what Sheaf does.

/// Blocks up to this size come from the heap, not from pages of their own: larger than a batch of
/// files or rows.
const FROM_HEAP: i32 = 16 << 20;
/// The heap gives memory back to the system when this much is free at its end.
const TRIM: i32 = 64 << 20;

/// Lets freed memory be used again instead of giving it back: blocks of about 1 MiB come and go all
/// the time, and for each the system would map and clear pages anew. It halved the processor time
/// of a coordinator over Redis, and took a fifth off that of a worker. Call it first in `main`.
///
/// Does nothing where the C library is not glibc.
pub fn reuse_freed_memory() {
    #[cfg(target_env = "gnu")]
    for (parameter, value) in [(libc::M_MMAP_THRESHOLD, FROM_HEAP), (libc::M_TRIM_THRESHOLD, TRIM)]
    {
        // SAFETY: sets a number of the allocator; no other thread runs yet.
        unsafe { libc::mallopt(parameter, value) };
    }
}
