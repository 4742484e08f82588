//! The job log: one line per file, in the order of the inputs, tab-separated.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use sheaf_common::numbers::FileIndex;
use sheaf_common::outcome::{FileReport, FileStatus};

use super::advice::with_advice;
use crate::clock::rfc3339;

/// The columns of a job log, as its first line names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Columns {
    Now,
    /// Without `kind`, as in earlier versions. A log that was begun without it goes on without it.
    WithoutKind,
}

impl Columns {
    const ALL: [Columns; 2] = [Columns::Now, Columns::WithoutKind];

    /// The first line of the log.
    fn header(self) -> &'static str {
        match self {
            Columns::Now => {
                "sequence\tpath\tstatus\tkind\treason\trows\tbytes\tencoding\treplaced\tattempts\t\
                 start\tseconds\tslot\n"
            }
            Columns::WithoutKind => {
                "sequence\tpath\tstatus\treason\trows\tbytes\tencoding\treplaced\tattempts\t\
                 start\tseconds\tslot\n"
            }
        }
    }
}

/// The job log of a run, open at its end.
pub struct JobLog {
    out: BufWriter<File>,
    columns: Columns,
    line: Vec<u8>,
}

/// A line of the job log: one file.
#[derive(Debug, Clone, Copy)]
pub struct JobLine<'a> {
    pub sequence: FileIndex,
    pub path: &'a [u8],
    pub report: &'a FileReport,
    pub slot: &'a str,
}

/// Why the job log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum JobLogError {
    #[error("could not write the job log `{}`", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("`{}` is not a job log, so the run cannot go on writing it", path.display())]
    Foreign { path: PathBuf },
}

impl JobLog {
    /// Whether there is a job log at this path, maybe one without lines.
    pub fn is_at(path: &Path) -> bool {
        // No more than the header is read: an input may be large.
        let longest = Columns::Now.header().len() as u64;
        let mut first = Vec::new();
        let read = File::open(path).and_then(|file| file.take(longest).read_to_end(&mut first));
        read.is_ok()
            && Columns::ALL.iter().any(|columns| first.starts_with(columns.header().as_bytes()))
    }

