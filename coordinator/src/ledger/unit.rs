//! Units: consecutive rows that are rendered together.

use std::collections::BTreeSet;

use sheaf_common::job::{UNIT_BYTES, WorkerId};
use sheaf_common::outcome::{FileReport, Segment};
use sheaf_common::task::{Piece, RenderUnit, RowsKey};

use super::extracts::{FILE_COST, RowsAt};
use super::{Commit, Position};

/// A unit is full from this many files on, as files without rows would never fill it.
const FULL_FILES: usize = 4096;

/// The outcome of a file, once all its rows are placed.
#[derive(Debug, Clone, PartialEq)]
pub struct FileDone {
    pub report: FileReport,
    /// The worker and slot that read it; empty if none did.
    pub slot: String,
    pub rows: u64,
    pub overflow: u64,
}

/// The contents of a unit.
struct Contents {
    begin: Position,
    end: Position,
    pieces: Vec<Piece>,
    /// The files that end in it.
    files: Vec<FileDone>,
    /// Blocks that are not needed after it.
    forget: Vec<RowsKey>,
    /// The worker that keeps some of its rows, and the task that they are of. A block is kept only
    /// if it fills a unit, so there are no two.
    keeper: Option<(u64, WorkerId)>,
    /// Of rows.
    bytes: u64,
}

impl Contents {
    fn new(at: Position) -> Self {
        Contents {
            begin: at,
            end: at,
            pieces: Vec::new(),
            files: Vec::new(),
            forget: Vec::new(),
            keeper: None,
            bytes: 0,
        }
    }

    /// The rows of a task are elsewhere now.
    fn moved(&mut self, task: u64, to: &RowsAt) {
        let of_task = |rows: &&mut RowsKey| rows.task.number == task;
        self.keeper.take_if(|(number, _)| *number == task);

        for rows in self.pieces.iter_mut().map(|piece| &mut piece.rows).filter(of_task) {
            rows.edition = to.edition;
            if let Some(keeper) = to.keeper(rows.block) {
                self.keeper = Some((task, keeper.clone()));
            }
        }

        self.forget.iter_mut().filter(of_task).for_each(|rows| rows.edition = to.edition);
    }
}

/// The unit that rows are added to.
pub struct OpenUnit(Contents);

impl OpenUnit {
    pub fn new(at: Position) -> Self {
        OpenUnit(Contents::new(at))
    }

    /// Adds the piece that `piece` makes for the place that it gets; and who keeps its rows, if
    /// they are not on the queue.
    pub fn add(&mut self, piece: impl FnOnce(&Position) -> Piece, keeper: Option<&WorkerId>) {
        let piece = piece(&self.0.end);
        if let Some(keeper) = keeper {
            self.0.keeper = Some((piece.rows.task.number, keeper.clone()));
        }

        let rows = u64::from(piece.slice.rows);
        let overflow = u64::from(piece.slice.overflow);
        let end = &mut self.0.end;
        end.slices += 1;
        end.rows += rows;
        end.overflow += overflow;
        end.file_rows += rows;
        end.file_overflow += overflow;

        self.0.bytes += u64::from(piece.slice.length);
        self.0.pieces.push(piece);
    }

    /// All slices of this file are placed.
    pub fn end_file(&mut self, report: &FileReport, slot: &str) {
        let end = self.0.end;
        self.0.files.push(FileDone {
            report: report.clone(),
            slot: slot.into(),
            rows: end.file_rows,
            overflow: end.file_overflow,
        });

        let file = report.sequence + 1;
        self.0.end = Position { file, slices: 0, file_rows: 0, file_overflow: 0, ..end };
    }

    /// This block is needed no more once the unit is committed.
    pub fn forget_after(&mut self, rows: RowsKey) {
        self.0.forget.push(rows);
    }

    pub fn moved(&mut self, task: u64, to: &RowsAt) {
        self.0.moved(task, to);
    }

    pub fn is_empty(&self) -> bool {
        self.0.pieces.is_empty() && self.0.files.is_empty() && self.0.forget.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.0.bytes >= UNIT_BYTES || self.0.files.len() >= FULL_FILES
    }

