//! A file that appears whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// An unfinished file, under another name beside its place.
///
/// The name is always the same, so the next run overwrites what a killed one left; the lock on the
/// job's folder prevents two runs at once. Dropping an unfinished file removes it. If it replaces a
/// file, it gets that file's mode, and its owner as far as that is allowed.
pub struct WholeFile {
    place: PathBuf,
    unfinished: PathBuf,
    file: Option<BufWriter<File>>,
}

/// The name of the unfinished file for `place`: hidden, and in the same folder, so that one rename
/// puts it in place.
pub fn unfinished_name(place: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(place.file_name().unwrap_or_default());
    name.push(".unfinished");
    place.with_file_name(name)
}

/// The most links in a row that are followed; the limit of Linux.
const MOST_LINKS: usize = 40;

/// Where a file that is written to `path` ends up: `path`, or the target if it is a link. The
/// target need not exist.
///
/// # Errors
/// When links lead in a circle.
pub fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut place = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&place) {
            Ok(target) => place = place.parent().unwrap_or(Path::new("")).join(target),
            // Not a link. Any other error shows when the file is written.
            Err(_) => return Ok(place),
        }
    }

    Err(io::Error::other("too many links lead from one to the next"))
}

/// Gives a new file the mode of the file that it replaces, and its owner as far as that is allowed.
///
/// # Errors
/// When the mode cannot be set.
pub fn take_after(file: &File, replaced: &Metadata) -> io::Result<()> {
    let made = file.metadata()?;
    if (made.uid(), made.gid()) != (replaced.uid(), replaced.gid()) {
        // Errors are expected: only root may give files away, and others only set groups of their
        // own.
        let _ = fchown(file, None, Some(replaced.gid()));
        let _ = fchown(file, Some(replaced.uid()), None);
    }

    // Last, because a change of owner clears bits of the mode.
    file.set_permissions(Permissions::from_mode(replaced.mode() & 0o7777))
}

/// The folder that a file is in.
pub fn folder_of(place: &Path) -> &Path {
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

impl WholeFile {
    /// Begins the file for `place`, or for the target if that is a link.
    pub fn create(place: &Path) -> io::Result<Self> {
        let place = followed(place)?;
        let unfinished = unfinished_name(&place);
        let replaced = fs::metadata(&place).ok();

        // What a killed run left may have another mode.
        let _ = fs::remove_file(&unfinished);
        let file = File::create(&unfinished)?;
        let whole =
            WholeFile { place, unfinished, file: Some(BufWriter::with_capacity(1 << 20, file)) };

        if let Some(replaced) = replaced {
            take_after(whole.file.as_ref().expect("just made").get_ref(), &replaced)?;
        }

        Ok(whole)
    }

    /// Moves the file to its place and syncs it to disk; returns its size in bytes.
    pub fn finish(self) -> io::Result<u64> {
        // Opened first: if this fails, the file must not be in its place.
        let folder = File::open(folder_of(&self.place))?;

        // The new name survives a crash only if the folder is synced, too.
        let size = self.put(File::sync_all)?;
        folder.sync_all()?;

        Ok(size)
    }

    /// Moves the file to its place without a sync: for files of which there may be thousands, and
    /// which are made again if they are lost.
    pub fn finish_unsynced(self) -> io::Result<u64> {
        self.put(|_| Ok(()))
    }

    fn put(mut self, sync: impl FnOnce(&File) -> io::Result<()>) -> io::Result<u64> {
        let buffer = self.file.as_mut().expect("there until it is put");
        buffer.flush()?;
        sync(buffer.get_ref())?;

        let size = buffer.get_ref().metadata()?.len();
        fs::rename(&self.unfinished, &self.place)?;

        // In its place: dropping must not remove anything now.
        self.file = None;

        Ok(size)
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            let _ = fs::remove_file(&self.unfinished);
        }
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_mut().expect("there until it is put").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().expect("there until it is put").flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn write(place: &Path, content: &str) -> u64 {
        let mut file = WholeFile::create(place).unwrap();
        file.write_all(content.as_bytes()).unwrap();
        file.finish().unwrap()
    }

    #[test]
    fn only_a_finished_file_replaces_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("out");
        std::fs::write(&place, "old").unwrap();
        let mut file = WholeFile::create(&place).unwrap();
        file.write_all(b"new").unwrap();
        drop(file);
        assert_eq!(std::fs::read(&place).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(write(&place, "new"), 3);
        assert_eq!(std::fs::read(&place).unwrap(), b"new");
    }

    #[test]
    fn the_file_that_is_replaced_gives_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("out");
        for mode in [0o600, 0o664, 0o444] {
            std::fs::write(&place, "old").unwrap();
            std::fs::set_permissions(&place, Permissions::from_mode(mode)).unwrap();
            std::fs::write(
                folder.path().join(".out.unfinished"),
                "left behind, with a mode of its own",
            )
            .unwrap();
            write(&place, "new");
            assert_eq!(std::fs::metadata(&place).unwrap().mode() & 0o7777, mode);
            std::fs::remove_file(&place).unwrap();
        }
    }

    #[test]
    fn a_link_stays_and_its_target_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("elsewhere")).unwrap();
        symlink("elsewhere/second", path("first")).unwrap();
        symlink("target", path("elsewhere/second")).unwrap();
        for content in ["made by the dangling link", "replaced"] {
            write(&path("first"), content);
            assert!(path("first").is_symlink() && path("elsewhere/second").is_symlink());
            assert_eq!(std::fs::read_to_string(path("elsewhere/target")).unwrap(), content);
        }

        symlink("circle", path("circle")).unwrap();
        assert!(WholeFile::create(&path("circle")).is_err());
    }
}
