//! The hashes of files, by several threads.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sha2::{Digest, Sha256};
use sheaf_common::problem::FileProblem;
use sheaf_worker::extract::Pieces;

use super::meter::Counters;
use crate::api::Hash;
use crate::discover::{Source, Sources};

/// The fewest and the most threads: a disk gains from a second one, and rarely from a tenth.
const THREADS: (usize, usize) = (2, 8);
/// How many bytes are read at once.
const PIECE: usize = 256 << 10;

/// The hashes of consecutive files, or why they cannot be read.
pub fn hash(
    sources: &Sources,
    range: Range<usize>,
    memory: u64,
    counters: &Counters,
) -> Vec<Result<Hash, FileProblem>> {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = cores.clamp(THREADS.0, THREADS.1).min(range.len());

    // Each thread takes the next file that nobody has.
    let next = AtomicUsize::new(range.start);
    let all = Mutex::new(vec![None; range.len()]);
    let work = || {
        let mut piece = vec![0; PIECE];
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= range.end {
                return;
            }

            let source = sources.get(index);
            let hashed = match source.problem {
                Some(problem) => Err(problem.clone()),
                None => hash_file(&source, memory, &mut piece, counters),
            };
            all.lock().expect("no thread panics")[index - range.start] = Some(hashed);
        }
    };

    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });

    let all = all.into_inner().expect("no thread panics");
    all.into_iter().map(|hashed| hashed.expect("each file was taken")).collect()
}

fn hash_file(
    source: &Source<'_>,
    memory: u64,
    piece: &mut [u8],
    counters: &Counters,
) -> Result<Hash, FileProblem> {
    let mut pieces = Pieces::open(&source.path, source.size, source.modified_ns, memory, 0)?;
    let mut hasher = Sha256::new();
    loop {
        match pieces.read(piece)? {
            0 => return Ok(Hash(hasher.finalize().into())),
            read => {
                hasher.update(&piece[..read]);
                counters.hashed(read as u64);
            }
        }
    }
}

/// The hash of one file as it is now.
pub fn hash_again(source: &Source<'_>, memory: u64) -> Result<Hash, FileProblem> {
    hash_file(source, memory, &mut vec![0; PIECE], &Counters::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::{Filter, Input, Request, discover};
    use sheaf_common::problem::ProblemKind;

    #[test]
    fn every_file_has_its_hash_or_problem() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..20 {
            std::fs::write(folder.path().join(number.to_string()), number.to_string()).unwrap();
        }
        std::os::unix::fs::symlink("absent", folder.path().join("20")).unwrap();

        let inputs = [Input::Path(folder.path().into())];
        let request =
            Request { inputs: &inputs, filter: &Filter::default(), own: &[], per_file: None };
        let sources = discover(&request, &mut std::io::empty()).unwrap();
        std::fs::write(folder.path().join("3"), "changed").unwrap();

        let counters = Counters::default();
        let hashes = hash(&sources, 1..21, 1 << 30, &counters);
        assert_eq!(hashes.len(), 20);
        assert_eq!(hashes[0], Ok(Hash(Sha256::digest("1").into())));
        assert_eq!(hashes[18], Ok(Hash(Sha256::digest("19").into())));

        let kind = |index: usize| hashes[index].as_ref().unwrap_err().kind();
        assert_eq!((kind(2), kind(19)), (ProblemKind::Changed, ProblemKind::Gone));
    }
}
