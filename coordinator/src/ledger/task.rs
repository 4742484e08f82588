//! The life of an extract task.
//!
//! ```text
//!              report, fail              place              lose_rows
//! plan ─▶ Pending ─────────▶ Reported ─────────▶ Placed ◀──────────────▶ Repairing
//!                               ▲                  │      come_back         │
//! settle ───────────────────────┘                  └───────▶ (over) ◀───────┘
//!                                                     forget_block, the last
//! ```
//!
//! A task without rows is over as soon as it is placed.
//!
//! Any other move is an [`IllegalMove`] and changes nothing.

use std::collections::BTreeSet;

use sheaf_common::job::{Class, TaskId};
use sheaf_common::numbers::{BlockNumber, TaskNumber};
use sheaf_common::outcome::{Extracted, FileReport};
use sheaf_common::problem::FileProblem;
use sheaf_common::rows::{RowsKey, Slice};
use sheaf_common::task::SourceFile;

use super::illegal::{IllegalMove, Thing};
use super::rows::{RowsAt, slices};

/// The bytes that an outstanding file counts beside its size: for its path, its report, its place
/// in a task. Without it, a window would hold any number of tiny files.
pub const FILE_COST: u64 = 1 << 10;

/// An extract task, from its planning until no unit needs its rows.
pub struct ExtractTask {
    number: TaskNumber,
    files: Vec<SourceFile>,
    state: State,
}

enum State {
    /// A worker must read its files.
    Pending,
    /// Its files are read, and wait for the files before them.
    Reported(Reported),
    /// Its rows are in units that are not committed yet.
    Placed(Placed),
    /// Placed, but some rows were lost: a worker must read the files again.
    Repairing(Placed),
}

/// The outcome of an extract task.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reported {
    /// The worker and slot that read the files; empty if none did.
    pub slot: String,
    pub reports: Vec<FileReport>,
    pub rows: RowsAt,
}

/// Rows that have places.
#[derive(Default)]
struct Placed {
    /// The slices of each file.
    slices: Vec<Vec<Slice>>,
    rows: RowsAt,
    /// The number of blocks: theirs are the numbers below it.
    blocks: BlockNumber,
    /// The blocks that some unit still needs; the task is over when none is left.
    needed: BTreeSet<BlockNumber>,
}

/// How a task uses extracted rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// They came first: report the task with them.
    Report,
    /// The task's rows were lost: these replace them.
    Repair,
    /// They are those in use, and came twice.
    Known,
    /// Another edition is in use: no one will ask for these.
    Unwanted,
    /// They cannot be of this task: they are of other files, or their blocks are out of order.
    Foreign,
}

impl ExtractTask {
    /// A task that is to be pushed.
    pub fn plan(number: TaskNumber, files: Vec<SourceFile>) -> Self {
        ExtractTask { number, files, state: State::Pending }
    }

    /// A file whose report is known, without a task on the queue.
    pub fn settle(number: TaskNumber, report: FileReport) -> Self {
        let reported = Reported { reports: vec![report], ..Reported::default() };
        ExtractTask { number, files: Vec::new(), state: State::Reported(reported) }
    }

    /// Its files; none if it was settled.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The class of the outcome that it waits for; `None` if it waits for none.
    pub fn waits_for(&self) -> Option<Class> {
        match self.state {
            State::Pending => Some(Class::Extract),
            State::Repairing(_) => Some(Class::Repair),
            State::Reported(_) | State::Placed(_) => None,
        }
    }

    /// Whether its files are read, but not placed.
    pub fn is_reported(&self) -> bool {
        matches!(self.state, State::Reported(_))
    }

    /// The bytes that it has outstanding: of files that are not read, or of rows that are not
    /// placed, and [`FILE_COST`] for each file. Once rows are placed, units count them.
    pub fn bytes(&self) -> u64 {
        let cost = self.files.len() as u64 * FILE_COST;
        match &self.state {
            State::Pending => cost + self.files.iter().map(|file| file.size).sum::<u64>(),
            State::Reported(Reported { reports, .. }) => {
                let slices = reports.iter().flat_map(slices);
                cost + slices.map(|slice| u64::from(slice.length)).sum::<u64>()
            }
            State::Placed(_) | State::Repairing(_) => 0,
        }
    }

    /// Decides what to do with rows that came for this task.
    pub fn use_of(&self, extracted: &Extracted) -> Use {
        let is_known = |rows: &RowsAt| rows.edition == extracted.edition;
        match &self.state {
            State::Pending if self.is_answered_by(&extracted.reports) => Use::Report,
            State::Pending => Use::Foreign,
            State::Reported(Reported { rows, .. }) | State::Placed(Placed { rows, .. }) => {
                if is_known(rows) {
                    Use::Known
                } else {
                    Use::Unwanted
                }
            }
            State::Repairing(placed) if is_known(&placed.rows) => Use::Known,
            State::Repairing(_) if self.is_answered_by(&extracted.reports) => Use::Repair,
            State::Repairing(_) => Use::Foreign,
        }
    }

