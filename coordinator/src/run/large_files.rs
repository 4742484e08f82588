//! The progress within large files: counted by whole files, progress would stand still while one is
//! read.

use std::collections::BTreeMap;

use sheaf_common::fit;
use sheaf_common::numbers::FileIndex;
use sheaf_common::outcome::{FileReport, FileStatus, Outcome, Reading, TaskResult};

use crate::ledger::Position;
use crate::report::UnderWay;

/// The unfinished files that are known to be large, from news or because they gave several slices.
///
/// Half of a file counts as done when it is parsed, the other half as its rows are stored. With one
/// process parsing takes less than half of the time, with many it takes more, as only one can parse
/// a file.
pub struct LargeFiles {
    files: BTreeMap<FileIndex, Part>,
    /// Where this run began, and the end of the last stored unit.
    from: Position,
    end: Position,
}

#[derive(Default)]
struct Part {
    /// Its size when it was discovered.
    size: u64,
    /// Its length in bytes, unpacked.
    length: u64,
    /// The shares that are parsed and stored, each from 0 to 1.
    parsed: f64,
    stored: f64,
    /// How many slices it gave; 0 before it is reported.
    slices: u32,
}

impl LargeFiles {
    /// For a run that begins at `from`.
    pub fn new(from: Position) -> Self {
        LargeFiles { files: BTreeMap::new(), from, end: from }
    }

    /// Learns from an outcome about large files. `size` returns the size of a file by its sequence
    /// number; `None` if there is no such file, as a worker may name any number.
    pub fn heard(&mut self, outcome: &Outcome, size: impl Fn(FileIndex) -> Option<u64>) {
        match &outcome.result {
            TaskResult::Reading(Reading { sequence, parsed, of }) => {
                // Progress never goes back, although news may come late and files may be read
                // twice.
                if let Some(part) = self.part(*sequence, &size) {
                    part.length = *of;
                    part.parsed = part.parsed.max(share(*parsed, *of));
                }
            }
            TaskResult::Extracted(extracted) => {
                extracted.reports.iter().for_each(|report| self.read(report, &size))
            }
            TaskResult::Rendered(_)
            | TaskResult::TaskLost
            | TaskResult::RowsLost(_)
            | TaskResult::NapEnded { .. }
            | TaskResult::ReadAlone { .. }
            | TaskResult::Failed { .. } => {}
        }
    }

    /// Everything before this place is stored.
    pub fn stored(&mut self, end: Position) {
        self.end = end;

        // Files before this place are done.
        self.files = self.files.split_off(&end.file);

        if let Some(part) = self.files.get_mut(&end.file) {
            // Slices that an earlier run stored are no progress of this one.
            let before = if self.from.file == end.file { self.from.slices } else { 0 };
            let stored = end.slices.saturating_sub(before);
            let all = part.slices.saturating_sub(before);
            part.stored = share(stored.into(), all.into());
        }
    }

    /// How much of these files is done.
    pub fn under_way(&self) -> UnderWay {
        let done = |part: &Part, of: u64| fit::floor(of as f64 * (part.parsed + part.stored) / 2.0);

        let mut sum = UnderWay::default();
        for part in self.files.values() {
            sum.bytes = sum.bytes.saturating_add(done(part, part.size));
            sum.read = sum.read.saturating_add(done(part, part.length));
        }

        sum
    }

    fn read(&mut self, report: &FileReport, size: &impl Fn(FileIndex) -> Option<u64>) {
        let FileStatus::Done { slices, .. } = &report.status else {
            // It failed, so the tally alone counts it.
            self.files.remove(&report.sequence);
            return;
        };

        // A file of one slice is small, unless there was news about it.
        if slices.len() < 2 && !self.files.contains_key(&report.sequence) {
            return;
        }

        if let Some(part) = self.part(report.sequence, size) {
            part.length = report.unpacked;
            part.parsed = 1.0;
            part.slices = fit::count(slices.len());
        }
    }

