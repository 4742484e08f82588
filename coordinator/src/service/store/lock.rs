//! The lock of the data folder: one service at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Held as long as it lives. The system releases it when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why the folder cannot be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("the data folder `{}` is in use by another service ({owner})", folder.display())]
    InUse { folder: PathBuf, owner: String },
    #[error("could not lock the data folder `{}`", folder.display())]
    Io { folder: PathBuf, source: io::Error },
}

impl Lock {
    /// Locks a data folder, and notes the process in the lock file.
    ///
    /// # Errors
    /// When another process holds the lock, or the file cannot be opened.
    pub fn take(folder: &Path) -> Result<Self, LockError> {
        let io = |source| LockError::Io { folder: folder.into(), source };
        let path = folder.join("service.lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(io)?;

        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                let _ = file.read_to_string(&mut owner); // Only for the message.
                let owner = owner.trim().to_owned();
                return Err(LockError::InUse { folder: folder.into(), owner });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }

        // Only for the message of another service: a full disk must not keep this one away.
        let note = format!("process {} on {}\n", std::process::id(), sheaf_worker::host::host());
        let _ = file.set_len(0).and_then(|()| file.write_all(note.as_bytes()));

        Ok(Lock { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_service_has_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::take(folder.path()).unwrap();

        let refused = Lock::take(folder.path()).unwrap_err().to_string();
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");

        drop(lock);
        assert!(Lock::take(folder.path()).is_ok());
    }
}
