//! A file that appears whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file in the making, under a temporary name beside its place.
pub struct WholeFile {
    place: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl WholeFile {
    /// Begins the file that is to stand at `place`.
    pub fn create(place: &Path) -> io::Result<Self> {
        let folder = match place.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // As if created in the plain way: the mask of the process decides who may read it.
        let builder = tempfile::Builder::new()
            .prefix(".sheaf-")
            .permissions(PermissionsExt::from_mode(0o666))
            .tempfile_in(folder)?;
        Ok(WholeFile { place: place.into(), file: BufWriter::with_capacity(1 << 20, builder) })
    }

    /// Puts the file in its place, safely on disk; returns its size in bytes.
    pub fn finish(self) -> io::Result<u64> {
        self.put(true)
    }

    /// Puts the file in its place without waiting for the disk: for files of which there may be thousands, and which
    /// are made again if they are lost.
    pub fn finish_unsynced(self) -> io::Result<u64> {
        self.put(false)
    }

    fn put(self, sync: bool) -> io::Result<u64> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        if sync {
            file.as_file().sync_all()?;
        }
        let size = file.as_file().metadata()?.len();
        file.persist(&self.place).map_err(|error| error.error)?;
        if sync && let Some(folder) = self.place.parent() {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            File::open(folder)?.sync_all()?;
        }
        Ok(size)
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_file_leaves_no_trace_and_a_finished_one_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("out");
        std::fs::write(&place, "old").unwrap();
        let mut file = WholeFile::create(&place).unwrap();
        file.write_all(b"new").unwrap();
        drop(file);
        assert_eq!(std::fs::read(&place).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let mut file = WholeFile::create(&place).unwrap();
        file.write_all(b"new").unwrap();
        assert_eq!(file.finish().unwrap(), 3);
        assert_eq!(std::fs::read(&place).unwrap(), b"new");
    }
}
