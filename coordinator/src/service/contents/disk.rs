//! The space on a disk.

use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::statvfs::statvfs;

/// The bytes that this user may still write on the disk of a folder.
///
/// # Errors
/// When the folder is not there.
pub fn free_bytes(folder: &Path) -> io::Result<u64> {
    let disk = statvfs(folder)?;
    // The types differ between systems.
    #[allow(clippy::useless_conversion, reason = "they are not `u64` on 32 bits")]
    Ok(u64::from(disk.blocks_available()).saturating_mul(u64::from(disk.fragment_size())))
}

/// Whether an error says that the disk, or this user's part of it, is full.
pub fn is_full(error: &io::Error) -> bool {
    let full = [Errno::ENOSPC, Errno::EDQUOT].map(|errno| errno as i32);
    error.raw_os_error().is_some_and(|number| full.contains(&number))
}
