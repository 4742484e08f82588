//! The parent's side of a slot: hands a child its files, gathers their rows, and tries again alone what killed it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use sheaf_common::job::UNIT_BYTES;
use sheaf_common::outcome::{FileReport, FileStatus, Slice};
use sheaf_common::queue::Block;
use sheaf_common::task::{Extract, SourceFile};
use sheaf_common::wire;
use tracing::{debug, warn};

pub use super::process::Program;
use super::process::{Ended, Process};
use super::protocol::{FileEnd, Header};

/// The size that blocks of rows are filled up to, in bytes; one chunk of the child may go past it.
const BLOCK: usize = 1 << 20;
/// The room that a block is given at once, so that a chunk of usual size does not move it.
const BLOCK_ROOM: usize = BLOCK + BLOCK / 8;

/// The work was called off before it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

/// One slot of the pool, with at most one child, which lives as long as it behaves.
pub struct Slot {
    program: Program,
    stop: Arc<AtomicBool>,
    process: Option<Process>,
}

/// The rows of a task's files, packed into blocks.
#[derive(Default)]
struct Gathered {
    blocks: Vec<Vec<u8>>,
    /// The slices of the file that is being read.
    slices: Vec<Slice>,
    /// The number of blocks, and the length of the last one, when that file began.
    kept: (usize, usize),
}

impl Slot {
    /// A slot whose children are `program`; it kills them soon after `stop` becomes true.
    pub fn new(program: Program, stop: Arc<AtomicBool>) -> Self {
        Slot { program, stop, process: None }
    }

    /// Reads the files of a task, in order: a report for each, and the blocks of rows that the reports speak of.
    ///
    /// A file that kills its child is tried again, alone and in a new child, as often as the job's limits say; the files
    /// before it keep their rows and those after it go on as if nothing had been.
    ///
    /// # Errors
    /// [`Stopped`] when the work was called off.
    pub fn extract(&mut self, work: &Extract) -> Result<(Vec<FileReport>, Vec<Block>), Stopped> {
        let mut gathered = Gathered::default();
        let mut reports = Vec::with_capacity(work.files.len());
        let mut attempt = 1;
        while reports.len() < work.files.len() {
            let left = &work.files[reports.len()..];
            let files = if attempt > 1 { &left[..1] } else { left };
            match self.attempt(work, files, attempt, &mut gathered, &mut reports) {
                Ok(()) => attempt = 1,
                Err(Died::Stopped) => return Err(Stopped),
                Err(Died::At { file, began, reason }) => {
                    self.process = None;
                    gathered.give_up_file();
                    warn!(path = %file.path.display(), attempt, reason, "a file ended its process");
                    if attempt > work.spec.limits.retries {
                        reports.push(began.dead(file, attempt, reason));
                        attempt = 1;
                    } else {
                        attempt += 1;
                    }
                }
            }
        }
        let blocks = gathered.blocks.into_iter().map(Arc::new).collect();
        Ok((reports, blocks))
    }

    /// Has a child read `files`; adds the reports of those that it came through.
    fn attempt<'a>(
        &mut self,
        work: &Extract,
        files: &'a [SourceFile],
        attempt: u32,
        gathered: &mut Gathered,
        reports: &mut Vec<FileReport>,
    ) -> Result<(), Died<'a>> {
        let mut began = Began::now();
        let died = |file, began, ended| match ended {
            Ended::Stopped => Died::Stopped,
            Ended::Dead(reason) => Died::At { file, began, reason },
        };
        let lost = |error: std::io::Error| Ended::Dead(format!("its process cannot be used: {error}"));
        let process = match &mut self.process {
            Some(process) => process,
            none => {
                let process = Process::start(&self.program, work.spec.limits).map_err(lost);
                let process = process.map_err(|ended| died(&files[0], began, ended))?;
                debug!(child = process.id(), "started a child");
                none.insert(process)
            }
        };
        process.send(&work.spec, files).map_err(lost).map_err(|ended| died(&files[0], began, ended))?;
        for file in files {
            let end = gathered.read_file(process, &self.stop).map_err(|ended| died(file, began, ended))?;
            reports.push(began.ended(file, attempt, end, gathered));
            began = Began::now();
            process.next_file();
        }
        Ok(())
    }
}

