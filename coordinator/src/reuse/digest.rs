//! SHA-256 of contents, and of everything else that decides rows or segments.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sheaf_common::codec::Codec;
use sheaf_common::problem::FileProblem;
use sheaf_common::task::SourceFile;
use sheaf_worker::extract;

/// A SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest(pub [u8; 32]);

/// Takes bytes and numbers, and gives the digest of all.
#[derive(Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Takes bytes. Their number is not taken: see [`Hasher::number`].
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub fn number(&mut self, number: u64) {
        self.0.update(number.to_le_bytes());
    }

    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl Digest {
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::default();
        hasher.bytes(bytes);
        hasher.finish()
    }

    /// The digest of a file's content, if the file is as it was listed. `None` if it is not, cannot
    /// be read, or `stop` was set.
    pub fn of_file(file: &SourceFile, stop: &AtomicBool) -> Option<Self> {
        let mut hasher = Hasher::default();
        let read = extract::read_in_chunks(file, &mut |chunk| {
            hasher.bytes(chunk);
            !stop.load(Ordering::Relaxed)
        });

        match read {
            Ok(true) => Some(hasher.finish()),
            Ok(false) | Err(FileProblem::Gone) => None,
            Err(problem) => {
                tracing::debug!(path = %file.path.display(), %problem, "could not be hashed");
                None
            }
        }
    }

    /// The digest of all that decides the rows of a file, within one recipe: its content, how it is
    /// packed, and if the rows show it, its path.
    pub fn of_rows(content: Digest, path: &Path, shows_path: bool) -> Self {
        use std::os::unix::ffi::OsStrExt;

        let mut hasher = Hasher::default();
        hasher.bytes(&content.0);
        hasher.bytes(Codec::of(path).map_or("", Codec::extension).as_bytes());
        hasher.bytes(b"\0");
        if shows_path {
            hasher.bytes(path.as_os_str().as_bytes());
        }

        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_depend_on_content_packing_and_shown_path() {
        let of = |content: &[u8], path: &str, shows_path| {
            Digest::of_rows(Digest::of(content), path.as_ref(), shows_path)
        };

        assert_eq!(of(b"a", "x/1.html", false), of(b"a", "y/2.htm", false));
        assert_ne!(of(b"a", "x", false), of(b"b", "x", false));
        assert_ne!(of(b"a", "x.gz", false), of(b"a", "x", false));
        assert_ne!(of(b"a", "x.gz", false), of(b"a", "x.xz", false));
        assert_ne!(of(b"a", "x", true), of(b"a", "y", true));
    }
}
