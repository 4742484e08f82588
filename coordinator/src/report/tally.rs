//! The sums over all files that are done.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sheaf_common::outcome::{FileReport, FileStatus};
use sheaf_common::problem::{FileProblem, ProblemKind};

use super::advice::with_advice;
use super::noticed::Noticed;
use crate::human::shown;

/// The most examples of each kind: files that failed, files without a record, files with replaced
/// characters.
const EXAMPLES: usize = 5;

/// The sums over all files that are done. Its size is bounded, however many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Files that are done, failed ones included.
    pub files: u64,
    /// The sizes of these files when they were discovered: progress and time left follow from
    /// these.
    pub bytes: u64,
    /// Of these, the sizes of files that failed.
    pub unread_bytes: u64,
    /// The bytes that were read of the other files, unpacked: speeds follow from these.
    pub read_bytes: u64,
    pub rows: u64,
    /// Files whose rows, or whose failure, came from an earlier run.
    pub reused: u64,
    pub failed: u64,
    /// Files without a record.
    pub empty: u64,
    /// Texts that are too long for a cell, and the rows of the overflow sheet that hold them.
    pub long_cells: u64,
    pub overflow_rows: u64,
    /// Cells that were cut, with `--long-cells truncate`.
    pub truncated_cells: u64,
    /// How many characters were replaced in decoding, and in how many files.
    pub replaced: u64,
    pub replaced_files: u64,
    /// How many files failed for each kind of problem.
    pub failed_by_kind: BTreeMap<ProblemKind, u64>,
    pub first_failed: First<Failed>,
    /// Paths, safe to show.
    pub first_empty: First<String>,
    pub first_replaced: First<String>,
    /// The sums of the extractor's notes.
    pub noticed: Noticed,
}

/// The first few examples that were added, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct First<T>(Vec<T>);

/// A file that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// Safe to show.
    pub path: String,
    pub problem: FileProblem,
}

impl Failed {
    /// Why it failed, and the option that may help; safe to show.
    pub fn reason(&self) -> String {
        shown(with_advice(&self.problem).as_bytes())
    }
}

impl<T> Default for First<T> {
    fn default() -> Self {
        First(Vec::new())
    }
}

impl<T> First<T> {
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &T> {
        self.0.iter()
    }

    fn add(&mut self, example: impl FnOnce() -> T) {
        if self.0.len() < EXAMPLES {
            self.0.push(example());
        }
    }
}

impl Tally {
    /// Counts a file that is done. `size`: when it was discovered.
    pub fn add(&mut self, path: &[u8], size: u64, report: &FileReport) {
        self.files += 1;
        self.bytes += size;
        self.replaced += report.replaced;

        if report.replaced > 0 {
            self.replaced_files += 1;
            self.first_replaced.add(|| shown(path));
        }

        match &report.status {
            FileStatus::Done { slices, truncated_cells } => {
                let rows = report.status.rows();
                self.rows += rows;

                // Notes of failed files are not summed up: they are about rows that do not exist.
                self.noticed.add(path, &report.notes);
                self.read_bytes += report.unpacked;
                self.truncated_cells += truncated_cells;
                self.long_cells +=
                    slices.iter().map(|slice| u64::from(slice.long_cells)).sum::<u64>();
                self.overflow_rows +=
                    slices.iter().map(|slice| u64::from(slice.overflow)).sum::<u64>();

                if rows == 0 {
                    self.empty += 1;
                    self.first_empty.add(|| shown(path));
                }
            }
            FileStatus::Failed(problem) | FileStatus::Dead(problem) => {
                // Its time says nothing about the time that other files take.
                self.unread_bytes += size;
                self.failed += 1;
                *self.failed_by_kind.entry(problem.kind()).or_default() += 1;
                self.first_failed.add(|| Failed { path: shown(path), problem: problem.clone() });
            }
        }
    }
}

