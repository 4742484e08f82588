//! The parent's side of a slot: gives a child its files, gathers their rows, and retries a file
//! that killed the child, alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use sheaf_common::fit;
use sheaf_common::numbers::{BlockNumber, FileIndex};
use sheaf_common::outcome::{FileReport, FileStatus, Reading};
use sheaf_common::problem::{Crashed, FileProblem};
use sheaf_common::row::Block;
use sheaf_common::rows::{Slice, joins_block};
use sheaf_common::task::{Extract, SourceFile};
use sheaf_common::wire;
use tracing::{debug, warn};

use super::process::{Ended, NotStarted, Process, Program};
use super::protocol::{FileEnd, Header};
use super::unfit::Unfit;

/// Why a task was not done. All its rows and reports are dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interrupted {
    /// The worker was ordered to stop.
    Stopped,
    /// This machine cannot start a child: no file is to blame.
    Unfit(Unfit),
}

/// How to treat the files of a task, from earlier deliveries of it; by default like any others.
#[derive(Default)]
pub struct Care<'a> {
    /// Files that are not to be read, with their reports.
    pub settled: HashMap<FileIndex, FileReport>,
    /// How often files killed their processes elsewhere. Each is tried once more.
    pub attempts: HashMap<FileIndex, u32>,
    /// If set, every file is read alone, and this is called before each attempt.
    pub before: Option<&'a mut BeforeFile<'a>>,
    /// Called now and then with the progress of a large file.
    pub reading: Option<&'a mut HowFar<'a>>,
}

/// Called before a file is read. An error ends the task.
pub type BeforeFile<'a> = dyn FnMut(&SourceFile) -> Result<(), Interrupted> + 'a;

/// Called with the progress of a file.
pub type HowFar<'a> = dyn FnMut(Reading) + 'a;

/// The reports and rows of the files of a task.
pub struct Read {
    /// One report for each file, in the order of the task.
    pub reports: Vec<FileReport>,
    /// The blocks of rows that the slices in the reports refer to.
    pub blocks: Vec<Block>,
}

/// One slot of the pool, with at most one child. The child is reused until it dies or is killed.
pub struct Slot {
    program: Program,
    stop: Arc<AtomicBool>,
    process: Option<Process>,
}

/// The rows of a task's files, packed into blocks.
#[derive(Default)]
struct Gathered {
    blocks: Vec<Vec<u8>>,
    /// The slices of the current file.
    slices: Vec<Slice>,
    /// The number of blocks, and the length of the last one, when the current file began.
    whole: (usize, usize),
}

impl Slot {
    /// A slot whose children run `program`. It kills them soon after `stop` becomes true.
    pub fn new(program: Program, stop: Arc<AtomicBool>) -> Self {
        Slot { program, stop, process: None }
    }

    /// Reads the files of a task, in order.
    ///
    /// A file that kills its child is retried, alone and in a new child, as often as the job's
    /// limits say. The files before it keep their rows, and those after it are read as usual.
    ///
    /// # Errors
    /// [`Interrupted`], when no file is to blame.
    pub fn extract(&mut self, work: &Extract, care: &mut Care<'_>) -> Result<Read, Interrupted> {
        let mut gathered = Gathered::default();
        let mut reports = Vec::with_capacity(work.files.len());
        let mut attempt = 1;

        while let Some(file) = work.files.get(reports.len()) {
            // Its fate was decided in an earlier delivery.
            if let Some(report) = care.settled.remove(&file.sequence) {
                reports.push(report);
                continue;
            }

            let elsewhere = care.attempts.get(&file.sequence).copied().unwrap_or_default();
            let files = care.next_files(&work.files[reports.len()..], attempt);

            if let Some(before) = &mut care.before {
                before(file)?;
            }

            let reading = &mut care.reading;
            let attempted = self.attempt(
                work,
                files,
                elsewhere + attempt,
                reading,
                &mut gathered,
                &mut reports,
            );
            match attempted {
                Ok(()) => attempt = 1,
                Err(Died::Early(interrupted)) => return Err(interrupted),
                Err(Died::Unread) => self.process = None, // Try again, in a new child.
                Err(Died::At { file, began, problem }) => {
                    self.process = None;
                    gathered.give_up_file();

                    // This may be a later file than the first of the attempt.
                    let elsewhere = care.attempts.get(&file.sequence).copied().unwrap_or_default();
                    let attempts = elsewhere + attempt;
                    let path = file.path.display();
                    warn!(%path, attempts, reason = %problem, "a file killed its process");

                    // A file that also died elsewhere is tried here only once, whatever the
                    // retries.
                    if attempt > work.spec.limits.retries || elsewhere > 0 {
                        reports.push(began.report(file, attempts, FileStatus::Dead(problem)));
                        attempt = 1;
                    } else {
                        attempt += 1;
                    }
                }
            }
        }

        let blocks = gathered.blocks.into_iter().map(Arc::new).collect();
        Ok(Read { reports, blocks })
    }

