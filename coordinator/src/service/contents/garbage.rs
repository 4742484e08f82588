//! Contents that nobody needs any more.

use std::collections::HashSet;
use std::fs::{self, DirEntry};
use std::io;
use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use super::{Contents, remove};
use crate::api::Hash;

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    pub files: u64,
    pub bytes: u64,
}

impl Contents {
    /// Removes the contents that no job uses, and those that came in part only, if nobody asked
    /// about them for `older_than`. Blocks.
    ///
    /// `in_use` must hold the contents of all jobs at a time after which `older_than` has not
    /// passed: a new job asks about its contents first.
    ///
    /// # Errors
    /// When the disk cannot be read or changed.
    pub fn collect_garbage(
        &self,
        in_use: &HashSet<Hash>,
        older_than: Duration,
    ) -> io::Result<Collected> {
        let mut collected = Collected::default();
        for folder in fs::read_dir(&self.folder)? {
            let folder = folder?;
            if !folder.file_type()?.is_dir() {
                continue;
            }

            let is_incoming = folder.file_name() == "incoming";
            for entry in fs::read_dir(folder.path())? {
                let entry = entry?;
                let hash = hash_of(&entry);
                let is_needed = match (is_incoming, hash) {
                    (true, Some(hash)) => self.writing().contains(&hash),
                    (false, Some(hash)) => in_use.contains(&hash),
                    // A content of a bundle, under its passing name: it is renamed soon.
                    (true, None) => false,
                    // Not ours.
                    (false, None) => true,
                };
                if !is_needed {
                    self.remove_old(&entry, older_than, &mut collected)?;
                }
            }
        }

        Ok(collected)
    }

    fn remove_old(
        &self,
        entry: &DirEntry,
        older_than: Duration,
        collected: &mut Collected,
    ) -> io::Result<()> {
        // Nobody is told meanwhile that it is there.
        let _held = self.removal.write().unwrap_or_else(PoisonError::into_inner);

        let about = match entry.metadata() {
            Ok(about) => about,
            // It was renamed, or removed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let age = SystemTime::now().duration_since(about.modified()?).unwrap_or_default();
        if age < older_than {
            return Ok(());
        }

        remove(&entry.path())?;
        collected.files += 1;
        collected.bytes += about.len();
        Ok(())
    }

    /// Removes what bundles left behind when the service ended.
    pub(super) fn sweep(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.incoming())? {
            let entry = entry?;
            if hash_of(&entry).is_none() {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }
}

/// The hash that a file is named by.
fn hash_of(entry: &DirEntry) -> Option<Hash> {
    entry.file_name().to_str()?.parse().ok()
}