    /// The entry of a file, which is added if it is missing. `None` if the file is done or does not
    /// exist.
    fn part(
        &mut self,
        sequence: FileIndex,
        size: &impl Fn(FileIndex) -> Option<u64>,
    ) -> Option<&mut Part> {
        if sequence < self.end.file {
            return None;
        }

        let size = size(sequence)?;
        Some(self.files.entry(sequence).or_insert_with(|| Part { size, ..Part::default() }))
    }
}

/// The share `part` of `of`, from 0 to 1; 0 if `of` is 0.
fn share(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { (part as f64 / of as f64).min(1.0) }
}

#[cfg(test)]
mod tests {
    use sheaf_common::rows::Slice;

    use super::*;
    use sheaf_common::job::{Class, JobId, TaskId};
    use sheaf_common::numbers::TaskNumber;
    use sheaf_common::outcome::Extracted;
    use sheaf_common::problem::FileProblem;

    /// Each file has 1000 bytes, packed from 4000.
    fn heard(files: &mut LargeFiles, result: TaskResult) -> UnderWay {
        let task = TaskId { job: JobId(1), class: Class::Extract, number: TaskNumber(0) };
        files.heard(&Outcome { task, slot: String::new(), result }, |sequence| {
            (sequence < FileIndex(9)).then_some(1000)
        });
        files.under_way()
    }

    fn reading(sequence: u64, parsed: u64) -> TaskResult {
        TaskResult::Reading(Reading { sequence: FileIndex(sequence), parsed, of: 4000 })
    }

    fn read(sequence: u64, slices: usize) -> TaskResult {
        let slice = Slice { length: 1, rows: 1, ..Slice::default() };
        extracted(sequence, FileStatus::Done { slices: vec![slice; slices], truncated_cells: 0 })
    }

    fn extracted(sequence: u64, status: FileStatus) -> TaskResult {
        let report = FileReport { unpacked: 4000, ..FileReport::new(FileIndex(sequence), status) };

        TaskResult::Extracted(Extracted { reports: vec![report], edition: 0, stashed: None })
    }

    fn at(file: u64, slices: u32) -> Position {
        Position { file: FileIndex(file), slices, ..Position::default() }
    }

    #[test]
    fn parsing_and_storing_each_count_for_half() {
        let mut files = LargeFiles::new(Position::default());
        assert_eq!(heard(&mut files, reading(0, 1000)), UnderWay { bytes: 125, read: 500 });
        assert_eq!(heard(&mut files, read(0, 4)), UnderWay { bytes: 500, read: 2000 });
        assert_eq!(
            heard(&mut files, reading(0, 3000)),
            UnderWay { bytes: 500, read: 2000 },
            "late news"
        );
        files.stored(at(0, 3));
        assert_eq!(files.under_way(), UnderWay { bytes: 875, read: 3500 });
        files.stored(at(1, 0));
        assert_eq!(files.under_way(), UnderWay::default(), "it counts as done");
        assert_eq!(
            heard(&mut files, reading(0, 3000)),
            UnderWay::default(),
            "news of a file that is done"
        );
        assert_eq!(
            heard(&mut files, reading(9, 3000)),
            UnderWay::default(),
            "news of a file that there is not"
        );
    }

    #[test]
    fn small_and_failed_files_are_not_under_way() {
        let mut files = LargeFiles::new(Position::default());
        assert_eq!(heard(&mut files, read(1, 1)), UnderWay::default());
        assert_ne!(heard(&mut files, reading(2, 2000)), UnderWay::default());
        assert_eq!(
            heard(&mut files, extracted(2, FileStatus::Dead(FileProblem::Gone))),
            UnderWay::default()
        );
    }

    #[test]
    fn rows_stored_by_earlier_runs_do_not_count() {
        let mut files = LargeFiles::new(at(5, 6));
        assert_eq!(heard(&mut files, read(5, 8)).bytes, 500);
        files.stored(at(5, 7));
        assert_eq!(files.under_way().bytes, 750);
    }
}
