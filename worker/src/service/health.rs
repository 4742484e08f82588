//! The health file, which tells `sheaf-worker health` whether the worker works. It holds the time
//! of the worker's last poll.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sheaf_common::job::random_bits;

use super::{Exit, Failure};

/// The age of the last poll up to which a worker counts as working. It polls each second, or at
/// least extends its leases every 10 s.
pub const LATELY: Duration = Duration::from_secs(30);

/// The place of the health file.
#[derive(Debug, Clone)]
pub struct HealthFile {
    path: PathBuf,
    /// Where the file is written before it is renamed. The name is random, as process numbers
    /// repeat in containers that share a folder.
    new: PathBuf,
}

/// The default place: `sheaf-worker/health` below `runtime_dir` (`$XDG_RUNTIME_DIR`), or else
/// `/tmp/sheaf-worker-UID/health`. Several workers of one user on one machine share this place, so
/// each needs a file of its own.
pub fn default_health_file(runtime_dir: Option<&Path>) -> PathBuf {
    match runtime_dir {
        Some(folder) => folder.join("sheaf-worker/health"),
        None => PathBuf::from(format!("/tmp/sheaf-worker-{}/health", nix::unistd::geteuid())),
    }
}

impl HealthFile {
    pub fn new(path: PathBuf) -> Self {
        let new = path.with_extension(format!("{:016x}.new", random_bits()));
        HealthFile { path, new }
    }

    /// Notes that the worker last polled `ago`.
    ///
    /// # Errors
    /// The folder below /tmp belongs to another user, as anyone may make one there; or the system
    /// refuses to write.
    pub fn note(&self, ago: Duration) -> io::Result<()> {
        let folder = self
            .path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));

        if !folder.exists() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }

        let owner = fs::symlink_metadata(folder)?.uid();
        if owner != nix::unistd::geteuid().as_raw() && folder.starts_with("/tmp") {
            return Err(io::Error::other(format!(
                "`{}` belongs to another user",
                folder.display()
            )));
        }

        let at = since_1970().saturating_sub(ago).as_millis();
        // Rename into place: no reader sees half a file, and no symbolic link there is followed.
        fs::write(&self.new, format!("{at}\n"))?;
        fs::rename(&self.new, &self.path)
    }

    /// Removes the note: the worker has stopped.
    pub fn clear(&self) {
        let _ = fs::remove_file(&self.path);
    }

    /// The time since the worker's last poll.
    ///
    /// # Errors
    /// [`Exit::Unhealthy`], when that is longer than [`LATELY`] or unknown.
    pub fn check(&self) -> Result<Duration, Failure> {
        let path = self.path.display();
        let text = fs::read_to_string(&self.path).map_err(|error| {
            let reason = format!("no worker has noted in `{path}` that it works: {error}");
            Failure::new(Exit::Unhealthy, reason).with_hint(
                "give the same `--health-file` as to the worker; a worker that waits for Redis \
                 notes nothing",
            )
        })?;
        let at: u64 = text.trim().parse().map_err(|_| {
            let reason = format!("expected a time in `{path}`, got something else");
            Failure::new(Exit::Unhealthy, reason)
        })?;

        let ago = since_1970().saturating_sub(Duration::from_millis(at));
        if ago <= LATELY {
            Ok(ago)
        } else {
            let reason = format!("the worker last heard from Redis {} s ago", ago.as_secs());
            Err(Failure::new(Exit::Unhealthy, reason))
        }
    }
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_note_shows_a_working_worker() {
        let folder = tempfile::tempdir().unwrap();
        let file = HealthFile::new(folder.path().join("run/health"));
        assert!(file.check().unwrap_err().reason.contains("no worker has noted"));

        file.note(Duration::from_secs(2)).unwrap();
        assert!(file.check().unwrap() >= Duration::from_secs(2));

        file.note(Duration::from_secs(3600)).unwrap();
        assert!(file.check().unwrap_err().reason.contains("3600 s ago"));
        assert_eq!(fs::read_dir(folder.path().join("run")).unwrap().count(), 1);

        file.clear();
        assert_eq!(file.check().unwrap_err().exit, Exit::Unhealthy);
    }
}
