//! Outputs and logs: bytes that go on where a cut left them.
//!
//! An output goes to a hidden file beside its place, whose name has the output's hash. So an
//! interrupted download goes on when the same command is given again, and never with the bytes of
//! another output. Only when all bytes are there and their hash is right, the file is renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use sha2::{Digest, Sha256};
use ureq::http::StatusCode;

use super::calls::job_path;
use super::http::{Ask, Server, header};
use super::{ClientError, Patience};
use crate::api::{Hash, JobId, OutputFile, ProblemCode};
use crate::assemble::{folder_of, followed, is_flow, take_after};
use crate::config::printed;

/// How many bytes are read at once.
const PIECE: usize = 256 << 10;

/// Bytes that the service has.
#[derive(Debug, Clone)]
pub struct Remote {
    /// From the root of the service.
    pub path: String,
    /// The hash of all of them; `None`: they may still grow.
    pub hash: Option<Hash>,
}

impl Remote {
    /// Output `index` of a job.
    pub fn output(id: &JobId, index: usize, output: &OutputFile) -> Self {
        Remote { path: job_path(id, &format!("/outputs/{index}")), hash: Some(output.sha256) }
    }

    /// The summary of a finished job.
    pub fn summary(id: &JobId) -> Self {
        Remote { path: job_path(id, "/summary"), hash: None }
    }

    /// The job log of a job.
    pub fn log(id: &JobId) -> Self {
        Remote { path: job_path(id, "/log"), hash: None }
    }
}

/// Copies bytes of the service from byte `at` on, and goes on after cuts; returns how many bytes
/// there are now, those before `at` included. `see` is called with this number from time to time.
///
/// # Errors
/// Those of the service, and those of `out` as [`ClientError::Write`] for `place`.
pub fn copy(
    server: &Server,
    remote: &Remote,
    mut at: u64,
    out: &mut dyn Write,
    place: &str,
    see: &mut dyn FnMut(u64),
) -> Result<u64, ClientError> {
    let mut patience = Patience::default();

    loop {
        let before = at;
        match copy_once(server, remote, &mut at, out, place, see) {
            Ok(()) => return Ok(at),
            // All of it is here already.
            Err(error) if error.code() == Some(ProblemCode::WrongRange) => return Ok(at),
            Err(error) => {
                if at > before {
                    patience.is_rewarded();
                }
                patience.pause(error)?;
            }
        }
    }
}

fn copy_once(
    server: &Server,
    remote: &Remote,
    at: &mut u64,
    out: &mut dyn Write,
    place: &str,
    see: &mut dyn FnMut(u64),
) -> Result<(), ClientError> {
    let mut ask = Ask::get(remote.path.clone());
    if *at > 0 {
        ask = ask.with("range", format!("bytes={at}-"));
        if let Some(hash) = remote.hash {
            ask = ask.with("if-range", format!("\"{hash}\""));
        }
    }

    let response = server.ask(&ask)?;
    if let (Some(hash), Some(tag)) = (remote.hash, header(response.headers(), "etag"))
        && tag.trim_matches('"') != hash.to_string()
    {
        return Err(ClientError::NotPossible {
            words: "the output was written anew meanwhile".into(),
            hint: Some("the same command fetches the new one".into()),
        });
    }

    // Whoever answers without a part sends everything from the beginning.
    let is_part = response.status() == StatusCode::PARTIAL_CONTENT;
    if is_part && first_byte(header(response.headers(), "content-range")) != Some(*at) {
        return Err(server.strange("it sent another part than was asked for".into()));
    }
    let mut skip = if is_part { 0 } else { *at };

    let length = response.body().content_length();
    let mut body = response.into_body().into_with_config().limit(u64::MAX).reader();
    let mut piece = vec![0; PIECE];
    let mut came = 0;
    loop {
        let read = match body.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(server.broken(&error)),
        };
        came += read as u64;

        let old = skip.min(read as u64);
        skip -= old;
        let new = &piece[sheaf_common::fit::size(old)..read];
        let wrote = |source| ClientError::Write { place: place.into(), source };
        out.write_all(new).map_err(wrote)?;
        *at += new.len() as u64;
        see(*at);
    }

    // Some servers close a connection early without an error.
    match length {
        Some(length) if came < length => Err(server.away("the connection broke".into())),
        _ => Ok(()),
    }
}

