//! The life of a unit.
//!
//! ```text
//!                    push                  render                commit
//! (closed) ─▶ Ready ──────▶ Pending ────────────────▶ Rendered ────────▶ (stored)
//!               ▲              │                         ▲
//!               │ come_back    │ lose_rows               │ render: an earlier task's segments
//!               └──────── WaitsForRows ──────────────────┘
//! ```
//!
//! A unit without rows is rendered as soon as it is closed. If its task lost only rows of other
//! units, it is ready again at once.
//!
//! Any other move is an [`IllegalMove`] and changes nothing.

use std::collections::BTreeSet;

use sheaf_common::job::WorkerId;
use sheaf_common::numbers::{TaskNumber, UnitNumber};
use sheaf_common::outcome::Segment;
use sheaf_common::rows::RowsKey;
use sheaf_common::task::RenderUnit;

use super::Commit;
use super::contents::Contents;
use super::illegal::{IllegalMove, Thing};
use super::rows::RowsAt;

/// A closed unit: consecutive rows that are rendered together.
pub struct Unit {
    number: UnitNumber,
    contents: Contents,
    state: State,
    repairs: u32,
}

enum State {
    /// It must be rendered, and no task is pushed for it.
    Ready,
    /// It is in the render task `task`, which is named by its first unit.
    Pending {
        task: UnitNumber,
    },
    /// The rows of these extract tasks were lost, and must come back first.
    WaitsForRows(BTreeSet<TaskNumber>),
    Rendered(Vec<Segment>),
}

impl Unit {
    /// A unit whose contents are complete.
    pub fn close(number: UnitNumber, contents: Contents) -> Self {
        // Without rows there is nothing to render.
        let state =
            if contents.pieces.is_empty() { State::Rendered(Vec::new()) } else { State::Ready };

        Unit { number, contents, state, repairs: 0 }
    }

    pub fn number(&self) -> UnitNumber {
        self.number
    }

    /// Whether it must be rendered, and no task is pushed for it.
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready)
    }

    /// The pending render task that it is in; `None` if it is not pending.
    pub fn task(&self) -> Option<UnitNumber> {
        if let State::Pending { task } = self.state { Some(task) } else { None }
    }

    /// Whether it has its segments, so that it can be committed when its turn comes.
    pub fn is_rendered(&self) -> bool {
        matches!(self.state, State::Rendered(_))
    }

    /// The bytes of its rows and files, and of its segments until they are committed.
    pub fn bytes(&self) -> u64 {
        let segments = match &self.state {
            State::Rendered(segments) => {
                segments.iter().map(|segment| segment.bytes.len() as u64).sum()
            }
            State::Ready | State::Pending { .. } | State::WaitsForRows(_) => 0,
        };

        self.contents.bytes() + segments
    }

    /// What a render task says of this unit.
    pub fn work(&self) -> RenderUnit {
        RenderUnit {
            number: self.number,
            first_row: self.contents.begin.rows,
            first_overflow: self.contents.begin.overflow,
            pieces: self.contents.pieces.clone(),
        }
    }

    /// The worker that stashed some of its rows.
    pub fn stashed_by(&self) -> Option<&WorkerId> {
        self.contents.stashed_by()
    }

    /// The blocks of its rows, one for each piece.
    pub fn rows(&self) -> impl Iterator<Item = RowsKey> + '_ {
        self.contents.pieces.iter().map(|piece| piece.rows)
    }

    /// Adds a block that is no longer needed once the unit is committed.
    pub fn forget_after(&mut self, rows: RowsKey) {
        self.contents.forget.push(rows);
    }

    /// Names the new place of the rows of a task.
    pub fn moved(&mut self, task: TaskNumber, to: &RowsAt) {
        self.contents.moved(task, to);
    }

    /// Ready → pending, in this render task.
    pub fn push(&mut self, task: UnitNumber) -> Result<(), IllegalMove> {
        let State::Ready = self.state else { return Err(self.cannot("be pushed")) };
        self.state = State::Pending { task };

        Ok(())
    }

    /// Pending or waiting for rows → rendered. Segments that come a second time are the same, and
    /// are dropped. While the unit waits for rows, segments may come from a task that was done
    /// twice.
    pub fn render(&mut self, segments: Vec<Segment>) -> Result<(), IllegalMove> {
        match self.state {
            State::Pending { .. } | State::WaitsForRows(_) => {
                self.state = State::Rendered(segments);
                Ok(())
            }
            State::Rendered(_) => Ok(()),
            State::Ready => Err(self.cannot("be rendered")),
        }
    }

    /// Pending → waiting for the rows of these extract tasks, or ready if there are none. Returns
    /// how often the unit has lost rows.
    pub fn lose_rows(&mut self, tasks: BTreeSet<TaskNumber>) -> Result<u32, IllegalMove> {
        let State::Pending { .. } = self.state else { return Err(self.cannot("lose rows")) };

        if tasks.is_empty() {
            self.state = State::Ready;
        } else {
            self.repairs += 1;
            self.state = State::WaitsForRows(tasks);
        }

        Ok(self.repairs)
    }

    /// The rows of an extract task came back. Waiting for rows → ready, if it waits for no others;
    /// a unit that did not wait for them stays as it is.
    pub fn come_back(&mut self, task: TaskNumber) {
        let State::WaitsForRows(tasks) = &mut self.state else { return };
        tasks.remove(&task);
        if tasks.is_empty() {
            self.state = State::Ready;
        }
    }

    /// Rendered → stored; returns what is to be stored.
    pub fn commit(self) -> Result<Commit, IllegalMove> {
        let illegal = self.cannot("be committed");
        let State::Rendered(segments) = self.state else { return Err(illegal) };

        let Contents { files, end, forget, .. } = self.contents;
        Ok(Commit { files, segments, end, forget })
    }

    fn cannot(&self, step: &'static str) -> IllegalMove {
        let state = match self.state {
            State::Ready => "is ready",
            State::Pending { .. } => "is pending",
            State::WaitsForRows(_) => "waits for rows",
            State::Rendered(_) => "is rendered",
        };

        IllegalMove { thing: Thing::Unit(self.number), step, state }
    }
}