    /// Has a child read `files`; adds a report for each that did not kill it.
    fn attempt<'a>(
        &mut self,
        work: &Extract,
        files: &'a [SourceFile],
        attempt: u32,
        reading: &mut Option<&mut HowFar<'_>>,
        gathered: &mut Gathered,
        reports: &mut Vec<FileReport>,
    ) -> Result<(), Died<'a>> {
        let process = match &mut self.process {
            Some(process) => {
                // If this fails, the child died while it was idle: none of these files is to blame.
                process.send(&work.spec, files).map_err(|_| Died::Unread)?;
                process
            }
            none => {
                let process =
                    none.insert(Process::start(&self.program, work.spec.limits, &self.stop)?);
                debug!(child = process.id(), "started a child");

                // A new child was ready, so its death counts against the first file.
                let began = Began::now();
                let lost = |error: std::io::Error| Died::At {
                    file: &files[0],
                    began,
                    problem: FileProblem::Crashed(Crashed::Deaf(error.to_string())),
                };

                process.send(&work.spec, files).map_err(lost)?;
                process
            }
        };

        let mut began = Began::now();
        for file in files {
            let mut parsed = |parsed, of| {
                if let Some(reading) = reading {
                    reading(Reading { sequence: file.sequence, parsed, of });
                }
            };

            let end = gathered.read_file(process, &mut parsed, &self.stop);
            let end = end.map_err(|ended| match ended {
                Ended::Stopped => Died::Early(Interrupted::Stopped),
                Ended::Dead(problem) => Died::At { file, began, problem },
            })?;

            reports.push(began.ended(file, attempt, end, gathered));
            began = Began::now();
            process.next_file();
        }
        Ok(())
    }
}

impl Care<'_> {
    /// The files to read in the next attempt: the first of those that are left.
    fn next_files<'f>(&self, left: &'f [SourceFile], attempt: u32) -> &'f [SourceFile] {
        let known = |file: &SourceFile| {
            self.settled.contains_key(&file.sequence) || self.attempts.contains_key(&file.sequence)
        };

        // Suspicious files are read alone, so that their neighbours do not share their fate.
        let alone = attempt > 1 || self.before.is_some() || known(&left[0]);
        let count = if alone { 1 } else { left.iter().position(known).unwrap_or(left.len()) };
        &left[..count]
    }
}

/// How an attempt ended early.
enum Died<'a> {
    /// No file is to blame, and the whole task ends.
    Early(Interrupted),
    /// The child was gone before it was given a file.
    Unread,
    /// The child died at this file.
    At { file: &'a SourceFile, began: Began, problem: FileProblem },
}

impl From<NotStarted> for Died<'_> {
    fn from(not_started: NotStarted) -> Self {
        Died::Early(match not_started {
            NotStarted::Unfit(unfit) => Interrupted::Unfit(unfit),
            NotStarted::Stopped => Interrupted::Stopped,
        })
    }
}

/// When work on a file began, by the wall clock for reports and by a steady one for durations.
#[derive(Clone, Copy)]
struct Began {
    wall_ms: u64,
    steady: Instant,
}

impl Began {
    fn now() -> Self {
        let wall_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, fit::millis);
        Began { wall_ms, steady: Instant::now() }
    }

    fn report(self, file: &SourceFile, attempts: u32, status: FileStatus) -> FileReport {
        FileReport {
            attempts,
            started_ms: self.wall_ms,
            seconds: self.steady.elapsed().as_secs_f64(),
            ..FileReport::new(file.sequence, status)
        }
    }

    fn ended(
        self,
        file: &SourceFile,
        attempts: u32,
        end: FileEnd,
        gathered: &mut Gathered,
    ) -> FileReport {
        let FileEnd { result, bytes, unpacked, encoding, replaced, notes } = end;

        let status = match result {
            Ok(truncated_cells) => {
                FileStatus::Done { slices: gathered.end_file(), truncated_cells }
            }
            Err(problem) => {
                gathered.give_up_file();
                FileStatus::Failed(problem)
            }
        };

        FileReport {
            bytes,
            unpacked,
            encoding,
            replaced,
            notes,
            ..self.report(file, attempts, status)
        }
    }
}