/// How an attempt ended early.
enum Died<'a> {
    Stopped,
    At { file: &'a SourceFile, began: Began, reason: String },
}

/// When work on a file began, by the wall clock for people and by a steady one.
#[derive(Clone, Copy)]
struct Began {
    wall_ms: u64,
    steady: Instant,
}

impl Began {
    fn now() -> Self {
        let wall_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        Began { wall_ms, steady: Instant::now() }
    }

    fn report(self, file: &SourceFile, attempts: u32, status: FileStatus) -> FileReport {
        FileReport {
            sequence: file.sequence,
            status,
            bytes: 0,
            unpacked: 0,
            encoding: String::new(),
            replaced: 0,
            attempts,
            started_ms: self.wall_ms,
            seconds: self.steady.elapsed().as_secs_f64(),
        }
    }

    fn dead(self, file: &SourceFile, attempts: u32, reason: String) -> FileReport {
        self.report(file, attempts, FileStatus::Dead { reason })
    }

    fn ended(self, file: &SourceFile, attempts: u32, end: FileEnd, gathered: &mut Gathered) -> FileReport {
        let FileEnd { result, bytes, unpacked, encoding, replaced } = end;
        let status = match result {
            Ok(truncated_cells) => FileStatus::Done { slices: gathered.end_file(), truncated_cells },
            Err(reason) => {
                gathered.give_up_file();
                FileStatus::Failed { reason }
            }
        };
        FileReport { bytes, unpacked, encoding, replaced, ..self.report(file, attempts, status) }
    }
}

impl Gathered {
    /// Reads what the child says about its current file, rows into the blocks.
    fn read_file(&mut self, process: &mut Process, stop: &AtomicBool) -> Result<FileEnd, Ended> {
        loop {
            let mut header = [0; Header::SIZE];
            process.read_exact(&mut header, stop)?;
            let broken = || Ended::Dead("its process spoke nonsense".into());
            let header = Header::from_bytes(header).ok_or_else(broken)?;
            match header {
                Header::Rows { length, rows, overflow, long_cells } => {
                    let (block, offset) = self.room_for(length as usize);
                    process.read_exact(&mut self.blocks[block][offset..], stop)?;
                    let (block, offset) = (block as u32, offset as u32);
                    self.slices.push(Slice { block, offset, length, rows, overflow, long_cells });
                }
                Header::End { length } => {
                    let mut body = vec![0; length as usize];
                    process.read_exact(&mut body, stop)?;
                    return wire::decode(&body).map_err(|_| broken());
                }
            }
        }
    }

    /// Lengthens the last block by `length`, or begins another; returns which, and where the new bytes begin. What fills a
    /// unit by itself has a block of its own, so that it can be kept: see [`crate::run`].
    fn room_for(&mut self, length: usize) -> (usize, usize) {
        let unit = UNIT_BYTES as usize;
        let fits = |block: &Vec<u8>| block.len() + length <= BLOCK_ROOM && length < unit && block.len() < unit;
        if !self.blocks.last().is_some_and(fits) {
            self.blocks.push(Vec::with_capacity(length));
        }
        let index = self.blocks.len() - 1;
        let offset = self.blocks[index].len();
        self.blocks[index].resize(offset + length, 0);
        (index, offset)
    }

    fn end_file(&mut self) -> Vec<Slice> {
        self.kept = (self.blocks.len(), self.blocks.last().map_or(0, Vec::len));
        std::mem::take(&mut self.slices)
    }

    /// Takes back the rows of the file that is being read, a chunk that broke off included.
    fn give_up_file(&mut self) {
        let (blocks, length) = self.kept;
        self.blocks.truncate(blocks);
        if let Some(last) = self.blocks.last_mut() {
            last.truncate(length);
        }
        self.slices.clear();
    }
}
