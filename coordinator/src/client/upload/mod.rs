//! Uploads files: hashes them, asks which the service lacks, and sends those.
//!
//! `sources ─▶ hash ══ groups ══▶ ask ─▶ small ones in bundles, large ones alone`
//!
//! Some threads hash a group of files while the one before it is sent. What is in memory does not
//! grow with the sizes of the files, and by 33 bytes with each file.
//!
//! * [`hash`]: the hashes of a group. [`bundle`]: small files in one body. [`large`]: a large file,
//!   which goes on after a cut.

mod bundle;
mod hash;
mod large;
mod listed;
mod meter;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use sheaf_common::problem::FileProblem;

pub use listed::Listed;
pub use meter::Meter;

use super::{ClientError, Patience, Server};
use crate::api::{Hash, MOST_ASKED};
use crate::config::printed;
use crate::discover::Sources;
use crate::human::size;
use bundle::Bundle;

/// The bytes at which a group is full: so that sending begins soon.
const GROUP_BYTES: u64 = 128 << 20;
/// A file of up to this size travels with others.
const SMALL: u64 = 1 << 20;
/// How often progress is looked at while hashes are awaited.
const LOOK: Duration = Duration::from_millis(100);

/// What an upload did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Files and bytes that went over the wire. The same content twice is one.
    pub files: u64,
    pub bytes: u64,
    /// Files and bytes that the service had already, or that are the same as others.
    pub had_files: u64,
    pub had_bytes: u64,
}

/// The upload of some files.
pub struct Upload<'a> {
    server: &'a Server,
    sources: &'a Sources,
    /// The memory that reading one of them may take: larger ones fail without being sent.
    memory: u64,
    hashes: Vec<Option<Hash>>,
    /// Those that were found while hashing and sending.
    problems: HashMap<usize, FileProblem>,
    sent: Sent,
    patience: Patience,
}

/// The hashes of a group, or why it has none.
type Hashed = (Range<usize>, Vec<Result<Hash, FileProblem>>);

impl<'a> Upload<'a> {
    /// Nothing is read or sent yet. `memory`: what reading one file may take.
    pub fn new(server: &'a Server, sources: &'a Sources, memory: u64) -> Self {
        Upload {
            server,
            sources,
            memory,
            hashes: vec![None; sources.len()],
            problems: HashMap::new(),
            sent: Sent::default(),
            patience: Patience::default(),
        }
    }

