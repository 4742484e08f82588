//! Keeps what workers extract.

use std::collections::HashMap;
use std::io;

use sheaf_common::numbers::FileIndex;
use sheaf_common::outcome::{FileReport, Outcome, TaskResult};
use sheaf_common::row::Block;
use sheaf_common::rows::RowsKey;
use sheaf_common::task::{Content, SourceFile, SourcePath};
use tracing::warn;

use super::Reuser;
use super::digest::Digest;
use super::entry::Entry;
use super::keeper::Keeper;
use crate::ledger::{on_queue, slices};

/// How long before the beginning of a run a file must have been written for its time to tell its
/// content, in nanoseconds: some file systems note times to two seconds.
const SETTLED: i64 = 2_000_000_000;

impl Reuser {
    /// Notes the digest of a file's content, which is at hand. Nothing happens if it is known, or
    /// nothing is kept.
    pub fn note_content(&self, file: &SourceFile, content: &[u8]) {
        if self.lacks(file) {
            let content = Digest::of(content);
            self.state().contents.insert(file.sequence, content);
        }
    }

    /// Reads a file that a worker will read, for its digest, unless it is known, or nothing is kept.
    pub fn note_file(&self, file: &SourceFile) {
        let is_there = match &file.content {
            Content::AtPath | Content::At(_) | Content::Resolved(_) => true,
            Content::Here(_) | Content::Packed(_) | Content::Unreadable(_) => false,
        };

        if is_there
            && self.lacks(file)
            && let Some(content) = Digest::of_file(file, &self.stop)
        {
            self.state().contents.insert(file.sequence, content);
        }
    }

    /// Whether the digest of a file is wanted.
    fn lacks(&self, file: &SourceFile) -> bool {
        if self.keeper().is_none() {
            return false;
        }

        if let crate::run::Contents::Stored { hashes, .. } = &self.contents {
            let content = Digest(hashes[file.sequence.index()]);
            self.state().contents.insert(file.sequence, content);
            return false;
        }

        !self.state().contents.contains_key(&file.sequence)
    }

    /// The blocks of an outcome that are needed to keep its files; `None`: it has nothing to be
    /// kept.
    pub fn wants(&self, outcome: &Outcome) -> Option<Vec<RowsKey>> {
        let TaskResult::Extracted(extracted) = &outcome.result else { return None };
        let keeper = self.keeper();
        let keeper = keeper.as_ref()?;

        let is_new = extracted.reports.iter().any(|report| !keeper.has(report.sequence));
        is_new.then(|| on_queue(outcome.task, extracted))
    }

    /// Keeps the files of an outcome whose rows are all among the `blocks`.
    pub fn keep(&self, outcome: &Outcome, blocks: &HashMap<RowsKey, Block>) {
        let TaskResult::Extracted(extracted) = &outcome.result else { return };

        for report in &extracted.reports {
            let is_known = self.keeper().as_ref().is_none_or(|keeper| keeper.has(report.sequence));
            let rows = slices(report).iter().map(|slice| {
                let key = RowsKey::new(outcome.task, slice.block, extracted.edition);
                let from = slice.offset as usize;
                blocks.get(&key)?.get(from..from + slice.length as usize)
            });

            let Some(rows) = rows.collect::<Option<Vec<&[u8]>>>() else { continue };
            let Some(entry) = self.entry(report).filter(|_| !is_known) else { continue };
            self.kept(|keeper| keeper.keep(report.sequence, entry, &rows));
        }
    }

    /// What is kept of a file; `None` if its content is not known, and it did not fail.
    fn entry(&self, report: &FileReport) -> Option<Entry> {
        let sequence = report.sequence;
        if sequence.index() >= self.sources.len() {
            return None; // Not of this job: the ledger refuses the outcome.
        }

        let content = self.state().contents.get(&sequence).copied();
        if content.is_none() && report.status.problem().is_none() {
            return None;
        }

        let source = self.sources.get(sequence.index());
        Some(Entry {
            path: SourcePath::from(source.path.as_path()),
            size: source.size,
            modified: source.modified_ns,
            content,
            is_settled: self.is_settled(source.modified_ns),
            report: FileReport { sequence: FileIndex(0), ..report.clone() },
            parts: Vec::new(),
        })
    }

    /// Whether a file was last written so long before this run that its time tells its content.
    pub(super) fn is_settled(&self, modified: i64) -> bool {
        modified != 0 && modified < self.began.saturating_sub(SETTLED)
    }

    /// Keeps something. After an error nothing more is kept.
    pub(super) fn kept(&self, keep: impl FnOnce(&mut Keeper) -> io::Result<()>) {
        let mut slot = self.keeper();
        if let Some(keeper) = slot.as_mut()
            && let Err(error) = keep(keeper)
        {
            warn!(%error, "could not keep rows for the next run: it will read more files again");
            *slot = None;
        }
    }
}
