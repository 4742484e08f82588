//! The folder of a finished run that is kept, and becomes the earlier run of the next.
//!
//! What the earlier run kept moves to `earlier/` file by file, as the lock stays. A note says that
//! it moves, and moves last: so a crash in between loses nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::journal::Journal;
use super::{FINISHED, JOB, JOURNAL, QUEUE, SOURCES, STATUS, STOPPED, STREAMS, Spool, SpoolError};
use crate::reuse::{ENTRIES, ROWS};

/// The folder of the earlier run, within that of the run.
const EARLIER: &str = "earlier";
/// Where it is gathered.
const GATHERED: &str = "earlier.new";
/// The note that the folder's files move there.
const MOVES: &str = "moves";

impl Spool {
    /// Whether the run of this folder is finished, and the folder is kept.
    pub fn is_finished(&self) -> bool {
        self.folder.join(FINISHED).exists()
    }

    /// What the earlier run kept; `None` if there was none.
    pub fn earlier(&self) -> Option<PathBuf> {
        Some(self.folder.join(EARLIER)).filter(|folder| folder.is_dir())
    }

    /// Makes what is in the folder the earlier run of the next, in place of an older one.
    ///
    /// # Errors
    /// Those of the system.
    pub fn make_earlier(&mut self) -> Result<(), SpoolError> {
        let make = || {
            drop_folder(&self.folder.join(GATHERED))?;
            fs::write(self.folder.join(MOVES), "")
        };
        make().map_err(|source| self.io("write to", source))?;

        self.finish_moving()
    }

    /// Ends what a crash in [`Spool::make_earlier`] has left half done.
    ///
    /// # Errors
    /// Those of the system.
    pub fn finish_moving(&mut self) -> Result<(), SpoolError> {
        let finished = self.move_on();
        finished.map_err(|source| self.io("write to", source))
    }

    fn move_on(&mut self) -> io::Result<()> {
        let gathered = self.folder.join(GATHERED);

        if self.folder.join(MOVES).exists() {
            fs::create_dir_all(&gathered)?;
            for name in [FINISHED, JOB, SOURCES, JOURNAL, STREAMS, ENTRIES, ROWS, MOVES] {
                let from = self.folder.join(name);

                // A file of the same name was made anew after a crash, and is empty.
                if from.exists() && !gathered.join(name).exists() {
                    fs::rename(from, gathered.join(name))?;
                }
            }

            // Those of the run that begins.
            fs::create_dir_all(self.folder.join(STREAMS))?;
            self.journal = Journal::open(&self.folder.join(JOURNAL))?;
        }

        if gathered.join(MOVES).exists() {
            drop_folder(&self.folder.join(EARLIER))?;
            fs::rename(&gathered, self.folder.join(EARLIER))?;
        }

        Ok(())
    }

    /// Removes what the earlier run kept.
    ///
    /// # Errors
    /// Those of the system.
    pub fn drop_earlier(&self) -> Result<(), SpoolError> {
        let dropped = [EARLIER, GATHERED].map(|name| drop_folder(&self.folder.join(name)));
        dropped.into_iter().collect::<io::Result<()>>().map_err(|source| self.io("remove", source))
    }

    /// Ends the run: the folder stays for the next. Returns the folder, and how many bytes are in
    /// it.
    ///
    /// # Errors
    /// Those of the system.
    pub fn keep(self) -> Result<(PathBuf, u64), SpoolError> {
        let keep = || {
            fs::write(self.folder.join(FINISHED), "")?;
            for name in [QUEUE, STATUS, STOPPED] {
                let _ = fs::remove_file(self.folder.join(name)); // Most are not there.
            }

            kept_bytes(&self.folder)
        };

        self.drop_earlier()?;
        let bytes = keep().map_err(|source| self.io("write to", source))?;
        Ok((self.folder, bytes))
    }
}

fn drop_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The bytes of all files in a folder and its folders.
///
/// # Errors
/// Those of the system.
pub fn kept_bytes(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { kept_bytes(&entry.path())? } else { metadata.len() };
    }

    Ok(bytes)
}
