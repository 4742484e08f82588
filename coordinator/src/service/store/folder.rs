//! The folder of all jobs.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::{JobPlace, Key, Lock, LockError};
use crate::service::record::{Record, VERSION};

/// The data folder, locked for this process.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    jobs: PathBuf,
    _lock: Lock,
}

/// The jobs of a data folder.
#[derive(Debug, Default)]
pub struct Found {
    pub jobs: Vec<(Key, Record)>,
    /// The records that could not be read, with the reason.
    pub unreadable: Vec<String>,
}

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error("could not {doing} `{}`", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
}

impl Store {
    /// Opens the data folder, or makes it, for this user alone.
    ///
    /// # Errors
    /// When another service has it, or it cannot be made.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let jobs = folder.join("jobs");
        make_folder(&jobs)?;

        // A path that stays right, whatever the current folder.
        let real = |path: &Path| {
            let doing = "find";
            path.canonicalize().map_err(|source| StoreError::Io {
                doing,
                path: path.into(),
                source,
            })
        };
        let folder = real(folder)?;
        let jobs = real(&jobs)?;

        let lock = Lock::take(&folder)?;
        Ok(Store { folder, jobs, _lock: lock })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The last number that was given as an id; 0: none.
    pub fn last_id(&self) -> u64 {
        let saved = fs::read_to_string(self.last_id_file()).unwrap_or_default();
        saved.trim().parse().unwrap_or(0)
    }

    /// Notes the last number that was given as an id, so that a removed job's is not given again.
    ///
    /// # Errors
    /// Those of the system.
    pub fn save_last_id(&self, id: u64) -> Result<(), StoreError> {
        let path = self.last_id_file();
        let unfinished = path.with_extension("new");
        let write =
            fs::write(&unfinished, format!("{id}\n")).and_then(|()| fs::rename(unfinished, &path));
        write.map_err(|source| StoreError::Io { doing: "write", path, source })
    }

    fn last_id_file(&self) -> PathBuf {
        self.folder.join("last-id")
    }

    /// The files of a job.
    pub fn place(&self, key: Key) -> JobPlace {
        JobPlace::new(&self.jobs, key)
    }

    /// Makes the folder of a new job.
    ///
    /// # Errors
    /// Those of the system.
    pub fn make(&self, key: Key) -> Result<JobPlace, StoreError> {
        let place = self.place(key);
        make_folder(&place.outputs())?;
        Ok(place)
    }

    /// Reads all jobs. A folder without a record is what a crash left of a job that nobody was told
    /// of: it is removed. A record that cannot be read is left alone.
    ///
    /// # Errors
    /// When the folder of all jobs cannot be read.
    pub fn load(&self) -> Result<Found, StoreError> {
        let io = |source| StoreError::Io { doing: "read", path: self.jobs.clone(), source };
        let mut found = Found::default();

        for entry in fs::read_dir(&self.jobs).map_err(io)? {
            let name = entry.map_err(io)?.file_name();
            let Some(key) = name.to_str().and_then(Key::of_name) else { continue };
            let place = self.place(key);

            match read(&place.record()) {
                Ok(record) => found.jobs.push((key, record)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.remove(key)?,
                Err(error) => {
                    let path = place.record();
                    found.unreadable.push(format!("{}: {error}", path.display()));
                }
            }
        }

        Ok(found)
    }

    /// Saves a record: a crash leaves the old one or the new one. After a loss of power it may be
    /// the old one.
    ///
    /// # Errors
    /// Those of the system.
    pub fn save(&self, key: Key, record: &Record) -> Result<(), StoreError> {
        self.replace(key, record, |_| Ok(()))
    }

    /// Saves the record of a new job, of which its client will be told: it survives even a loss of
    /// power.
    ///
    /// # Errors
    /// Those of the system.
    pub fn save_synced(&self, key: Key, record: &Record) -> Result<(), StoreError> {
        self.replace(key, record, fs::File::sync_data)
    }

    fn replace(
        &self,
        key: Key,
        record: &Record,
        sync: impl FnOnce(&fs::File) -> io::Result<()>,
    ) -> Result<(), StoreError> {
        let path = self.place(key).record();
        let io = |source| StoreError::Io { doing: "write", path: path.clone(), source };

        let bytes = serde_json::to_vec_pretty(record).map_err(|error| io(error.into()))?;
        let unfinished = path.with_extension("json.new");
        let write = || {
            let mut file = fs::File::create(&unfinished)?;
            io::Write::write_all(&mut file, &bytes)?;
            sync(&file)?;
            fs::rename(&unfinished, &path)
        };
        write().map_err(io)
    }

    /// Removes a job's folder. The record goes first, so that a crash leaves no half of a job.
    ///
    /// # Errors
    /// Those of the system.
    pub fn remove(&self, key: Key) -> Result<(), StoreError> {
        let place = self.place(key);
        let is_gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;

        let remove = || {
            fs::remove_file(place.record())
                .or_else(|error| if is_gone(&error) { Ok(()) } else { Err(error) })?;
            fs::remove_dir_all(place.folder())
                .or_else(|error| if is_gone(&error) { Ok(()) } else { Err(error) })
        };

        remove().map_err(|source| StoreError::Io {
            doing: "remove",
            path: place.folder().into(),
            source,
        })
    }
}

fn read(path: &Path) -> io::Result<Record> {
    let record: Record = serde_json::from_slice(&fs::read(path)?)?;

    if record.version == VERSION {
        Ok(record)
    } else {
        let version = record.version;
        Err(io::Error::other(format!("version {version}, this service reads {VERSION}")))
    }
}

fn make_folder(path: &Path) -> Result<(), StoreError> {
    let make = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    make.map_err(|source| StoreError::Io { doing: "make", path: path.into(), source })
}
