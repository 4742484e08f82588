//! `--summary FILE.json`: the results of a run, for programs.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::Serialize;

use super::{Failed, Summary, Tally};
use crate::assemble::WholeFile;

/// The version of the file. New fields do not change it; a new meaning of a field does.
pub const VERSION: u32 = 1;

/// The results of a run.
#[derive(Debug, Serialize)]
pub struct SummaryFile {
    pub summary_version: u32,
    /// The version of Sheaf.
    pub sheaf: &'static str,
    /// `finished`: all outputs are written. `interrupted`: the same command goes on.
    pub end: &'static str,
    /// See `sheaf run --help`.
    pub exit_code: u8,
    pub files: Files,
    pub rows: u64,
    /// How long this run took, without earlier runs of the job.
    pub seconds: f64,
    /// The bytes that this run read, unpacked.
    pub bytes_read: u64,
    pub outputs: Vec<OutputFile>,
    /// The folder of `--per-file`.
    pub per_file: Option<String>,
    pub joblog: Option<String>,
    /// What is kept for the next run, if anything is.
    pub kept: Option<KeptFolder>,
    pub cells: Cells,
    pub decoding: Decoding,
    /// The notes of the terminal, in words that may change.
    pub notes: Vec<String>,
}

/// The numbers of files, and the first few paths of some kinds.
#[derive(Debug, Serialize)]
pub struct Files {
    pub total: u64,
    pub done: u64,
    pub failed: u64,
    pub without_record: u64,
    /// Files that were not read, as an earlier run had read them.
    pub reused: u64,
    /// How many failed for each kind of problem that occurred, by its code.
    pub failed_by_kind: BTreeMap<&'static str, u64>,
    pub first_failed: Vec<FailedFile>,
    pub first_without_record: Vec<String>,
}

/// A file that failed.
#[derive(Debug, Serialize)]
pub struct FailedFile {
    pub path: String,
    /// The code of the problem: see [`sheaf_common::problem::ProblemKind::code`].
    pub kind: &'static str,
    /// The problem in words that may change.
    pub reason: String,
}

/// A written output.
#[derive(Debug, Serialize)]
pub struct OutputFile {
    pub path: String,
    pub bytes: u64,
    /// 0 if its format has no sheets.
    pub sheets: u32,
    /// Whether it replaced a file.
    pub replaced: bool,
}

/// The folder that is kept for the next run.
#[derive(Debug, Serialize)]
pub struct KeptFolder {
    pub path: String,
    pub bytes: u64,
}

/// Texts that are too long for a cell of a workbook.
#[derive(Debug, Serialize)]
pub struct Cells {
    pub long: u64,
    /// The rows of the sheet `overflow`.
    pub overflow_rows: u64,
    pub truncated: u64,
}

/// How many characters could not be decoded, and in how many files.
#[derive(Debug, Serialize)]
pub struct Decoding {
    pub replaced_characters: u64,
    pub replaced_files: u64,
}

impl SummaryFile {
    /// Translates a summary. `total_files`: all files that were found.
    pub fn new(summary: &Summary<'_>, total_files: u64, end: &'static str, exit_code: u8) -> Self {
        let Tally { files, failed, empty, reused, .. } = *summary.tally;
        let tally = summary.tally;

        let failed_file = |one: &Failed| FailedFile {
            path: one.path.clone(),
            kind: one.problem.kind().code(),
            reason: one.reason(),
        };
        let by_kind = tally.failed_by_kind.iter().map(|(kind, files)| (kind.code(), *files));
        let name = |path: &Path| path.to_string_lossy().into_owned();

        let outputs = summary.written.iter().map(|one| OutputFile {
            path: name(&one.path),
            bytes: one.bytes,
            sheets: one.sheets.unwrap_or(0),
            replaced: one.replaced,
        });

        SummaryFile {
            summary_version: VERSION,
            sheaf: sheaf_common::VERSION,
            end,
            exit_code,
            files: Files {
                total: total_files,
                done: files - failed,
                failed,
                without_record: empty,
                reused,
                failed_by_kind: by_kind.collect(),
                first_failed: tally.first_failed.iter().map(failed_file).collect(),
                first_without_record: tally.first_empty.iter().cloned().collect(),
            },
            rows: tally.rows,
            seconds: summary.elapsed.as_secs_f64(),
            bytes_read: summary.read_bytes,
            outputs: outputs.collect(),
            per_file: summary.per_file.map(name),
            joblog: summary.joblog.map(name),
            kept: summary.kept.map(|(path, bytes)| KeptFolder { path: name(path), bytes }),
            cells: Cells {
                long: tally.long_cells,
                overflow_rows: tally.overflow_rows,
                truncated: tally.truncated_cells,
            },
            decoding: Decoding {
                replaced_characters: tally.replaced,
                replaced_files: tally.replaced_files,
            },
            notes: summary.notes(),
        }
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut file = WholeFile::create(path)?;

        serde_json::to_writer_pretty(&mut file, self)?;
        io::Write::write_all(&mut file, b"\n")?;
        file.finish().map(drop)
    }
}
