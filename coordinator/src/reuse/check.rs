//! Finds out which files are reused, ahead of the plan.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use sheaf_common::job::{Class, JobId, TaskId};
use sheaf_common::numbers::{FileIndex, TaskNumber};
use sheaf_common::outcome::FileStatus;
use sheaf_common::task::{Extract, SourceFile, SourcePath, Task, Work};

use super::digest::Digest;
use super::entry::Entry;
use super::{Found, Reuser};
use crate::discover::Source;
use crate::run::Contents;

/// How many files are checked before the result is told, and how long that may take.
const AT_ONCE: usize = 1024;
const AT_LEAST_EVERY: Duration = Duration::from_millis(100);

/// How many files may be found that are not committed: the check waits for the run.
const MOST_FOUND: usize = 1 << 15;
const PAUSE: Duration = Duration::from_millis(10);

/// What the check found out: of the files before `before`, these are reused, beside those of
/// earlier messages.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Checked {
    pub before: FileIndex,
    /// In ascending order.
    pub reused: Vec<FileIndex>,
}

impl Reuser {
    /// Checks the files from `first` on, and passes the results to `tell`, until the last is checked
    /// or the run is stopped. It may read files, so it blocks.
    pub fn check(self: &Arc<Self>, first: FileIndex, mut tell: impl FnMut(Checked)) {
        let mut checked = Checked { before: first, reused: Vec::new() };
        let mut told = Instant::now();
        let mut since = 0;

        for index in first.index()..self.sources.len() {
            let file = FileIndex::at(index);
            while self.state().found.len() >= MOST_FOUND {
                tell(std::mem::replace(&mut checked, next(file)));
                std::thread::sleep(PAUSE);
                if self.stop.load(Ordering::Relaxed) {
                    return;
                }
            }
            if self.stop.load(Ordering::Relaxed) {
                return;
            }

            if let Some(found) = self.find(file) {
                self.state().found.insert(file, found);
                checked.reused.push(file);
            }

            checked.before = file.next();
            since += 1;
            if since >= AT_ONCE || told.elapsed() >= AT_LEAST_EVERY {
                tell(std::mem::replace(&mut checked, next(file.next())));
                told = Instant::now();
                since = 0;
            }
        }

        tell(checked);
    }

    /// Where an earlier run has a file.
    fn find(&self, file: FileIndex) -> Option<Found> {
        let source = self.sources.get(file.index());
        if source.problem.is_some() {
            return None;
        }

        let path = SourcePath::from(source.path.as_path());
        let content = self.content(file, &source, &path);
        let Some(content) = content else { return self.find_failed(&source, &path) };

        self.state().contents.insert(file, content);
        let decides = Digest::of_rows(content, &source.path, self.shows_path());
        let found = self.earlier.iter().enumerate().find_map(|(earlier, kept)| {
            let entry = kept.with_rows(&decides)?;
            self.may_use(&kept.entry(entry)?).then_some(Found { earlier, entry })
        });

        found.or_else(|| self.find_failed(&source, &path))
    }

    /// Where a file stands that failed, has not changed, and is not read again.
    fn find_failed(&self, source: &Source<'_>, path: &SourcePath) -> Option<Found> {
        self.earlier.iter().enumerate().find_map(|(earlier, kept)| {
            let number = kept.with_path(path)?;
            let entry = kept.entry(number)?;
            let is_it = is_as_listed(&entry, source, path)
                && entry.report.status.problem().is_some()
                && self.may_use(&entry);

            is_it.then_some(Found { earlier, entry: number })
        })
    }

    /// Whether the outcome of an earlier run stands.
    fn may_use(&self, entry: &Entry) -> bool {
        match &entry.report.status {
            FileStatus::Done { .. } => true,
            FileStatus::Failed(problem) | FileStatus::Dead(problem) => {
                !self.again.includes(problem.kind())
            }
        }
    }

    /// The digest of a file's content, if an earlier run may have it. Reads the file only if size
    /// and time do not tell.
    fn content(&self, file: FileIndex, source: &Source<'_>, path: &SourcePath) -> Option<Digest> {
        if let Contents::Stored { hashes, .. } = &self.contents {
            return Some(Digest(hashes[file.index()]));
        }

        let known = self.earlier.iter().find_map(|kept| {
            let entry = kept.entry(kept.with_path(path)?)?;
            let is_it = entry.is_settled && is_as_listed(&entry, source, path);
            entry.content.filter(|_| is_it)
        });

        // A file of another size than all of them has another content.
        let is_candidate = || self.earlier.iter().any(|kept| kept.has_size(source.size));
        known.or_else(|| is_candidate().then(|| self.read(file, source))?)
    }

    /// Reads a file for its digest; `None` if it is not as it was listed.
    fn read(&self, file: FileIndex, source: &Source<'_>) -> Option<Digest> {
        let listed = SourceFile::at_path(file, &source.path, source.size, source.modified_ns);
        let located = self.contents.locate(alone(Arc::clone(&self.spec), listed));

        let Work::Extract(extract) = located.work else { return None };
        Digest::of_file(extract.files.first()?, &self.stop)
    }
}

fn next(before: FileIndex) -> Checked {
    Checked { before, reused: Vec::new() }
}

/// Whether a file has the path, size and time of an entry.
fn is_as_listed(entry: &Entry, source: &Source<'_>, path: &SourcePath) -> bool {
    entry.path == *path && (entry.size, entry.modified) == (source.size, source.modified_ns)
}

/// A task of one file, which never reaches a queue: it says where the file is.
fn alone(spec: Arc<sheaf_common::job::JobSpec>, file: SourceFile) -> Task {
    let id = TaskId { job: JobId(0), class: Class::Extract, number: TaskNumber(0) };
    Task { id, work: Work::Extract(Extract { spec, files: vec![file] }) }
}
