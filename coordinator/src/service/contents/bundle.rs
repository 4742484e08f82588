//! Many small contents in one body: for each `SHA256 LENGTH\n` and its bytes.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::mem::take;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use nix::unistd::syncfs;
use sha2::{Digest, Sha256};

use super::{Contents, UploadError, blocking, remove};
use crate::api::{Hash, MOST_ASKED};
use crate::service::http::extract::broken;
use crate::service::http::metrics::Metrics;
use crate::service::http::problem::{Answer, Failure};

/// The most bytes of a content in a bundle. Larger ones are sent alone, so that they can be resumed.
pub const LARGEST: u64 = 4 << 20;
/// How many bytes are stored at once.
const BATCH: usize = 8 << 20;
/// The most bytes of a line: hash, space, length, end.
const LINE: usize = 64 + 1 + 20 + 1;

/// A content that came, whatever its hash.
type Came = (Hash, Vec<u8>);

/// Takes contents out of the pieces of a body.
#[derive(Debug, Default)]
struct Parser {
    line: Vec<u8>,
    /// The content whose bytes come, and how many are missing.
    open: Option<(Hash, Vec<u8>, usize)>,
    count: usize,
}

impl Parser {
    /// The contents that are complete with these bytes.
    fn push(&mut self, mut bytes: &[u8], came: &mut Vec<Came>) -> Answer<()> {
        loop {
            if let Some((hash, content, missing)) = &mut self.open {
                let (now, rest) = bytes.split_at(bytes.len().min(*missing));
                content.extend_from_slice(now);
                *missing -= now.len();
                bytes = rest;
                if *missing > 0 {
                    return Ok(());
                }
                came.push((*hash, take(content)));
                self.open = None;
            }

            let end = bytes.iter().position(|byte| *byte == b'\n');
            let (now, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            self.line.extend_from_slice(&now[..now.len().min(LINE)]);
            if self.line.len() >= LINE {
                return Err(self.wrong());
            }
            let Some(rest) = rest.strip_prefix(b"\n") else { return Ok(()) };
            bytes = rest;
            self.open = Some(self.begin()?);
            self.line.clear();
        }
    }

    /// The content that a line announces.
    fn begin(&mut self) -> Answer<(Hash, Vec<u8>, usize)> {
        let line = std::str::from_utf8(&self.line).ok().and_then(|line| line.split_once(' '));
        let Some((hash, length)) = line else { return Err(self.wrong()) };
        let hash = hash.parse().map_err(|_| self.wrong())?;
        let is_number = length.bytes().all(|byte| byte.is_ascii_digit());
        let length: u64 = length.parse().ok().filter(|_| is_number).ok_or_else(|| self.wrong())?;

        let room = usize::try_from(length).ok().filter(|_| length <= LARGEST);
        let Some(room) = room else {
            let detail =
                format!("a file in a bundle may have {LARGEST} bytes, {hash} has {length}");
            return Err(Failure::too_large(detail).hint("send it alone: PUT /v1/contents/{sha256}"));
        };
        self.count += 1;
        if self.count > MOST_ASKED {
            return Err(Failure::bad_request(format!("a bundle may have {MOST_ASKED} files")));
        }

        // What is announced takes no memory before it comes.
        Ok((hash, Vec::new(), room))
    }

    fn wrong(&self) -> Failure {
        let number = self.count + 1;
        Failure::bad_request(format!("file {number} does not begin with `SHA256 LENGTH`"))
    }

    /// Whether the body may end here.
    fn is_between(&self) -> bool {
        self.open.is_none() && self.line.is_empty()
    }
}

/// Stores all contents of a body; returns how many. Those before a failure are stored, too.
///
/// # Errors
/// 400 when the body is no bundle, 408 when it breaks off, 422 when a content has another hash, 507
/// when the disk is full.
pub async fn receive(contents: Arc<Contents>, metrics: &Metrics, mut body: Body) -> Answer<u64> {
    let mut parser = Parser::default();
    let mut came = Vec::new();
    let mut size = 0;
    let mut stored = 0;

    let end = loop {
        let bytes: Bytes = match body.frame().await {
            None if parser.is_between() => break Ok(()),
            None => break Err(Failure::incomplete("the body ended within a file")),
            Some(Err(error)) => break Err(broken(&error)),
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
        };

        size += bytes.len();
        metrics.add_uploaded(bytes.len() as u64);
        if let Err(failure) = parser.push(&bytes, &mut came) {
            break Err(failure);
        }
        if size >= BATCH && !came.is_empty() {
            stored += store(contents.clone(), take(&mut came)).await?;
            size = 0;
        }
    };

    stored += store(contents, came).await?;
    end.map(|()| stored)
}

async fn store(contents: Arc<Contents>, came: Vec<Came>) -> Answer<u64> {
    if came.is_empty() {
        return Ok(0);
    }
    Ok(blocking(move || contents.store(came)).await??)
}

impl Contents {
    /// Stores whole contents; returns how many. Blocks.
    ///
    /// # Errors
    /// The first that has another hash or cannot be written; those before it are stored.
    fn store(&self, came: Vec<Came>) -> Result<u64, UploadError> {
        let bytes = came.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        self.check_space(bytes)?;

        let count = came.len() as u64;
        let mut written = Vec::new();
        let mut failed = None;
        for (hash, bytes) in came {
            match self.write_passing(hash, &bytes) {
                Ok(path) => written.extend(path.map(|path| (hash, path))),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }

        let named = self.name(&written);
        if named.is_err() {
            for (_, path) in &written {
                // What stays is swept when the service starts.
                let _ = remove(path);
            }
        }
        named?;
        failed.map_or(Ok(count), Err)
    }

    /// Writes a content under a passing name; `None`: it is there already.
    fn write_passing(&self, hash: Hash, bytes: &[u8]) -> Result<Option<PathBuf>, UploadError> {
        let actual = Hash(Sha256::digest(bytes).into());
        if actual != hash {
            return Err(UploadError::Hash { expected: hash, actual });
        }
        if self.size(hash)?.is_some() {
            return Ok(None);
        }

        let path = self.passing_of(hash);
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path)?;
        if let Err(error) = file.write_all(bytes) {
            // The error of the write is the one that says why.
            let _ = remove(&path);
            return Err(error.into());
        }
        Ok(Some(path))
    }