    /// Whether there is one report for each of its files, and blocks are numbered from 0 without
    /// gaps.
    fn is_answered_by(&self, reports: &[FileReport]) -> bool {
        let sequences = self.files.iter().map(|file| file.sequence);
        let is_about_its_files = sequences.eq(reports.iter().map(|report| report.sequence));

        let blocks = reports.iter().flat_map(slices).map(|slice| slice.block);
        let mut next = BlockNumber::default();
        let mut follow = blocks.map(|block| {
            // A slice begins the next block, or is in that of the slice before.
            let follows = block == next || block.next() == next;
            next = block.next();
            follows
        });

        is_about_its_files && follow.all(|follows| follows)
    }

    /// The path of the first file whose new rows differ from those that have places.
    pub fn differs(&self, reports: &[FileReport]) -> Option<String> {
        let (State::Placed(placed) | State::Repairing(placed)) = &self.state else { return None };

        let mut pairs = placed.slices.iter().zip(reports);
        let index = pairs.position(|(old, new)| old != slices(new))?;
        Some(self.files[index].path.display())
    }

    /// Pending → reported.
    pub fn report(&mut self, slot: String, extracted: Extracted) -> Result<(), IllegalMove> {
        let State::Pending = self.state else { return Err(self.cannot("be reported")) };

        let Extracted { reports, edition, stashed } = extracted;
        let rows = RowsAt { edition, stashed };
        self.state = State::Reported(Reported { slot, reports, rows });

        Ok(())
    }

    /// Pending → reported: the task failed as a whole, and each of its files with it.
    pub fn fail(&mut self, slot: String, problem: &FileProblem) -> Result<(), IllegalMove> {
        let State::Pending = self.state else { return Err(self.cannot("fail")) };

        let failed = |file: &SourceFile| FileReport::unreadable(file.sequence, problem.clone());
        let reports = self.files.iter().map(failed).collect();
        self.state = State::Reported(Reported { slot, reports, rows: RowsAt::default() });

        Ok(())
    }

    /// Reported → placed, or over if there are no rows; returns what is to be placed.
    pub fn place(&mut self) -> Result<Reported, IllegalMove> {
        let State::Reported(reported) = &mut self.state else {
            return Err(self.cannot("be placed"));
        };

        let reported = std::mem::take(reported);
        let slices: Vec<Vec<Slice>> =
            reported.reports.iter().map(|report| slices(report).to_vec()).collect();

        // Blocks are numbered from 0 without gaps, so the last slice tells how many there are.
        let blocks = slices
            .iter()
            .flatten()
            .last()
            .map_or_else(BlockNumber::default, |slice| slice.block.next());

        let rows = reported.rows.clone();
        self.state =
            State::Placed(Placed { slices, rows, blocks, needed: blocks.all_before().collect() });

        Ok(reported)
    }

    /// Placed → repairing; returns `false` if it was repairing already, as several units may miss
    /// its rows.
    pub fn lose_rows(&mut self) -> Result<bool, IllegalMove> {
        match &mut self.state {
            State::Placed(placed) => {
                self.state = State::Repairing(std::mem::take(placed));
                Ok(true)
            }
            State::Repairing(_) => Ok(false),
            State::Pending | State::Reported(_) => Err(self.cannot("lose rows")),
        }
    }

    /// Repairing → placed, with rows in a new place. Returns the blocks that the queue may drop,
    /// under the name of `task`: new ones that no unit needs, and old ones that are replaced.
    pub fn come_back(&mut self, task: TaskId, now: RowsAt) -> Result<Vec<RowsKey>, IllegalMove> {
        let State::Repairing(placed) = &mut self.state else {
            return Err(self.cannot("come back"));
        };

        let mut placed = std::mem::take(placed);
        let on_queue = |rows: &RowsAt, block: BlockNumber| {
            rows.stashed_by(block).is_none().then(|| rows.key(task, block))
        };

        // The repair made all blocks anew, although units that are committed need theirs no more.
        let needless = placed.blocks.all_before().filter(|block| !placed.needed.contains(block));
        let mut forget: Vec<RowsKey> = needless.filter_map(|block| on_queue(&now, block)).collect();
        let before = &placed.rows;
        forget.extend(placed.needed.iter().filter_map(|block| on_queue(before, *block)));

        placed.rows = now;
        self.state = State::Placed(placed);

        Ok(forget)
    }

    /// Marks a block as no longer needed; returns whether it is on the queue. After its last needed
    /// block the task is over.
    pub fn forget_block(&mut self, block: BlockNumber) -> Result<bool, IllegalMove> {
        let placed = match &mut self.state {
            State::Placed(placed) | State::Repairing(placed) => placed,
            State::Pending | State::Reported(_) => return Err(self.cannot("forget a block")),
        };

        if placed.needed.remove(&block) {
            Ok(placed.rows.stashed_by(block).is_none())
        } else {
            let state = "has not got it";
            Err(IllegalMove { thing: Thing::Task(self.number), step: "forget a block", state })
        }
    }

    /// Whether no unit needs its rows any more.
    pub fn is_over(&self) -> bool {
        match &self.state {
            State::Placed(placed) | State::Repairing(placed) => placed.needed.is_empty(),
            State::Pending | State::Reported(_) => false,
        }
    }

    fn cannot(&self, step: &'static str) -> IllegalMove {
        let state = match self.state {
            State::Pending => "is pending",
            State::Reported(_) => "is reported",
            State::Placed(_) => "is placed",
            State::Repairing(_) => "is read once more",
        };

        IllegalMove { thing: Thing::Task(self.number), step, state }
    }
}