    /// Opens the log for lines from `first` on. Existing lines from there on, and an incomplete
    /// last line, are dropped. With `first` 0 the file starts anew, whatever it holds.
    ///
    /// # Errors
    /// When the file cannot be written, or the lines before `first` should be in it but it is not a
    /// job log.
    pub fn open(path: &Path, first: FileIndex) -> Result<Self, JobLogError> {
        let wrong = |source| JobLogError::Io { path: path.into(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(first == FileIndex(0))
            .open(path)
            .map_err(wrong)?;

        let (columns, length) = match written(&file, first).map_err(wrong)? {
            Written::Nothing => (Columns::Now, 0),
            Written::Lines { columns, length } => (columns, length),
            Written::Foreign => return Err(JobLogError::Foreign { path: path.into() }),
        };

        file.set_len(length)
            .and_then(|()| file.seek(io::SeekFrom::Start(length)))
            .map_err(wrong)?;

        let mut out = BufWriter::new(file);

        // A new log, or one whose header was incomplete.
        if length == 0 {
            out.write_all(columns.header().as_bytes()).map_err(wrong)?;
        }

        Ok(JobLog { out, columns, line: Vec::new() })
    }

    /// Writes a line. Lines must come in the order of their sequence numbers.
    ///
    /// # Errors
    /// Those of the system, for example when the disk is full.
    pub fn write(&mut self, line: &JobLine<'_>) -> io::Result<()> {
        self.line.clear();
        format(&mut self.line, line, self.columns);
        self.out.write_all(&self.line)
    }

    /// Hands all lines to the system. Must be called before the journal counts their files: a
    /// resumed run does not write them again.
    ///
    /// # Errors
    /// Those of [`JobLog::write`].
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The contents of an existing file.
enum Written {
    Nothing,
    /// `length`: the bytes of the header and of the whole lines to keep.
    Lines {
        columns: Columns,
        length: u64,
    },
    /// Not a job log.
    Foreign,
}

fn written(file: &File, first: FileIndex) -> io::Result<Written> {
    let mut input = BufReader::new(file);
    let mut line = Vec::new();

    input.read_until(b'\n', &mut line)?;
    let found = Columns::ALL.into_iter().find(|columns| columns.header().as_bytes() == line);
    let Some(columns) = found else {
        // An incomplete header is as good as none: no line follows it.
        let is_cut = Columns::ALL.iter().any(|one| one.header().as_bytes().starts_with(&line));
        return Ok(if is_cut { Written::Nothing } else { Written::Foreign });
    };

    let mut length = line.len() as u64;
    loop {
        line.clear();
        input.read_until(b'\n', &mut line)?;

        let sequence = line
            .split(|byte| *byte == b'\t')
            .next()
            .and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
        let is_before = sequence.is_some_and(|sequence: FileIndex| sequence < first);

        // Incomplete lines, and those of files that the journal does not count, are written again.
        if !line.ends_with(b"\n") || !is_before {
            return Ok(Written::Lines { columns, length });
        }

        length += line.len() as u64;
    }
}

fn format(out: &mut Vec<u8>, line: &JobLine<'_>, columns: Columns) {
    let wrote = "writing to memory does not fail";
    write!(out, "{}\t", line.sequence).expect(wrote);
    escape(out, line.path);

    let report = line.report;
    let rows = report.status.rows();
    let status = match &report.status {
        FileStatus::Done { .. } if rows == 0 => "empty",
        FileStatus::Done { .. } => "done",
        FileStatus::Failed(_) => "failed",
        FileStatus::Dead(_) => "dead",
    };
    write!(out, "\t{status}\t").expect(wrote);

    let problem = report.status.problem();
    if columns == Columns::Now {
        write!(out, "{}\t", problem.map_or("", |problem| problem.kind().code())).expect(wrote);
    }
    escape(out, problem.map(with_advice).unwrap_or_default().as_bytes());

    write!(out, "\t{rows}\t{}\t", report.bytes).expect(wrote);
    escape(out, report.encoding.as_bytes());

    // A file that was never tried has no start.
    let start = if report.attempts == 0 { String::new() } else { rfc3339(report.started_ms) };
    let FileReport { replaced, attempts, seconds, .. } = report;
    write!(out, "\t{replaced}\t{attempts}\t{start}\t{seconds:.3}\t").expect(wrote);

    escape(out, line.slot.as_bytes());
    out.push(b'\n');
}

/// Writes bytes as they are, except for those that would break the line: `\t`, `\n`, `\r` and `\\`.
fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        match byte {
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            byte => out.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tally::tests::{done, report};
    use super::*;
    use sheaf_common::problem::FileProblem;
    use std::fs;

    fn write(path: &Path, first: u64, sequences: std::ops::Range<u64>) -> Result<(), JobLogError> {
        let mut log = JobLog::open(path, FileIndex(first))?;
        for sequence in sequences {
            let report = report(done(2));
            log.write(&JobLine {
                sequence: FileIndex(sequence),
                path: b"a",
                report: &report,
                slot: "h:1/0",
            })
            .unwrap();
        }

        log.flush().unwrap();
        Ok(())
    }

    #[test]
    fn every_status_has_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.tsv");
        let mut log = JobLog::open(&path, FileIndex(0)).unwrap();
        let failed = report(FileStatus::Failed(FileProblem::Task { reason: "not\ttext".into() }));
        let dead = FileReport {
            attempts: 3,
            encoding: String::new(),
            ..report(FileStatus::Dead(FileProblem::MemoryLimit(1 << 30)))
        };

        let all = [
            report(done(2)),
            report(done(0)),
            failed,
            dead,
            FileReport::unreadable(FileIndex(4), FileProblem::Gone),
        ];
        for (sequence, report) in all.into_iter().enumerate() {
            log.write(&JobLine {
                sequence: FileIndex(sequence as u64),
                path: b"a\n\\b",
                report: &report,
                slot: "h:1/0",
            })
            .unwrap();
        }

        log.flush().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[1],
            "0\ta\\n\\\\b\tdone\t\t\t4\t9\tUTF-8\t0\t1\t1970-01-01T00:00:00.000Z\t0.500\th:1/0"
        );
        assert!(
            lines[2].contains("\tempty\t\t\t0\t")
                && lines[3].contains("\tfailed\ttask\tnot\\ttext\t0\t")
        );
        assert!(
            lines[4].contains("\tdead\tmemory-limit\tneeded more memory than 1 GiB (see --memory-limit)\t0\t9\t\t0\t3\t")
                && lines[5].contains("\tfailed\tgone\tno longer there\t0\t0\t\t0\t0\t\t0.000\t")
        );

        assert!(lines.iter().all(|line| line.split('\t').count() == 13), "{text}");
    }

    #[test]
    fn a_resumed_run_repeats_no_line() {
        let folder = tempfile::tempdir().unwrap();
        let (path, whole) = (folder.path().join("log.tsv"), folder.path().join("whole.tsv"));
        write(&whole, 0, 0..10).unwrap();
        for first in 0..=10 {
            write(&path, 0, 0..10).unwrap();
            write(&path, first, first..10).unwrap();
            assert_eq!(fs::read(&path).unwrap(), fs::read(&whole).unwrap(), "resumed at {first}");
        }
    }

    #[test]
    fn a_line_that_was_cut_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.tsv");
        write(&path, 0, 0..2).unwrap();
        let whole = fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            write(&path, 5, 5..5).unwrap();
            let text = fs::read(&path).unwrap();
            assert!(
                text.starts_with(Columns::Now.header().as_bytes())
                    && whole.starts_with(&text)
                    && text.ends_with(b"\n"),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn a_log_without_kinds_goes_on_without_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.tsv");
        let begun = format!("{}0\ta\tdone\t\t4\n", Columns::WithoutKind.header());
        fs::write(&path, &begun).unwrap();
        assert!(JobLog::is_at(&path));

        write(&path, 1, 1..3).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let added: Vec<&str> = text.strip_prefix(&begun).expect("it goes on").lines().collect();
        assert_eq!(added.len(), 2, "{text}");
        assert!(added.iter().all(|line| line.split('\t').count() == 12), "{text}");
    }

    #[test]
    fn a_foreign_file_is_never_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        fs::write(&path, "dear diary\n").unwrap();
        assert!(matches!(write(&path, 3, 3..4), Err(JobLogError::Foreign { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "dear diary\n");
    }
}
