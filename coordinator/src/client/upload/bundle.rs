//! Small files in one body.

use sha2::{Digest, Sha256};
use sheaf_common::problem::{Changed, FileProblem};
use sheaf_worker::extract::Pieces;
use ureq::http::Method;

use crate::api::{Hash, StoredContents};
use crate::client::ClientError;
use crate::client::http::{Ask, Server};
use crate::discover::Source;

/// The bytes and the files at which a body is full.
const BYTES: usize = 8 << 20;
const FILES: u64 = 1000;

/// Files as the service takes them: `SHA256 LENGTH\n` and the bytes, one after the other.
#[derive(Debug, Default)]
pub struct Bundle {
    body: Vec<u8>,
    pub files: u64,
    /// Of the files themselves.
    pub bytes: u64,
}

impl Bundle {
    pub fn is_full(&self) -> bool {
        self.body.len() >= BYTES || self.files >= FILES
    }

    /// Adds a file.
    ///
    /// # Errors
    /// It cannot be read, or has no longer this hash. Nothing is added then.
    pub fn add(&mut self, source: &Source<'_>, hash: Hash, memory: u64) -> Result<(), FileProblem> {
        let before = self.body.len();
        self.body.extend_from_slice(format!("{hash} {}\n", source.size).as_bytes());

        let added = self.read_in(source, hash, memory);
        match added {
            Ok(bytes) => {
                self.files += 1;
                self.bytes += bytes;
            }
            Err(_) => self.body.truncate(before),
        }

        added.map(drop)
    }

    fn read_in(
        &mut self,
        source: &Source<'_>,
        hash: Hash,
        memory: u64,
    ) -> Result<u64, FileProblem> {
        let mut pieces = Pieces::open(&source.path, source.size, source.modified_ns, memory, 0)?;
        let begin = self.body.len();
        let mut piece = [0; 64 << 10];
        loop {
            match pieces.read(&mut piece)? {
                0 => break,
                read => self.body.extend_from_slice(&piece[..read]),
            }
        }

        // Written over in place, with the time set back.
        let bytes = &self.body[begin..];
        if Hash(Sha256::digest(bytes).into()) != hash {
            return Err(FileProblem::Changed(Changed::SinceListed));
        }

        Ok(bytes.len() as u64)
    }

    /// Sends the files. Sending them twice does no harm.
    ///
    /// # Errors
    /// Those of the service.
    pub fn send(&self, server: &Server) -> Result<(), ClientError> {
        let ask = Ask::new(Method::POST, "/v1/contents")
            .with("content-type", "application/octet-stream")
            .with("content-length", self.body.len().to_string());

        let response = server.send(&ask, ureq::SendBody::from_reader(&mut &self.body[..]))?;
        let stored: StoredContents = server.read_json(response)?;
        match stored.stored == self.files {
            true => Ok(()),
            false => {
                Err(server.strange(format!("it stored {} of {} files", stored.stored, self.files)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stand_behind_their_hashes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "text").unwrap();
        let source = Source { path, size: 4, modified_ns: 0, problem: None };
        let hash = Hash(Sha256::digest("text").into());

        let mut bundle = Bundle::default();
        bundle.add(&source, hash, 1 << 20).unwrap();
        let changed = bundle.add(&source, Hash([0; 32]), 1 << 20);
        assert_eq!(changed, Err(FileProblem::Changed(Changed::SinceListed)));
        bundle.add(&source, hash, 1 << 20).unwrap();

        let one = format!("{hash} 4\ntext");
        assert_eq!(bundle.body, format!("{one}{one}").as_bytes());
        assert_eq!((bundle.files, bundle.bytes), (2, 8));
    }
}
