//! A little world around a ledger: files whose slices are known, a queue without order.

use std::collections::{HashMap, HashSet};

use fastrand::Rng;
use sheaf_common::job::UNIT_BYTES;
use sheaf_common::outcome::{Stream, Target};
use sheaf_common::task::{Content, RenderUnit, SourcePath};

use super::*;

/// The lengths of a file's slices: none, one or several, always the same for a number.
fn slices_of(sequence: u64) -> Vec<u32> {
    let mut random = Rng::with_seed(sequence);
    random.u64(..7);
    match random.u64(..10) {
        0 => vec![],
        1 => (0..2 + random.u64(..4)).map(|_| 900_000 + random.u32(..200_000)).collect(),
        _ => vec![1 + random.u32(..400_000)],
    }
}

/// Whether a file fails, every time.
fn fails(sequence: u64) -> bool {
    sequence % 13 == 5
}

pub fn source(sequence: u64) -> SourceFile {
    SourceFile {
        sequence: FileIndex(sequence),
        path: SourcePath(format!("f{sequence}").into_bytes()),
        size: 1,
        modified: 0,
        content: Content::AtPath,
    }
}

/// The outcome that a worker would give a task.
fn extracted(files: &[SourceFile]) -> Vec<FileReport> {
    let (mut block, mut offset) = (0, 0);
    let report = |file: &SourceFile| {
        if fails(file.sequence.0) {
            return FileReport::unreadable(file.sequence, FileProblem::Gone);
        }
        let slices = slices_of(file.sequence.0).into_iter().map(|length| {
            if offset + length > 1 << 20 && offset > 0 {
                (block, offset) = (block + 1, 0);
            }
            let rows = length / 1000 + 1;
            let slice = Slice {
                block: BlockNumber(block),
                offset,
                length,
                rows,
                overflow: rows / 7,
                long_cells: 1,
            };
            offset += length;
            slice
        });

        let status = FileStatus::Done { slices: slices.collect(), truncated_cells: 0 };
        FileReport { attempts: 1, ..FileReport::new(file.sequence, status) }
    };

    files.iter().map(report).collect()
}

/// A unit as it was stored: its rendered rows and their places, without task ids, which depend on
/// batches.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    pub pieces: Vec<(u64, u64, u64, u32)>,
    pub first: (u64, u64),
    pub files: Vec<(u64, u64, u64)>,
    pub end: Position,
}

/// Runs a ledger over files `from.file..files` and stores units until `stop_after`. `seed` decides
/// the order of outcomes and the batches of files and units.
pub fn run(files: u64, from: Position, seed: u64, stop_after: usize, faults: bool) -> Vec<Stored> {
    let mut world = World {
        random: Rng::with_seed(seed),
        ledger: Ledger::new(JOB, Arc::default(), from),
        faults,
        files,
        next: from.file.0,
        queue: Vec::new(),
        on_queue: HashSet::new(),
        stashed: HashMap::new(),
        edition: 0,
        stored: Vec::new(),
    };

    let size = world.random.u64(..3) << 21;
    world.ledger.handle(Event::Sized { bytes: size });

    while world.stored.len() < stop_after && !world.ledger.is_done() {
        if let Some(event) = world.event() {
            let commands = world.ledger.handle(event);
            world.sums_are_true();
            commands.into_iter().for_each(|command| world.carry_out(command));
        }
    }

    if world.stored.len() < stop_after {
        world.nothing_is_left();
    }
    world.stored.truncate(stop_after);
    world.stored
}

/// Everything around a ledger.
struct World {
    random: Rng,
    ledger: Ledger,
    /// Whether the queue loses tasks and rows.
    faults: bool,
    files: u64,
    /// The next file to be planned.
    next: u64,
    queue: Vec<Task>,
    /// The rows on the queue.
    on_queue: HashSet<RowsKey>,
    /// The stashed rows, and the worker of each.
    stashed: HashMap<RowsKey, WorkerId>,
    edition: u64,
    stored: Vec<Stored>,
}

impl World {
    /// The next event; `None` if nothing happens this time.
    fn event(&mut self) -> Option<Event> {
        if self.random.u64(..3) == 0 && !self.ledger.plan_ended {
            return Some(self.planned());
        }
        if self.faults && self.random.u64(..20) == 0 {
            self.queue.clear();
            return Some(Event::Lost(self.ledger.pending()));
        }

        if self.queue.is_empty() {
            return None;
        }

        let task = self.queue.swap_remove(self.random.usize(..self.queue.len()));

        // A late worker does the task although another has done it.
        if self.faults && self.random.u64(..20) == 0 {
            self.queue.push(task.clone());
        }

        let result = match &task.work {
            Work::Extract(extract) => self.extract(task.id, &extract.files),
            Work::Render(render) => self.render(render),
            Work::Nap(_) => unreachable!("the ledger pushes none"),
        };

        Some(Event::Collected(Outcome { task: task.id, slot: "s".into(), result }))
    }

