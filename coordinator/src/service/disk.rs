//! The room on the disk of the data folder.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use nix::sys::statvfs::statvfs;

use crate::human::size;

/// Watches the room on a disk.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
    /// The bytes that must stay free: below, nothing new is taken.
    reserve: u64,
    free: AtomicU64,
}

impl Disk {
    /// Of the disk of this folder.
    pub fn new(folder: &Path, reserve: u64) -> Self {
        let disk = Disk { folder: folder.into(), reserve, free: AtomicU64::new(0) };
        disk.look();
        disk
    }

    /// Asks the system again.
    pub fn look(&self) {
        // A system that does not say how much is free is taken to have room.
        let free = free_bytes(&self.folder).unwrap_or(u64::MAX);
        self.free.store(free, Ordering::Relaxed);
    }

    /// The bytes that were free at the last look.
    pub fn free(&self) -> u64 {
        self.free.load(Ordering::Relaxed)
    }

    pub fn reserve(&self) -> u64 {
        self.reserve
    }

    /// Whether there is room for new jobs and uploads.
    pub fn has_room(&self) -> bool {
        self.free() >= self.reserve
    }

    /// Why nothing new is taken, for people; `None`: there is room.
    pub fn refusal(&self) -> Option<String> {
        (!self.has_room()).then(|| {
            format!(
                "the disk of the service has {} left, and {} must stay free",
                size(self.free()),
                size(self.reserve)
            )
        })
    }
}

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
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// As [`is_full`], for a cause of another error.
pub fn is_disk_full(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(is_full)
}

/// What to do about a full disk.
pub const MAKE_ROOM: &str = "remove finished jobs (`sheaf remove`), or give the service a larger \
                             disk; running jobs go on by themselves";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_without_its_reserve_takes_nothing() {
        let folder = tempfile::tempdir().unwrap();

        assert_eq!(Disk::new(folder.path(), 0).refusal(), None);
        let refusal = Disk::new(folder.path(), u64::MAX - 1).refusal().unwrap();
        assert!(refusal.contains("must stay free"), "{refusal}");
    }
}
