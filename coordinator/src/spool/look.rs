//! What another process can learn from the folder of a job.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use super::{FINISHED, LOCK, STOPPED};

/// Whether a run is at work in a folder.
///
/// # Errors
/// Those of the system, for example when there is no such folder.
pub fn is_at_work(folder: &Path) -> io::Result<bool> {
    match File::open(folder.join(LOCK))?.try_lock_shared() {
        Ok(()) => Ok(false), // Dropping the file unlocks it.
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(source)) => Err(source),
    }
}

/// The last line that says why a run of this folder stopped; `None` if none was stopped.
pub fn last_stop(folder: &Path) -> Option<String> {
    Some(fs::read_to_string(folder.join(STOPPED)).ok()?.lines().next_back()?.to_owned())
}

/// Whether the run of a folder is finished, and the folder is kept for the next.
pub fn is_finished(folder: &Path) -> bool {
    folder.join(FINISHED).exists()
}
