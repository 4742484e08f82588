//! `--per-file`: writes a workbook for each file as soon as it has all its rows.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use sheaf_common::job::JobSpec;
use sheaf_common::numbers::FileIndex;
use sheaf_common::outcome::{FileStatus, Segment, Stream, Target};
use sheaf_format::{Content, Counts, Joined, OutputWriter, per_file};

use crate::assemble::WholeFile;
use crate::discover::Sources;
use crate::ledger::FileDone;
use crate::spool::Spool;

/// Writes each file's own workbook into a folder.
pub struct OwnWorkbooks<'a> {
    folder: PathBuf,
    sources: &'a Sources,
    writer: Box<dyn OutputWriter + 'a>,
    names: Names,
    /// The next file to get a workbook.
    next: FileIndex,
}

impl<'a> OwnWorkbooks<'a> {
    /// Goes on with the file `next`. Files before it have their workbooks.
    pub fn new(
        folder: &Path,
        spec: &'a JobSpec,
        sources: &'a Sources,
        next: FileIndex,
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("could not make the folder `{}`", folder.display()))?;

        // Names depend on all names before them, so those are given again.
        let mut names = Names::default();
        for index in 0..next.index() {
            names.give(&sources.get(index).path);
        }

        Ok(OwnWorkbooks {
            folder: folder.into(),
            sources,
            writer: per_file().output_writer(spec),
            names,
            next,
        })
    }

    /// Writes the workbooks of files that end in a unit. Their rows are in the unit's `segments`
    /// or, if a file began in an earlier unit, in the spool. Returns the files whose segments the
    /// spool may drop.
    pub fn write(
        &mut self,
        files: &[FileDone],
        segments: &BTreeMap<FileIndex, Vec<Segment>>,
        spool: &Spool,
    ) -> anyhow::Result<Vec<FileIndex>> {
        let mut spooled = Vec::new();
        for file in files {
            let sequence = file.report.sequence;
            debug_assert_eq!(sequence, self.next, "files come in their order");
            self.next = sequence.next();

            // A file that failed uses up a name, too: see [`Names`].
            let name = self.names.give(&self.sources.get(sequence.index()).path);

            // It spans several units. Its segments are not needed once the workbook is written.
            if spool.has_file(sequence) {
                spooled.push(sequence);
            }

            if matches!(file.report.status, FileStatus::Done { .. }) {
                let place = self.folder.join(name);
                let own = segments.get(&sequence).map_or(&[][..], Vec::as_slice);
                self.write_one(&place, file, own, spool)
                    .with_context(|| format!("could not write `{}`", place.display()))?;
            }
        }

        Ok(spooled)
    }

    fn write_one(
        &mut self,
        place: &Path,
        file: &FileDone,
        own: &[Segment],
        spool: &Spool,
    ) -> anyhow::Result<()> {
        let counts = Counts { rows: file.rows, overflow: file.overflow };
        let mut whole = WholeFile::create(place)?;

        let target = Target::File(file.report.sequence);
        let mut part = |part| joined(Stream { target, part }, own, spool);
        self.writer.write(&mut whole, counts, &mut part)?;

        // A sync for each of thousands of files would take longer than the run.
        whole.finish_unsynced()?;
        Ok(())
    }
}

/// The segments of a stream: all that the spool has, or the one of this unit.
fn joined<'r>(stream: Stream, own: &'r [Segment], spool: &'r Spool) -> io::Result<Joined<'r>> {
    if let Some(file) = spool.stream(stream) {
        return file.joined();
    }

    match own.iter().find(|segment| segment.stream == stream) {
        None => Ok(Joined::none()),
        Some(segment) => {
            let mut content = Content::default();
            content.add_segment(segment);
            Ok(Joined { content, bytes: Box::new(segment.bytes.as_slice()) })
        }
    }
}

/// Names workbooks after their files. Further files of the same name get ` (2)`, ` (3)`, ….
///
/// The names depend only on the order of the files, not on which of them could be read.
#[derive(Default)]
struct Names {
    /// How often a name was asked for. Every name that was given counts, too.
    given: HashMap<Vec<u8>, u32>,
}

impl Names {
    fn give(&mut self, path: &Path) -> OsString {
        let base = path.file_name().map_or(b"file".to_vec(), |name| name.as_bytes().to_vec());
        let extension = per_file().extension();

        loop {
            let times = self.given.entry(base.clone()).or_default();
            *times += 1;
            if *times == 1 {
                return OsString::from_vec([&base[..], extension.as_bytes()].concat());
            }

            // An earlier file may itself be named `a (2)`: then try the next number.
            let numbered = [&base[..], format!(" ({times})").as_bytes()].concat();
            if !self.given.contains_key(&numbered) {
                self.given.insert(numbered.clone(), 1);
                return OsString::from_vec([&numbered[..], extension.as_bytes()].concat());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_with_equal_names_get_distinct_workbooks() {
        let mut names = Names::default();
        let paths = ["a/x", "b/x", "c/x (2)", "d/x", "e/x (2)"];
        let given: Vec<String> =
            paths.iter().map(|path| names.give(Path::new(path)).into_string().unwrap()).collect();
        assert_eq!(
            given,
            ["x.xlsx", "x (2).xlsx", "x (2) (2).xlsx", "x (3).xlsx", "x (2) (3).xlsx"]
        );
        let unique: std::collections::HashSet<_> = given.iter().collect();
        assert_eq!(unique.len(), given.len());
    }
}
