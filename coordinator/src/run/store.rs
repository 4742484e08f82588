//! Stores committed units in the spool, the files' own workbooks, the job log and the tally.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use sheaf_common::numbers::{FileIndex, UnitNumber};
use sheaf_common::outcome::Segment;
use sheaf_common::wire;

use super::own_workbooks::OwnWorkbooks;
use crate::config::RunConfig;
use crate::discover::Sources;
use crate::ledger::{Commit, FileDone, Position};
use crate::report::{JobLine, JobLog, Tally};
use crate::reuse::{self, Reuser};
use crate::spool::{Resume, Spool, SpoolError};

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

/// Stores the units of a run, in their order.
pub trait Commits: Send {
    /// Stores a unit for good.
    ///
    /// # Errors
    /// When it cannot be stored. The run must end then.
    fn commit(&mut self, commit: Commit) -> Result<(), StoreError>;

    /// The tally of everything stored, by this run and earlier ones of the job.
    fn tally(&self) -> &Tally;
}

/// Everything that a unit is written to.
pub struct Store<'a> {
    spool: Spool,
    sources: &'a Sources,
    own_workbooks: Option<OwnWorkbooks<'a>>,
    joblog: Option<JobLog>,
    tally: Tally,
    /// Where the last unit ends.
    end: Position,
    /// The number of the next unit of this run.
    unit: UnitNumber,
    reuser: Option<Arc<Reuser>>,
}

impl<'a> Store<'a> {
    /// Goes on at `resume` in `spool`, with what earlier runs stored.
    ///
    /// # Errors
    /// When the job log or the folder of workbooks cannot be opened, or the spool's notes cannot be
    /// read.
    pub fn open(
        config: &'a RunConfig,
        sources: &'a Sources,
        spool: Spool,
        resume: Resume,
    ) -> anyhow::Result<Self> {
        let Resume { position: end, notes } = resume;

        // No notes: no unit is stored yet.
        let tally = if notes.is_empty() { Tally::default() } else { wire::decode(&notes)? };

        let own_workbooks = config
            .per_file
            .as_deref()
            .map(|folder| OwnWorkbooks::new(folder, &config.spec, sources, end.file))
            .transpose()?;
        let joblog =
            config.joblog.as_deref().map(|path| JobLog::open(path, end.file)).transpose()?;

        let unit = UnitNumber::default();
        Ok(Store { spool, sources, own_workbooks, joblog, tally, end, unit, reuser: None })
    }

    /// Tells this of each unit that is stored.
    pub fn tell(&mut self, reuser: Arc<Reuser>) {
        self.reuser = Some(reuser);
    }

    pub fn spool(&self) -> &Spool {
        &self.spool
    }

    /// Where the last unit ends.
    pub fn end(&self) -> Position {
        self.end
    }

    /// Ends storing; returns the spool, the tally, and the end of the last unit.
    pub fn close(self) -> (Spool, Tally, Position) {
        (self.spool, self.tally, self.end)
    }

    /// Writes the workbooks of the files that end in a unit, with the unit's segments for them.
    /// Returns the files whose segments the spool may drop.
    fn write_workbooks(
        &mut self,
        files: &[FileDone],
        segments: Vec<Segment>,
        end: Position,
    ) -> Result<Vec<FileIndex>, StoreError> {
        let Some(workbooks) = &mut self.own_workbooks else { return Ok(Vec::new()) };

        let mut of_file: BTreeMap<FileIndex, Vec<Segment>> = BTreeMap::new();
        for segment in segments {
            let sequence = segment.stream.file().expect("a segment of one file");
            of_file.entry(sequence).or_default().push(segment);
        }

        // Only a file that spans several units is gathered in the spool. Most end in the unit in
        // which they begin, and their segments never go there.
        for (sequence, segments) in &of_file {
            if *sequence >= end.file || self.spool.has_file(*sequence) {
                self.spool.append(segments)?;
            }
        }

        workbooks.write(files, &of_file, &self.spool).map_err(StoreError::OwnWorkbook)
    }

    /// Adds files to the tally and the job log.
    fn count(&mut self, files: &[FileDone]) -> Result<(), StoreError> {
        for file in files {
            let source = self.sources.get(file.report.sequence.index());
            let path = source.path.as_os_str().as_bytes();
            self.tally.add(path, source.size, &file.report);
            if file.slot == reuse::SLOT {
                self.tally.is_reused(&file.report);
            }

            if let Some(joblog) = &mut self.joblog {
                let report = &file.report;
                let line = JobLine { sequence: report.sequence, path, report, slot: &file.slot };
                joblog.write(&line).map_err(StoreError::JobLog)?;
            }
        }

        // Before the journal counts these files: a resumed run does not write their lines again.
        if let Some(joblog) = &mut self.joblog {
            joblog.flush().map_err(StoreError::JobLog)?;
        }

        Ok(())
    }
}

impl Commits for Store<'_> {
    /// Stores a unit. The journal's entry comes last: after a crash before it, the next run writes
    /// the same bytes again.
    fn commit(&mut self, commit: Commit) -> Result<(), StoreError> {
        let Commit { files, segments, end, .. } = commit;

        // Own workbooks are written at once, the outputs only at the end of the job.
        let (own, shared): (Vec<Segment>, Vec<Segment>) =
            segments.into_iter().partition(|segment| segment.stream.file().is_some());
        self.spool.append(&shared)?;

        let spooled = self.write_workbooks(&files, own, end)?;
        self.count(&files)?;

        let reuser = self.reuser.as_ref();
        let decides = reuser.and_then(|reuser| reuser.committed(self.unit, end.file));

        // From here on the unit counts: everything else of it is written.
        self.spool.confirm(end, spooled, wire::encode(&self.tally), decides)?;

        self.end = end;
        self.unit = self.unit.next();

        Ok(())
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }
}