impl Tally {
    /// Counts a file that was just added as reused: nothing was read of it.
    pub fn is_reused(&mut self, report: &FileReport) {
        self.reused += 1;
        if report.status.problem().is_none() {
            self.read_bytes -= report.unpacked;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use sheaf_common::numbers::{BlockNumber, FileIndex};
    use sheaf_common::rows::Slice;

    use super::*;
    use sheaf_common::notes::{FileNotes, Note, NoteKind};
    use sheaf_common::wire;

    pub fn report(status: FileStatus) -> FileReport {
        let encoding = "UTF-8".into();
        FileReport {
            sequence: FileIndex(0),
            status,
            bytes: 9,
            unpacked: 27,
            encoding,
            replaced: 0,
            attempts: 1,
            started_ms: 0,
            seconds: 0.5,
            notes: FileNotes::default(),
        }
    }

    /// A tally of this many files and bytes, with two rows for each file.
    pub fn so_far(files: u64, bytes: u64) -> Tally {
        Tally { files, bytes, read_bytes: bytes, rows: files * 2, ..Tally::default() }
    }

    pub fn done(rows: u32) -> FileStatus {
        let slice =
            Slice { block: BlockNumber(0), offset: 0, length: 1, rows, overflow: 3, long_cells: 2 };
        FileStatus::Done {
            slices: if rows == 0 { Vec::new() } else { vec![slice, slice] },
            truncated_cells: 1,
        }
    }

    #[test]
    fn every_kind_of_file_is_counted() {
        let mut tally = Tally::default();
        tally.add(b"a", 10, &FileReport { replaced: 4, ..report(done(5)) });
        tally.add(b"b", 20, &report(done(0)));
        let killed = FileProblem::Task { reason: "killed\nat the limit".into() };
        tally.add(b"c", 30, &report(FileStatus::Dead(killed)));
        tally.add(b"d\x1b", 0, &FileReport::unreadable(FileIndex(3), FileProblem::Gone));
        assert_eq!(
            (tally.files, tally.bytes, tally.rows, tally.failed, tally.empty),
            (4, 60, 10, 2, 1)
        );
        assert_eq!((tally.read_bytes, tally.unread_bytes), (54, 30));
        assert_eq!((tally.long_cells, tally.overflow_rows, tally.truncated_cells), (4, 6, 2));
        assert_eq!((tally.replaced, tally.replaced_files), (4, 1));
        let failed: Vec<_> =
            tally.first_failed.iter().map(|one| (one.path.clone(), one.reason())).collect();
        let expected = [("c", "killed\\nat the limit"), ("d\\u{1b}", "no longer there")];
        assert_eq!(failed, expected.map(|(path, reason)| (path.into(), reason.into())));
        assert_eq!(tally.failed_by_kind, [(ProblemKind::Gone, 1), (ProblemKind::Task, 1)].into());
    }

    #[test]
    fn the_journal_keeps_notes_of_successful_files_only() {
        let notes =
            FileNotes { noticed: vec![Note::new(NoteKind::Nested, 1, 2)], ..FileNotes::default() };
        let mut tally = Tally::default();
        tally.add(b"a", 1, &FileReport { notes: notes.clone(), ..report(done(1)) });
        tally.add(b"b", 1, &FileReport { notes, ..report(FileStatus::Failed(FileProblem::Gone)) });
        let again: Tally = wire::decode(&wire::encode(&tally)).unwrap();
        assert_eq!(again, tally);
        assert_eq!(again.noticed.kinds().map(|(_, seen)| seen.files).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn only_the_first_examples_are_kept() {
        let mut tally = Tally::default();
        let gone = FileReport::unreadable(FileIndex(0), FileProblem::Gone);
        (0..1000).for_each(|_| tally.add(b"x", 0, &gone));
        assert_eq!((tally.failed, tally.first_failed.iter().len()), (1000, EXAMPLES));
    }
}