    pub fn bytes(&self) -> u64 {
        self.0.bytes
    }

    /// Closes the unit; the next one begins where it ends.
    pub fn close(&mut self) -> Unit {
        let next = Contents::new(self.0.end);
        let contents = std::mem::replace(&mut self.0, next);

        // Without rows there is nothing to render.
        let state =
            if contents.pieces.is_empty() { State::Rendered(Vec::new()) } else { State::Ready };

        Unit { contents, state, repairs: 0 }
    }
}

/// A closed unit.
pub struct Unit {
    contents: Contents,
    state: State,
    repairs: u32,
}

enum State {
    /// It is to be rendered.
    Ready,
    /// The render task of this number is on the queue, for it and maybe others.
    Pending {
        task: u64,
    },
    /// These tasks must come back first: their rows were lost.
    WaitsForRows(BTreeSet<u64>),
    Rendered(Vec<Segment>),
}

impl Unit {
    /// Whether it is to be rendered, and no task was pushed for it.
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready)
    }

    /// The render task that is to bring its segments.
    pub fn task(&self) -> Option<u64> {
        if let State::Pending { task } = self.state { Some(task) } else { None }
    }

    /// A render task was pushed for it.
    pub fn pushed(&mut self, task: u64) {
        self.state = State::Pending { task };
    }

    pub fn is_rendered(&self) -> bool {
        matches!(self.state, State::Rendered(_))
    }

    /// The bytes of its rows, and of its segments while they wait for their turn.
    pub fn bytes(&self) -> u64 {
        let segments = match &self.state {
            State::Rendered(segments) => {
                segments.iter().map(|segment| segment.bytes.len() as u64).sum()
            }
            State::Ready | State::Pending { .. } | State::WaitsForRows(_) => 0,
        };

        self.contents.bytes + segments + self.contents.files.len() as u64 * FILE_COST
    }

    /// The part of a render task that renders it, under this number.
    pub fn render(&self, number: u64) -> RenderUnit {
        RenderUnit {
            number,
            first_row: self.contents.begin.rows,
            first_overflow: self.contents.begin.overflow,
            pieces: self.contents.pieces.clone(),
        }
    }

    /// The worker that keeps some of its rows.
    pub fn keeper(&self) -> Option<&WorkerId> {
        self.contents.keeper.as_ref().map(|(_, worker)| worker)
    }

    /// All rows that it names.
    pub fn rows(&self) -> impl Iterator<Item = RowsKey> + '_ {
        self.contents.pieces.iter().map(|piece| piece.rows)
    }

    /// Takes its segments. If they come a second time they are the same, and dropped.
    pub fn rendered(&mut self, segments: Vec<Segment>) {
        if !self.is_rendered() {
            self.state = State::Rendered(segments);
        }
    }

    pub fn forget_after(&mut self, rows: RowsKey) {
        self.contents.forget.push(rows);
    }

    /// Its render task found rows lost. It waits for these tasks to come back, or is ready if none
    /// of its own were; returns how often some were.
    pub fn lost_rows(&mut self, tasks: BTreeSet<u64>) -> u32 {
        self.repairs += u32::from(!tasks.is_empty());
        self.state = if tasks.is_empty() { State::Ready } else { State::WaitsForRows(tasks) };
        self.repairs
    }

    /// The rows of a task are elsewhere now.
    pub fn moved(&mut self, task: u64, to: &RowsAt) {
        self.contents.moved(task, to);
    }

    /// A task came back: if it waited for no other, it is ready.
    pub fn came_back(&mut self, task: u64) {
        let State::WaitsForRows(tasks) = &mut self.state else { return };
        tasks.remove(&task);
        if tasks.is_empty() {
            self.state = State::Ready;
        }
    }

    /// Gives what is to be stored.
    pub fn commit(self) -> Commit {
        let segments = match self.state {
            State::Rendered(segments) => segments,
            State::Ready | State::Pending { .. } | State::WaitsForRows(_) => Vec::new(),
        };

        let Contents { files, end, forget, .. } = self.contents;
        Commit { files, segments, end, forget }
    }
}
