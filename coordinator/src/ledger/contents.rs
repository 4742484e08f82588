//! The contents of a unit: consecutive rows, and the files whose last rows are among them.

use sheaf_common::job::{UNIT_BYTES, WorkerId};
use sheaf_common::numbers::TaskNumber;
use sheaf_common::outcome::FileReport;
use sheaf_common::rows::RowsKey;
use sheaf_common::task::Piece;

use super::Position;
use super::rows::RowsAt;
use super::task::FILE_COST;

/// The most files of a unit: files without rows add no bytes that would fill it.
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

/// The contents of a unit, which grow while it is open.
pub struct Contents {
    pub begin: Position,
    pub end: Position,
    pub pieces: Vec<Piece>,
    /// The files that end in it.
    pub files: Vec<FileDone>,
    /// Blocks that no later unit needs.
    pub forget: Vec<RowsKey>,
    /// The worker that stashed some of its rows, and their task. Only a block that fills a unit is
    /// stashed, so there is at most one.
    stashed_by: Option<(TaskNumber, WorkerId)>,
    /// The bytes of its rows.
    bytes: u64,
}

impl Contents {
    /// Empty contents of a unit that begins here.
    pub fn new(at: Position) -> Self {
        Contents {
            begin: at,
            end: at,
            pieces: Vec::new(),
            files: Vec::new(),
            forget: Vec::new(),
            stashed_by: None,
            bytes: 0,
        }
    }

    /// Adds the piece that `piece` makes for its position. `stashed_by`: the worker that stashed
    /// its rows; `None` if they are on the queue.
    pub fn add(&mut self, piece: impl FnOnce(&Position) -> Piece, stashed_by: Option<&WorkerId>) {
        let piece = piece(&self.end);
        if let Some(stashed_by) = stashed_by {
            self.stashed_by = Some((piece.rows.task.number, stashed_by.clone()));
        }

        let rows = u64::from(piece.slice.rows);
        let overflow = u64::from(piece.slice.overflow);
        self.end.slices += 1;
        self.end.rows += rows;
        self.end.overflow += overflow;
        self.end.file_rows += rows;
        self.end.file_overflow += overflow;

        self.bytes += u64::from(piece.slice.length);
        self.pieces.push(piece);
    }

    /// Ends a file: all its slices are placed.
    pub fn end_file(&mut self, report: FileReport, slot: &str) {
        let end = self.end;
        let file = report.sequence.next();
        self.files.push(FileDone {
            report,
            slot: slot.into(),
            rows: end.file_rows,
            overflow: end.file_overflow,
        });

        self.end = Position { file, slices: 0, file_rows: 0, file_overflow: 0, ..end };
    }

    /// Whether it has no rows, no files, and no blocks to forget.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty() && self.files.is_empty() && self.forget.is_empty()
    }

    /// Whether the unit must be closed before more is added.
    pub fn is_full(&self) -> bool {
        self.bytes >= UNIT_BYTES || self.files.len() >= FULL_FILES
    }

    /// The bytes of its rows.
    pub fn row_bytes(&self) -> u64 {
        self.bytes
    }

    /// The bytes of its rows and files; each file counts as [`FILE_COST`].
    pub fn bytes(&self) -> u64 {
        self.bytes + self.files.len() as u64 * FILE_COST
    }

    /// The worker that stashed some of its rows; `None` if all are on the queue.
    pub fn stashed_by(&self) -> Option<&WorkerId> {
        self.stashed_by.as_ref().map(|(_, worker)| worker)
    }

    /// Names the new place of the rows of a task: they were extracted again.
    pub fn moved(&mut self, task: TaskNumber, to: &RowsAt) {
        let of_task = |rows: &&mut RowsKey| rows.task.number == task;

        // The new edition may be on the queue, or in another worker's stash.
        self.stashed_by.take_if(|(number, _)| *number == task);

        for rows in self.pieces.iter_mut().map(|piece| &mut piece.rows).filter(of_task) {
            rows.edition = to.edition;
            if let Some(stashed_by) = to.stashed_by(rows.block) {
                self.stashed_by = Some((task, stashed_by.clone()));
            }
        }

        self.forget.iter_mut().filter(of_task).for_each(|rows| rows.edition = to.edition);
    }
}