/// `bytes 5-9/10` → 5.
fn first_byte(range: Option<&str>) -> Option<u64> {
    range?.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

/// Fetches an output to a place; what is there is replaced, and keeps its mode. Returns its size.
///
/// # Errors
/// Those of the service and of the disk; [`ClientError::Damaged`] when the hash is wrong twice.
pub fn fetch(
    server: &Server,
    id: &JobId,
    index: usize,
    output: &OutputFile,
    place: &Path,
    see: &mut dyn FnMut(u64),
) -> Result<u64, ClientError> {
    let remote = Remote::output(id, index, output);
    let name = printed(place);
    if is_flow(place) {
        let wrote = |source| ClientError::Write { place: name.clone(), source };
        let mut pipe = OpenOptions::new().write(true).open(place).map_err(wrote)?;
        return pour(server, &remote, &mut pipe, &name, see);
    }

    for _ in 0..2 {
        let wrote = |source| ClientError::Write { place: name.clone(), source };
        let mut partial = Partial::open(place, output)?;
        let at = partial.size;
        let size = copy(server, &remote, at, &mut partial, &name, see)?;

        if partial.is_right(output, size) {
            partial.put().map_err(wrote)?;
            return Ok(size);
        }

        // Bytes of an earlier attempt may be the damaged ones, so the next one begins anew.
        fs::remove_file(&partial.path).map_err(wrote)?;
    }

    Err(ClientError::Damaged(output.name.clone()))
}

/// Writes an output to a pipe: what is written there cannot be taken back.
///
/// # Errors
/// As for [`fetch`].
pub fn pour(
    server: &Server,
    remote: &Remote,
    out: &mut dyn Write,
    place: &str,
    see: &mut dyn FnMut(u64),
) -> Result<u64, ClientError> {
    let mut hashed = Hashed { out, hasher: Sha256::new() };
    let size = copy(server, remote, 0, &mut hashed, place, see)?;
    let found: [u8; 32] = hashed.hasher.finalize().into();
    out.flush().map_err(|source| ClientError::Write { place: place.into(), source })?;

    match remote.hash {
        Some(hash) if hash.0 != found => Err(ClientError::Damaged(place.into())),
        _ => Ok(size),
    }
}

/// Hashes what goes through it.
struct Hashed<'a> {
    out: &'a mut dyn Write,
    hasher: Sha256,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// An unfinished download. It stays when it is dropped, so that it can go on.
struct Partial {
    place: PathBuf,
    path: PathBuf,
    /// Locked, so that two commands do not write one file.
    file: Flock<File>,
    hasher: Sha256,
    size: u64,
}

/// The name of an unfinished download: hidden, beside its place, with the hash of the whole.
pub fn partial_name(place: &Path, hash: Hash) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(place.file_name().unwrap_or_default());
    name.push(format!(".{}.unfinished", &hash.to_string()[..16]));
    place.with_file_name(name)
}

impl Partial {
    fn open(target: &Path, output: &OutputFile) -> Result<Self, ClientError> {
        let shown = printed(target);
        let wrote = |source| ClientError::Write { place: shown.clone(), source };

        let place = followed(target).map_err(wrote)?;
        if place.is_dir() {
            return Err(wrote(io::Error::other("it is a folder")));
        }
        let path = partial_name(&place, output.sha256);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(wrote)?;
        let file = Flock::lock(file, FlockArg::LockExclusiveNonblock)
            .map_err(|_| wrote(io::Error::other("another command is fetching it")))?;

        let mut partial = Partial { place, path, file, hasher: Sha256::new(), size: 0 };
        partial.take_in(output.bytes).map_err(wrote)?;

        Ok(partial)
    }

    /// Hashes what an earlier attempt left. More than there should be cannot be a part of it.
    fn take_in(&mut self, most: u64) -> io::Result<()> {
        if self.file.metadata()?.len() > most {
            self.file.set_len(0)?;
        }

        self.size = io::copy(&mut &*self.file, &mut HashOnly(&mut self.hasher))?;
        self.file.seek(SeekFrom::Start(self.size))?;

        Ok(())
    }

    fn is_right(&self, output: &OutputFile, size: u64) -> bool {
        let found: [u8; 32] = self.hasher.clone().finalize().into();
        size == output.bytes && found == output.sha256.0
    }

    /// Renames the file to its place, and syncs it to disk.
    fn put(self) -> io::Result<()> {
        if let Ok(replaced) = fs::metadata(&self.place) {
            take_after(&self.file, &replaced)?;
        }

        // Opened first: if this fails, the file must not be in its place.
        let folder = File::open(folder_of(&self.place))?;
        self.file.sync_all()?;
        fs::rename(&self.path, &self.place)?;
        folder.sync_all()
    }
}

impl Write for Partial {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Takes bytes into a hash.
struct HashOnly<'a>(&'a mut Sha256);

impl Write for HashOnly<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_download_is_hidden_beside_its_place() {
        let name = partial_name(Path::new("out/final.xlsx"), Hash([0xab; 32]));
        assert_eq!(name, Path::new("out/.final.xlsx.abababababababab.unfinished"));
    }

    #[test]
    fn a_range_says_its_first_byte() {
        assert_eq!(first_byte(Some("bytes 5-9/10")), Some(5));
        assert_eq!([first_byte(None), first_byte(Some("bytes */10"))], [None; 2]);
    }
}
