//! Where committed units go: the spool, the files' own workbooks, the job log, the tally.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;

use sheaf_common::numbers::FileIndex;
use sheaf_common::outcome::Segment;
use sheaf_common::wire;

use super::own_workbooks::OwnWorkbooks;
use crate::config::RunConfig;
use crate::discover::Sources;
use crate::ledger::{Commit, Position};
use crate::report::{JobLine, JobLog, Tally};
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

/// Takes the units of a run, in their order.
pub trait Commits: Send {
    /// Stores a unit for good.
    ///
    /// # Errors
    /// When it cannot be stored: the run ends then.
    fn commit(&mut self, commit: Commit) -> Result<(), StoreError>;

    /// What is stored so far, earlier runs of the job included.
    fn tally(&self) -> &Tally;
}

/// Everything that a commit is written to.
pub struct Store<'a> {
    spool: Spool,
    sources: &'a Sources,
    own_workbooks: Option<OwnWorkbooks<'a>>,
    joblog: Option<JobLog>,
    tally: Tally,
    /// Where the last unit ends.
    end: Position,
}

impl<'a> Store<'a> {
    /// Goes on at `resume` in `spool`, with what earlier runs have stored.
    ///
    /// # Errors
    /// When the files beside the spool cannot be opened, or its notes cannot be read.
    pub fn open(
        config: &'a RunConfig,
        sources: &'a Sources,
        spool: Spool,
        resume: Resume,
    ) -> anyhow::Result<Self> {
        let Resume { position: end, notes } = resume;
        let tally = if notes.is_empty() { Tally::default() } else { wire::decode(&notes)? };

        let own_workbooks = config
            .per_file
            .as_deref()
            .map(|folder| OwnWorkbooks::new(folder, &config.spec, sources, end.file))
            .transpose()?;
        let joblog =
            config.joblog.as_deref().map(|path| JobLog::open(path, end.file)).transpose()?;

        Ok(Store { spool, sources, own_workbooks, joblog, tally, end })
    }

    pub fn spool(&self) -> &Spool {
        &self.spool
    }

    /// Where the last unit ends.
    pub fn end(&self) -> Position {
        self.end
    }

    /// Ends storing: gives the spool, the tally, and where the last unit ends.
    pub fn close(self) -> (Spool, Tally, Position) {
        (self.spool, self.tally, self.end)
    }
}

impl Commits for Store<'_> {
    /// Stores a unit, in an order that lets a later run go on after a crash between any two steps:
    /// what is written before the journal's entry is written again, and the same.
    fn commit(&mut self, commit: Commit) -> Result<(), StoreError> {
        let Commit { files, segments, end, .. } = commit;

        // The files' own workbooks need theirs at once, the outputs at the end of the job.
        let (own, shared): (Vec<Segment>, Vec<Segment>) =
            segments.into_iter().partition(|segment| segment.stream.file().is_some());
        self.spool.append(&shared)?;

        let mut spooled = Vec::new();
        if let Some(workbooks) = &mut self.own_workbooks {
            let mut of_file: BTreeMap<FileIndex, Vec<Segment>> = BTreeMap::new();
            for segment in own {
                let sequence = segment.stream.file().expect("parted by it");
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
            let source = self.sources.get(file.report.sequence.index());
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

        Ok(())
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }
}