    fn planned(&mut self) -> Event {
        let count = (1 + self.random.u64(..9)).min(self.files - self.next);
        let first = self.next;
        self.next += count;
        match count {
            0 => Event::PlanEnded,
            1 if fails(first) => {
                Event::Unreadable { sequence: FileIndex(first), problem: FileProblem::Gone }
            }
            _ => Event::Planned((first..self.next).map(source).collect()),
        }
    }

    /// Reads files; the worker stashes some of the blocks that fill a unit.
    fn extract(&mut self, task: TaskId, files: &[SourceFile]) -> TaskResult {
        self.edition += 1;
        let reports = extracted(files);
        let slices: Vec<Slice> = reports.iter().flat_map(slices_in).collect();

        let worker = WorkerId(self.random.u64(..3).to_string());
        let alone = |block| slices.iter().filter(|slice| slice.block == block).count() == 1;
        let fills = |slice: &&Slice| u64::from(slice.length) >= UNIT_BYTES && alone(slice.block);
        let mut blocks: Vec<BlockNumber> =
            slices.iter().filter(fills).map(|slice| slice.block).collect();
        blocks.retain(|_| self.random.u64(..3) > 0); // Some there was no room for.

        for slice in &slices {
            let key = RowsKey::new(task, slice.block, self.edition);
            match blocks.contains(&slice.block) {
                true => drop(self.stashed.insert(key, worker.clone())),
                false => drop(self.on_queue.insert(key)),
            }
        }

        let stashed = (!blocks.is_empty()).then_some(Stashed { by: worker, blocks });
        TaskResult::Extracted(Extracted { reports, edition: self.edition, stashed })
    }

    /// Renders units, if all their rows are there.
    fn render(&mut self, render: &Render) -> TaskResult {
        // Only the worker that stashed rows finds them.
        let is_there = |rows: &RowsKey| {
            let stashed_by = self.stashed.get(rows);
            self.on_queue.contains(rows)
                || stashed_by
                    .is_some_and(|stashed_by| Some(stashed_by) == render.stashed_by.as_ref())
        };

        let mut lost = render.rows();
        if !self.faults || self.random.u64(..40) > 0 {
            lost.retain(|rows| !is_there(rows));
        }
        assert!(
            self.faults || lost.is_empty(),
            "rows are dropped too early, or asked of another than their stashed_by"
        );
        if !lost.is_empty() {
            return TaskResult::RowsLost(lost);
        }

        let unit = |unit: &RenderUnit| {
            let stream = Stream { target: Target::Rendering(0), part: 0 };
            let bytes = wire_of(unit);
            let segments = vec![Segment { stream, bytes, crc32: 0, length: 0, meta: Vec::new() }];
            RenderedUnit { number: unit.number, segments }
        };

        TaskResult::Rendered(render.units.iter().map(unit).collect())
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Push(task) => self.queue.push(task),
            Command::Warn { reason, .. } | Command::GiveUp { reason } => panic!("{reason}"),
            Command::Forget(rows) => {
                rows.iter().for_each(|rows| {
                    assert!(self.on_queue.remove(rows), "{rows:?} is dropped twice")
                });
            }
            Command::Commit(commit) => {
                for rows in &commit.forget {
                    assert!(self.on_queue.remove(rows) || self.faults, "{rows:?} is dropped twice");
                }
                self.stored.push(stored_of(commit));
            }
        }
    }

    /// Checks the running sums against the tasks and units.
    fn sums_are_true(&self) {
        let (pending, bytes) = self.ledger.extracts.sums();
        assert_eq!(self.ledger.pending_extracts(), pending);
        assert_eq!(self.ledger.outstanding_bytes(), bytes + self.ledger.units.sum());
    }

    fn nothing_is_left(&self) {
        assert!(self.on_queue.is_empty(), "rows are left: {:?}", self.on_queue);
        let ledger = &self.ledger;
        assert!(
            ledger.extracts.is_empty()
                && ledger.outstanding_bytes() == 0
                && ledger.pending().is_empty()
        );
    }
}

/// The slices of a file.
fn slices_in(report: &FileReport) -> Vec<Slice> {
    match &report.status {
        FileStatus::Done { slices, .. } => slices.clone(),
        _ => Vec::new(),
    }
}

fn wire_of(unit: &RenderUnit) -> Vec<u8> {
    let pieces: Vec<_> = unit
        .pieces
        .iter()
        .map(|piece| (piece.sequence, piece.first_row, piece.first_overflow, piece.slice.length))
        .collect();
    sheaf_common::wire::encode(&(pieces, unit.first_row, unit.first_overflow))
}

fn stored_of(commit: Commit) -> Stored {
    let (pieces, row, overflow) = match commit.segments.first() {
        Some(segment) => {
            sheaf_common::wire::decode::<(Vec<(u64, u64, u64, u32)>, u64, u64)>(&segment.bytes)
                .unwrap()
        }
        None => (Vec::new(), 0, 0),
    };

    let files = commit
        .files
        .iter()
        .map(|file| (file.report.sequence.0, file.rows, file.overflow))
        .collect();
    Stored { pieces, first: (row, overflow), files, end: commit.end }
}