    /// The files, as a new job lists them.
    pub fn listed(&self) -> Listed<'_> {
        Listed { sources: self.sources, hashes: &self.hashes, problems: &self.problems }
    }

    pub fn sent(&self) -> Sent {
        self.sent
    }

    /// How many files cannot be read, as far as is known.
    pub fn unreadable(&self) -> u64 {
        (0..self.sources.len()).filter(|index| self.hashes[*index].is_none()).count() as u64
    }

    /// Refuses files that the service would refuse after hours of sending.
    ///
    /// # Errors
    /// The first file with more bytes than `largest`.
    pub fn check_sizes(&self, largest: u64) -> Result<(), ClientError> {
        // Larger ones are not sent at all.
        let is_sent = |bytes: u64| bytes <= self.memory / 2;
        let Some(file) = self.sources.iter().find(|file| file.size > largest && is_sent(file.size))
        else {
            return Ok(());
        };

        Err(ClientError::NotPossible {
            words: format!(
                "`{}` has {}, the service takes files of up to {}",
                printed(&file.path),
                size(file.size),
                size(largest)
            ),
            hint: Some("`--exclude` leaves it out; with `--by-path` nothing is uploaded".into()),
        })
    }

    /// Hashes all files, and sends those that the service lacks.
    ///
    /// # Errors
    /// The service is away for too long, or refuses. A file that cannot be read is no error.
    pub fn run(&mut self, meter: &mut Meter) -> Result<(), ClientError> {
        let sources = self.sources;
        let memory = self.memory;
        let counters = meter.counters();

        thread::scope(|scope| {
            // One group ahead of what is sent.
            let (groups_in, groups) = sync_channel::<Hashed>(0);
            scope.spawn(move || {
                for range in groups_of(sources) {
                    let hashed = hash::hash(sources, range.clone(), memory, &counters);
                    if groups_in.send((range, hashed)).is_err() {
                        return; // Sending failed.
                    }
                }
            });

            loop {
                match groups.recv_timeout(LOOK) {
                    Ok((range, hashed)) => {
                        self.take_in(&range, hashed);
                        self.settle(range, meter)?;
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return Ok(()),
                }
                meter.show();
            }
        })
    }

    /// Sends what the service lacks by now, of files that are hashed: it may have removed some.
    ///
    /// # Errors
    /// As for [`Upload::run`].
    pub fn send_again(&mut self, meter: &mut Meter) -> Result<(), ClientError> {
        groups_of(self.sources).try_for_each(|range| self.settle(range, meter))
    }

    fn take_in(&mut self, range: &Range<usize>, hashed: Vec<Result<Hash, FileProblem>>) {
        for (index, hashed) in range.clone().zip(hashed) {
            match hashed {
                Ok(hash) => self.hashes[index] = Some(hash),
                Err(problem) => self.fail(index, problem),
            }
        }
    }

    fn fail(&mut self, index: usize, problem: FileProblem) {
        self.hashes[index] = None;
        self.problems.insert(index, problem);
    }

    /// Sends what the service lacks of a group.
    fn settle(&mut self, range: Range<usize>, meter: &mut Meter) -> Result<(), ClientError> {
        let mut seen = HashSet::new();
        let hashes = range.clone().filter_map(|index| self.hashes[index]);
        let asked: Vec<Hash> = hashes.filter(|hash| seen.insert(*hash)).collect();

        let missing = match asked.is_empty() {
            true => Vec::new(),
            false => self.patience.with(|| self.server.missing(asked.clone()))?,
        };
        let received: HashMap<Hash, u64> =
            missing.iter().map(|content| (content.sha256, content.received)).collect();

        // All files of a content: if one has changed meanwhile, another may have not.
        let mut done: HashSet<Hash> = HashSet::new();
        let mut bundle = Bundle::default();
        for index in range.clone() {
            let size = self.sources.get(index).size;
            let lacks = self.hashes[index].and_then(|hash| Some((hash, *received.get(&hash)?)));
            match lacks {
                Some((hash, received)) if !done.contains(&hash) => {
                    if size <= SMALL {
                        self.add_small(&mut bundle, index, hash, meter);
                    } else {
                        self.send_large(index, hash, received, meter)?;
                    }
                    if self.hashes[index].is_some() {
                        done.insert(hash);
                    }
                }
                Some(_) | None if self.hashes[index].is_some() => {
                    self.sent.had_files += 1;
                    self.sent.had_bytes += size;
                    meter.settle(size);
                }
                _ => meter.settle(size),
            }

            if bundle.is_full() {
                self.send_bundle(&mut bundle, meter)?;
            }
        }

        self.send_bundle(&mut bundle, meter)
    }

    fn add_small(&mut self, bundle: &mut Bundle, index: usize, hash: Hash, meter: &mut Meter) {
        let source = self.sources.get(index);
        if let Err(problem) = bundle.add(&source, hash, self.memory) {
            self.fail(index, problem);
            meter.settle(source.size);
        }
    }

    fn send_bundle(&mut self, bundle: &mut Bundle, meter: &mut Meter) -> Result<(), ClientError> {
        let full = std::mem::take(bundle);
        if full.files == 0 {
            return Ok(());
        }

        self.patience.with(|| full.send(self.server))?;
        self.sent.files += full.files;
        self.sent.bytes += full.bytes;
        meter.settle_many(full.files, full.bytes);

        Ok(())
    }

    fn send_large(
        &mut self,
        index: usize,
        hash: Hash,
        received: u64,
        meter: &mut Meter,
    ) -> Result<(), ClientError> {
        let source = self.sources.get(index);
        let file = large::LargeFile { source: &source, hash, memory: self.memory };

        match large::send(self.server, &file, received, &mut self.patience, meter)? {
            Ok(sent) => {
                self.sent.files += 1;
                self.sent.bytes += sent;
            }
            Err(problem) => self.fail(index, problem),
        }
        meter.settle(source.size);

        Ok(())
    }
}

/// Consecutive files whose hashes fit one question, and whose bytes are soon hashed.
fn groups_of(sources: &Sources) -> impl Iterator<Item = Range<usize>> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let first = next;
        let mut bytes = 0;
        while next < sources.len() && next - first < MOST_ASKED && bytes < GROUP_BYTES {
            bytes += sources.get(next).size;
            next += 1;
        }

        (next > first).then_some(first..next)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_hold_every_file_once() {
        let large = Some(GROUP_BYTES);
        let sources = Sources::example(&[Some(1), large, Some(2), None, large, large]);
        let groups: Vec<_> = groups_of(&sources).collect();
        assert_eq!(groups, [0..2, 2..5, 5..6]);

        let many = Sources::example(&vec![Some(0); MOST_ASKED + 1]);
        let groups: Vec<_> = groups_of(&many).collect();
        assert_eq!(groups, [0..MOST_ASKED, MOST_ASKED..MOST_ASKED + 1]);
        assert_eq!(groups_of(&Sources::default()).count(), 0);
    }
}
