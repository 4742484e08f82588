//! One content that comes. All of this blocks.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use axum::body::Bytes;
use sha2::{Digest, Sha256};

use super::{Contents, remove};
use crate::api::Hash;
use crate::service::disk::is_full;
use crate::service::http::problem::Failure;

/// How much is read at once.
const PIECE: usize = 1 << 20;

/// Why a content cannot be stored.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    #[error("somebody else sends this content")]
    Busy,
    /// This many bytes have come.
    #[error("{0} bytes have come")]
    Offset(u64),
    #[error("the bytes have the SHA-256 {actual}")]
    Hash { expected: Hash, actual: Hash },
    #[error("a file may have {0} bytes")]
    TooLarge(u64),
    #[error("the disk is full")]
    Full,
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for UploadError {
    fn from(error: io::Error) -> Self {
        if is_full(&error) { UploadError::Full } else { UploadError::Io(error) }
    }
}

impl From<UploadError> for Failure {
    fn from(error: UploadError) -> Failure {
        match error {
            UploadError::Busy => Failure::busy(error.to_string())
                .hint("ask again whether it is missing, when they are done"),
            UploadError::Offset(received) => Failure::wrong_offset(received),
            UploadError::Hash { expected, actual } => Failure::wrong_hash(expected, actual),
            UploadError::TooLarge(_) => Failure::too_large(error.to_string())
                .hint("the service may be given a larger `--largest-file`"),
            UploadError::Full => Failure::disk_full("the disk of the service is full"),
            UploadError::Io(error) => Failure::internal("storing a file", error),
        }
    }
}

/// How an upload begins.
#[derive(Debug)]
pub enum Begun {
    /// The content is there already.
    Whole,
    Upload(Upload),
}

/// How an upload ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The content is whole.
    Whole,
    /// Bytes are missing: what came is kept.
    Short { received: u64 },
}

/// A content that comes. Nobody else writes it meanwhile. What has come stays when this goes.
#[derive(Debug)]
pub struct Upload {
    claim: Claim,
    path: PathBuf,
    file: File,
    hasher: Sha256,
    received: u64,
    /// The size of the whole content, if the client said it.
    total: Option<u64>,
}

impl Upload {
    /// Begins to receive a content of `total` bytes at `offset`: at 0 it begins anew, otherwise it
    /// goes on, which reads what is there.
    ///
    /// # Errors
    /// When somebody else writes it, other bytes have come than `offset`, or there is no room.
    pub fn begin(
        contents: &Arc<Contents>,
        hash: Hash,
        offset: u64,
        total: Option<u64>,
    ) -> Result<Begun, UploadError> {
        if total.is_some_and(|total| total > contents.limits.largest) {
            return Err(UploadError::TooLarge(contents.limits.largest));
        }

        let is_free = contents.writing().insert(hash);
        if !is_free {
            return Err(UploadError::Busy);
        }
        let claim = Claim { contents: contents.clone(), hash };

        if contents.size(hash)?.is_some() {
            return Ok(Begun::Whole);
        }
        contents.check_space(total.unwrap_or(0).saturating_sub(offset))?;

        let path = contents.incoming_of(hash);
        let mut options = OpenOptions::new();
        options.create(true).read(true).write(true).truncate(offset == 0).mode(0o600);
        let mut file = options.open(&path)?;
        let (hasher, received) = hashed(&mut file)?;
        if received != offset {
            return Err(UploadError::Offset(received));
        }

        Ok(Begun::Upload(Upload { claim, path, file, hasher, received, total }))
    }

    /// Stores the next bytes.
    ///
    /// # Errors
    /// When the content becomes too large, or the disk full.
    pub fn write(&mut self, pieces: &[Bytes]) -> Result<(), UploadError> {
        let more = pieces.iter().map(|piece| piece.len() as u64).sum();
        let limit = self.total.unwrap_or(self.claim.contents.limits.largest);
        if self.received.saturating_add(more) > limit {
            return Err(UploadError::TooLarge(limit));
        }
        self.claim.contents.check_space(more)?;

        for piece in pieces {
            if let Err(error) = self.file.write_all(piece) {
                // A part of the piece may be there; it ends where the hash does.
                let _ = self.file.set_len(self.received);
                return Err(error.into());
            }
            self.hasher.update(piece);
            self.received += piece.len() as u64;
        }

        Ok(())
    }

    /// The body came to its end: if these are all bytes, and they have the right hash, the content
    /// gets its place.
    ///
    /// # Errors
    /// When they have another hash: then they are removed.
    pub fn end(self) -> Result<Ended, UploadError> {
        let received = self.received;
        if self.total.is_some_and(|total| received < total) {
            return Ok(Ended::Short { received });
        }

        let actual = Hash(self.hasher.clone().finalize().into());
        if actual != self.claim.hash {
            remove(&self.path)?;
            return Err(UploadError::Hash { expected: self.claim.hash, actual });
        }

        // A name without its bytes, after a loss of power, would be taken for a whole content.
        self.file.sync_data()?;
        fs::rename(&self.path, self.claim.contents.make_place(self.claim.hash)?)?;
        Ok(Ended::Whole)
    }
}

/// The right to write a content.
#[derive(Debug)]
struct Claim {
    contents: Arc<Contents>,
    hash: Hash,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.contents.writing().remove(&self.hash);
    }
}

impl Contents {
    pub(super) fn writing(&self) -> std::sync::MutexGuard<'_, std::collections::HashSet<Hash>> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The state of the hash after all bytes of a file, and their number.
fn hashed(file: &mut File) -> io::Result<(Sha256, u64)> {
    let mut hasher = Sha256::new();
    let mut length = 0;
    if file.metadata()?.len() == 0 {
        return Ok((hasher, length));
    }

    let mut piece = vec![0; PIECE];
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            return Ok((hasher, length));
        }
        hasher.update(&piece[..count]);
        length += count as u64;
    }
}
