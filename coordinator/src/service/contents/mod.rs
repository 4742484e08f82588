//! Uploaded files, by their SHA-256.
//!
//! ```text
//! contents/ab/abcd…             a whole content; its name is its hash
//! contents/incoming/abcd…       what has come of one so far
//! contents/incoming/abcd….N     a small one of a bundle, before it is renamed
//! ```
//!
//! * [`Contents`]: what is there. [`Upload`]: one that comes. [`receive`] and [`bundle`] take them
//!   from bodies, [`handlers`] from requests.
//! * [`garbage`]: what nobody needs any more.
//!
//! A content is whole when it is there: it is renamed when all bytes have come and have the right
//! hash. Its time of change is that of the last question about it, so that nothing goes between
//! the question and the job.

mod bundle;
mod garbage;
mod handlers;
mod receive;
mod upload;

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, FileTimes};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use tokio::sync::Semaphore;

pub use garbage::Collected;
pub use handlers::router;
pub use upload::{Begun, Ended, Upload, UploadError};

use super::disk::free_bytes;
use super::http::problem::{Answer, Failure};
use crate::api::{Hash, MissingContent};
use crate::run::stored_path;

/// The most uploads at once.
const MOST_OPEN: usize = 64;

/// What uploads may use up.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most bytes of one content.
    pub largest: u64,
    /// How many bytes of the disk must stay free.
    pub reserve: u64,
}

/// The uploaded files of a data folder.
#[derive(Debug)]
pub struct Contents {
    folder: PathBuf,
    limits: Limits,
    /// The contents that are written now.
    writing: Mutex<HashSet<Hash>>,
    /// Held while a content is looked at and its time renewed; held alone to remove one.
    removal: RwLock<()>,
    /// The places for uploads.
    places: Arc<Semaphore>,
    /// The number of the next content of a bundle.
    number: AtomicU64,
}

impl Contents {
    /// Opens the folder of uploaded files, or makes it, for this user alone.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(folder: &Path, limits: Limits) -> io::Result<Self> {
        let contents = Contents {
            folder: folder.into(),
            limits,
            writing: Mutex::default(),
            removal: RwLock::default(),
            places: Arc::new(Semaphore::new(MOST_OPEN)),
            number: AtomicU64::new(0),
        };

        make_folder(folder)?;
        make_folder(&contents.incoming())?;
        contents.sweep()?;
        Ok(contents)
    }

    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Where a content is, once it is whole.
    pub fn path(&self, hash: Hash) -> PathBuf {
        stored_path(&self.folder, &hash.0)
    }

    fn incoming(&self) -> PathBuf {
        self.folder.join("incoming")
    }

    fn incoming_of(&self, hash: Hash) -> PathBuf {
        self.incoming().join(hash.to_string())
    }

    /// A new name for a small content that comes.
    fn passing_of(&self, hash: Hash) -> PathBuf {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        self.incoming().join(format!("{hash}.{number}"))
    }

    /// The size of a content; `None`: it is not there. Renews its time. Blocks.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn size(&self, hash: Hash) -> io::Result<Option<u64>> {
        // What a panic left behind is still right: the lock guards no data.
        let _held = self.removal.read().unwrap_or_else(PoisonError::into_inner);
        touched(&self.path(hash))
    }

    /// How many bytes of a content have come. Renews their time. Blocks.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn received(&self, hash: Hash) -> io::Result<u64> {
        let _held = self.removal.read().unwrap_or_else(PoisonError::into_inner);
        Ok(touched(&self.incoming_of(hash))?.unwrap_or(0))
    }

    /// Those of `hashes` that are not there, each once, in their order. Renews the times of the
    /// others: they stay for at least as long as [`Contents::collect_garbage`] is told. Blocks.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn missing(&self, hashes: &[Hash]) -> io::Result<Vec<MissingContent>> {
        let mut seen = HashSet::new();
        let mut missing = Vec::new();
        for &sha256 in hashes.iter().filter(|hash| seen.insert(**hash)) {
            if self.size(sha256)?.is_none() {
                missing.push(MissingContent { sha256, received: self.received(sha256)? });
            }
        }

        Ok(missing)
    }

    /// Makes the folder of a content.
    fn make_place(&self, hash: Hash) -> io::Result<PathBuf> {
        let path = self.path(hash);
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        Ok(path)
    }

    /// # Errors
    /// When so many more bytes would leave less than the reserve.
    fn check_space(&self, more: u64) -> Result<(), UploadError> {
        let free = free_bytes(&self.folder)?;
        let wanted = self.limits.reserve.saturating_add(more);
        if free >= wanted { Ok(()) } else { Err(UploadError::Full) }
    }
}

/// Makes a folder for this user alone, if it is not there.
fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// The size of a file whose time is now renewed; `None`: there is none.
fn touched(path: &Path) -> io::Result<Option<u64>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };

    file.set_times(FileTimes::new().set_modified(SystemTime::now()))?;
    Ok(Some(file.metadata()?.len()))
}

/// Removes a file; one that is not there is fine.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Does disk work on a thread that may block.
///
/// # Errors
/// 500 if it panicked.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Answer<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::internal("working on the disk", error))
}

#[cfg(test)]
mod tests;