impl Gathered {
    /// Reads the child's messages about its current file. Appends rows to the blocks, passes
    /// progress to `parsed`, and returns the end.
    ///
    /// # Errors
    /// [`Ended`], when the child died, was killed or sent a malformed message.
    fn read_file(
        &mut self,
        process: &mut Process,
        parsed: &mut dyn FnMut(u64, u64),
        stop: &AtomicBool,
    ) -> Result<FileEnd, Ended> {
        loop {
            let mut header = [0; Header::SIZE];
            process.read_exact(&mut header, stop)?;
            let broken = || Ended::Dead(FileProblem::Crashed(Crashed::Malformed));
            let header = Header::from_bytes(header).ok_or_else(broken)?;

            match header {
                Header::Parsed { done, of } => parsed(done.into(), of.into()),
                Header::Rows { length, rows, overflow, long_cells } => {
                    let room = usize::try_from(length).map_err(|_| broken())?;
                    let (index, start) = self.room_for(room);
                    process.read_exact(&mut self.blocks[index][start..], stop)?;

                    // Always fits: a block is closed long before 4 GiB.
                    let block = u32::try_from(index).map(BlockNumber).map_err(|_| broken())?;
                    let offset = u32::try_from(start).map_err(|_| broken())?;
                    self.slices.push(Slice { block, offset, length, rows, overflow, long_cells });
                }
                Header::End { length } => {
                    // Do not allocate for a length that the wire format refuses anyway.
                    let room = usize::try_from(length).ok().filter(|room| *room <= wire::LARGEST);
                    let mut body = vec![0; room.ok_or_else(broken)?];
                    process.read_exact(&mut body, stop)?;
                    return wire::decode(&body).map_err(|_| broken());
                }
            }
        }
    }

    /// Lengthens the last block by `length`, or begins another. Returns the index of the block, and
    /// where the new bytes begin.
    fn room_for(&mut self, length: usize) -> (usize, usize) {
        if !self.blocks.last().is_some_and(|block| joins_block(block.len(), length)) {
            self.blocks.push(Vec::with_capacity(length));
        }

        let index = self.blocks.len() - 1;
        let offset = self.blocks[index].len();
        self.blocks[index].resize(offset + length, 0);
        (index, offset)
    }

    /// Makes the rows of the current file final; returns its slices.
    fn end_file(&mut self) -> Vec<Slice> {
        self.whole = (self.blocks.len(), self.blocks.last().map_or(0, Vec::len));
        std::mem::take(&mut self.slices)
    }

    /// Drops the rows of the current file, including a chunk that broke off.
    fn give_up_file(&mut self) {
        let (blocks, length) = self.whole;
        self.blocks.truncate(blocks);
        if let Some(last) = self.blocks.last_mut() {
            last.truncate(length);
        }

        self.slices.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::protocol::length_of;
    use super::*;
    use sheaf_common::job::JobSpec;

    /// A child that writes these bytes once it is ready, whatever it is given.
    fn child(bytes: &[u8]) -> Program {
        let octal: String = bytes.iter().map(|byte| format!("\\{byte:03o}")).collect();
        let script = format!("printf '!{octal}'; exec cat > /dev/null");
        Program { path: "/bin/sh".into(), arguments: vec!["-c".into(), script.into()] }
    }

    /// A child's messages about a file: these rows, and this end.
    fn messages(rows: &[u8], result: Result<u64, FileProblem>) -> Vec<u8> {
        let length = length_of(rows).unwrap();
        let header = Header::Rows { length, rows: 1, overflow: 0, long_cells: 0 };
        let end = match result {
            Ok(truncated) => {
                FileEnd { result: Ok(truncated), ..FileEnd::failed(FileProblem::Gone) }
            }
            Err(problem) => FileEnd::failed(problem),
        };

        let end = wire::encode(&end);
        let header_of_end = Header::End { length: length_of(&end).unwrap() };
        [&header.to_bytes()[..], rows, &header_of_end.to_bytes(), &end].concat()
    }

    #[test]
    fn a_file_that_fails_late_has_no_rows() {
        let problem = FileProblem::NotText { controls: 50 };
        let words = [
            messages(b"kept", Ok(0)),
            messages(b"lost", Err(problem.clone())),
            messages(b"last", Ok(0)),
        ];
        let files = (0..3)
            .map(|number| SourceFile::at_path(FileIndex(number), "x".as_ref(), 1, 0))
            .collect();
        let work = Extract { spec: Arc::new(JobSpec::default()), files };

        let mut slot = Slot::new(child(&words.concat()), Arc::new(AtomicBool::new(false)));
        let read = slot.extract(&work, &mut Care::default()).expect("the child comes up");

        let rows: Vec<u64> = read.reports.iter().map(|report| report.status.rows()).collect();
        assert_eq!(rows, [1, 0, 1]);
        assert_eq!(read.reports[1].status, FileStatus::Failed(problem));
        assert_eq!(*read.blocks[0], b"keptlast");
    }
}