    /// Gives written contents their places.
    fn name(&self, written: &[(Hash, PathBuf)]) -> Result<(), UploadError> {
        if written.is_empty() {
            return Ok(());
        }

        // A name without its bytes, after a loss of power, would be taken for a whole content.
        // One call for all: one for each file would take longer than the files.
        syncfs(File::open(&self.folder)?).map_err(std::io::Error::from)?;
        for (hash, path) in written {
            fs::rename(path, self.make_place(*hash)?)?;
            // What came of it by itself is not needed any more.
            if !self.writing().contains(hash) {
                remove(&self.incoming_of(*hash))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8], piece: usize) -> Answer<(Vec<Came>, bool)> {
        let mut parser = Parser::default();
        let mut came = Vec::new();
        for piece in bytes.chunks(piece) {
            parser.push(piece, &mut came)?;
        }
        Ok((came, parser.is_between()))
    }

    #[test]
    fn pieces_of_any_size_are_put_together() {
        let (a, b) = (Hash([0xaa; 32]), Hash([0xbb; 32]));
        let body = format!("{a} 5\nab\ncd{b} 0\n{a} 1\n\n");
        for piece in 1..=body.len() {
            let (came, is_between) = parse(body.as_bytes(), piece).unwrap();
            let expected = [(a, b"ab\ncd".to_vec()), (b, vec![]), (a, b"\n".to_vec())];
            assert_eq!(came, expected, "{piece}");
            assert!(is_between);
        }
        assert!(!parse(&body.as_bytes()[..body.len() - 1], 7).unwrap().1);
    }

    #[test]
    fn what_is_no_bundle_is_refused() {
        let hash = Hash([0xaa; 32]);
        let cases = [
            ("hello\n".into(), 400),
            (format!("{hash}\n"), 400),
            (format!("{hash} -1\n"), 400),
            (format!("{hash} +1\n"), 400),
            (format!("{hash} \n"), 400),
            (format!("{hash} 99999999999999999999999\n"), 400),
            ("x".repeat(1000), 400),
            (format!("{hash} {}\n", LARGEST + 1), 413),
        ];
        for (body, status) in cases {
            for piece in [1, 7, 4096] {
                let failure = parse(body.as_bytes(), piece).unwrap_err();
                assert_eq!(failure.problem().status, status, "{body:.100}");
            }
        }
    }
}
