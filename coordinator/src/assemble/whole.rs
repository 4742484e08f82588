//! A file that appears whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file in the making, under another name beside its place.
///
/// The name is the same every time, so what a killed run left is written over by the next; the lock on the job's folder
/// keeps two runs apart. One that is dropped unfinished is removed.
pub struct WholeFile {
    place: PathBuf,
    unfinished: PathBuf,
    file: Option<BufWriter<File>>,
}

/// The name under which the file at `place` is made: hidden, and beside it, so that it can be moved there in one step.
pub fn unfinished_name(place: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(place.file_name().unwrap_or_default());
    name.push(".unfinished");
    place.with_file_name(name)
}

impl WholeFile {
    /// Begins the file that is to stand at `place`.
    pub fn create(place: &Path) -> io::Result<Self> {
        let unfinished = unfinished_name(place);
        let file = BufWriter::with_capacity(1 << 20, File::create(&unfinished)?);
        Ok(WholeFile { place: place.into(), unfinished, file: Some(file) })
    }

    /// Puts the file in its place, safely on disk; returns its size in bytes.
    pub fn finish(self) -> io::Result<u64> {
        let folder = self.place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = File::open(folder)?;
        let size = self.put(File::sync_all)?;
        folder.sync_all()?;
        Ok(size)
    }

    /// Puts the file in its place without waiting for the disk: for files of which there may be thousands, and which
    /// are made again if they are lost.
    pub fn finish_unsynced(self) -> io::Result<u64> {
        self.put(|_| Ok(()))
    }

    fn put(mut self, sync: impl FnOnce(&File) -> io::Result<()>) -> io::Result<u64> {
        let buffer = self.file.as_mut().expect("there until it is put");
        buffer.flush()?;
        sync(buffer.get_ref())?;
        let size = buffer.get_ref().metadata()?.len();
        fs::rename(&self.unfinished, &self.place)?;
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
