//! Where the files of a job are.

use std::fmt;
use std::path::{Path, PathBuf};

use sheaf_common::job::random_bits;

use crate::config::work_folder;

/// The name of a job's folder: 16 hexadecimal digits, random.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(u64);

impl Key {
    /// A new name.
    pub fn random() -> Self {
        Key(random_bits())
    }

    /// The key that names a folder; `None`: the folder is not a job's.
    pub fn of_name(name: &str) -> Option<Self> {
        let is_key =
            name.len() == 16 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        u64::from_str_radix(name, 16).ok().filter(|_| is_key).map(Key)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The paths of a job's files.
#[derive(Debug, Clone)]
pub struct JobPlace {
    folder: PathBuf,
}

impl JobPlace {
    /// The place in the folder of all jobs.
    pub fn new(jobs: &Path, key: Key) -> Self {
        JobPlace { folder: jobs.join(key.to_string()) }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn record(&self) -> PathBuf {
        self.folder.join("job.json")
    }

    pub fn inputs(&self) -> PathBuf {
        self.folder.join("inputs")
    }

    pub fn hashes(&self) -> PathBuf {
        self.folder.join("hashes")
    }

    pub fn joblog(&self) -> PathBuf {
        self.folder.join("joblog.tsv")
    }

    pub fn summary(&self) -> PathBuf {
        self.folder.join("summary.json")
    }

    pub fn outputs(&self) -> PathBuf {
        self.folder.join("out")
    }

    /// The output with this index, whose format goes by `extension`.
    pub fn output(&self, index: usize, extension: &str) -> PathBuf {
        self.outputs().join(format!("{index}{extension}"))
    }

    /// The folder of its run: journal, segments, rows. `extension`: that of the first output.
    pub fn work(&self, extension: &str) -> PathBuf {
        work_folder(&self.output(0, extension))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_name_folders_of_jobs() {
        let key = Key::random();
        assert_eq!(Key::of_name(&key.to_string()), Some(key));

        for name in ["", "..", "+123456789abcdef", "0123456789ABCDEF", "0123456789abcdef0"] {
            assert_eq!(Key::of_name(name), None, "{name}");
        }
    }
}
