//! Where committed units go: the spool, the files' own workbooks, the job log, the tally.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;

use sheaf_common::outcome::{Outcome, Segment};
use sheaf_common::task::RowsKey;
use sheaf_common::wire;

use super::large_files::LargeFiles;
use super::own_workbooks::{OwnWorkbooks, own_sheet};
use crate::discover::Sources;
use crate::ledger::{Commit, Position};
use crate::report::{JobLine, JobLog, Progress, Tally};
use crate::spool::{Spool, SpoolError};

/// Why a unit could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error("could not write the job log")]
    JobLog(#[source] std::io::Error),
    #[error("{0:#}")]
    OwnWorkbook(anyhow::Error),
}

/// Everything that a commit is written to.
pub struct Store<'a> {
    pub spool: Spool,
    pub sources: &'a Sources,
    pub own_workbooks: Option<OwnWorkbooks<'a>>,
    pub joblog: Option<JobLog>,
    pub progress: Progress,
    /// What is stored so far, earlier runs of the job included.
    pub tally: Tally,
    /// Where the last unit ends.
    pub end: Position,
    /// The files that take so long that it is shown how far they are.
    pub large_files: LargeFiles,
    /// Rows that the queue may drop.
    pub forgettable: Vec<RowsKey>,
}

impl Store<'_> {
    /// Stores a unit, in an order that lets a later run go on after a crash between any two steps:
    /// what is written before the journal's entry is written again, and the same.
    pub fn commit(&mut self, commit: Commit) -> Result<(), StoreError> {
        let Commit { files, segments, end, forget } = commit;

        // The files' own workbooks need theirs at once, the outputs at the end of the job.
        let (own, shared): (Vec<Segment>, Vec<Segment>) =
            segments.into_iter().partition(|segment| own_sheet(segment.stream).is_some());
        self.spool.append(&shared)?;

        let mut spooled = Vec::new();
        if let Some(workbooks) = &mut self.own_workbooks {
            let mut of_file: BTreeMap<u64, Vec<Segment>> = BTreeMap::new();
            for segment in own {
                let (sequence, _) = own_sheet(segment.stream).expect("parted by it");
                of_file.entry(sequence).or_default().push(segment);
            }

            // A file that is in several units is gathered in the spool; most are in one, and never
            // get there.
            for (sequence, segments) in &of_file {
                if *sequence >= end.file || self.spool.has_file(*sequence) {
                    self.spool.append(segments)?;
                }
            }

            spooled =
                workbooks.write(&files, &of_file, &self.spool).map_err(StoreError::OwnWorkbook)?;
        }

        for file in &files {
            let source = self.sources.get(file.report.sequence as usize);
            let path = source.path.as_os_str().as_bytes();
            self.tally.add(path, source.size, &file.report);

            if let Some(joblog) = &mut self.joblog {
                let report = &file.report;
                let line = JobLine { sequence: report.sequence, path, report, slot: &file.slot };
                joblog.write(&line).map_err(StoreError::JobLog)?;
            }
        }

        if let Some(joblog) = &mut self.joblog {
            joblog.flush().map_err(StoreError::JobLog)?;
        }

        // With this the unit counts: all that it gave is written.
        self.spool.confirm(end, spooled, wire::encode(&self.tally))?;

        self.end = end;
        self.large_files.stored(end);
        self.forgettable.extend(forget);

        Ok(())
    }

    /// Takes note of how far an outcome says that files are.
    pub fn heard(&mut self, outcome: &Outcome) {
        let sources = self.sources;
        let index =
            |sequence: u64| usize::try_from(sequence).ok().filter(|index| *index < sources.len());

        self.large_files
            .heard(outcome, |sequence| index(sequence).map(|index| sources.get(index).size));
    }

    /// Lets the progress be shown.
    pub fn tick(&mut self) {
        self.progress.update(&self.tally, self.large_files.under_way());
    }

    /// Says at once how far the run is.
    pub fn tell(&mut self) {
        self.progress.tell(&self.tally, self.large_files.under_way());
    }

    /// The rows that the queue may drop now.
    pub fn take_forgettable(&mut self) -> Vec<RowsKey> {
        std::mem::take(&mut self.forgettable)
    }

    /// Takes back rows that the queue could not drop: they are tried again the next time.
    pub fn forget_later(&mut self, rows: Vec<RowsKey>) {
        self.forgettable.extend(rows);
    }
}
