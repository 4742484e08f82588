//! Illegal moves of tasks and units: each is refused by name, and changes nothing.

use std::collections::BTreeSet;

use sheaf_common::numbers::{BlockNumber, FileIndex, TaskNumber, UnitNumber};
use sheaf_common::task::Piece;

use super::*;
use crate::ledger::contents::Contents;
use crate::ledger::rows::RowsAt;
use crate::ledger::task::{ExtractTask, FILE_COST};
use crate::ledger::unit::Unit;

/// The message of a move that was refused.
fn refused<T: std::fmt::Debug>(moved: Result<T, IllegalMove>) -> String {
    moved.unwrap_err().to_string()
}

fn pending_task() -> ExtractTask {
    ExtractTask::plan(TaskNumber(4), vec![source(0)])
}

/// Rows in these blocks.
fn extracted(blocks: u32) -> Extracted {
    let slice = |block| Slice { block, offset: 0, length: 9, rows: 1, overflow: 0, long_cells: 0 };
    let slices = (0..blocks).map(BlockNumber).map(slice).collect();
    let status = FileStatus::Done { slices, truncated_cells: 0 };
    let reports = vec![FileReport::new(FileIndex(0), status)];
    Extracted { reports, edition: 1, stashed: None }
}

fn reported_task() -> ExtractTask {
    let mut task = pending_task();
    task.report("s".into(), extracted(2)).unwrap();
    task
}

fn placed_task() -> ExtractTask {
    let mut task = reported_task();
    task.place().unwrap();
    task
}

fn repairing_task() -> ExtractTask {
    let mut task = placed_task();
    assert!(task.lose_rows().unwrap());
    task
}

fn come_back(task: &mut ExtractTask) -> Result<Vec<RowsKey>, IllegalMove> {
    let id = TaskId { job: JOB, class: Class::Repair, number: TaskNumber(4) };
    task.come_back(id, RowsAt { edition: 2, stashed: None })
}

#[test]
fn only_a_pending_task_is_reported_or_fails() {
    for (mut task, state) in [
        (reported_task(), "is reported"),
        (placed_task(), "is placed"),
        (repairing_task(), "is read once more"),
    ] {
        let said = refused(task.report("s".into(), extracted(1)));
        assert_eq!(said, format!("extract task 4 cannot be reported, as it {state}"));
        let said = refused(task.fail("s".into(), &FileProblem::Gone));
        assert_eq!(said, format!("extract task 4 cannot fail, as it {state}"));
    }
}

#[test]
fn only_a_reported_task_is_placed() {
    for (mut task, state) in [
        (pending_task(), "is pending"),
        (placed_task(), "is placed"),
        (repairing_task(), "is read once more"),
    ] {
        let said = refused(task.place());
        assert_eq!(said, format!("extract task 4 cannot be placed, as it {state}"));
    }
}

#[test]
fn only_a_placed_task_loses_rows() {
    for (mut task, state) in [(pending_task(), "is pending"), (reported_task(), "is reported")] {
        let said = refused(task.lose_rows());
        assert_eq!(said, format!("extract task 4 cannot lose rows, as it {state}"));
    }

    assert_eq!(repairing_task().lose_rows(), Ok(false), "another unit misses them, too");
}

#[test]
fn only_lost_rows_come_back() {
    for (mut task, state) in [
        (pending_task(), "is pending"),
        (reported_task(), "is reported"),
        (placed_task(), "is placed"),
    ] {
        let said = refused(come_back(&mut task));
        assert_eq!(said, format!("extract task 4 cannot come back, as it {state}"));
    }

    let mut task = repairing_task();
    assert_eq!(come_back(&mut task).unwrap().len(), 2, "the old blocks");
    assert_eq!(task.waits_for(), None);
}

#[test]
fn a_block_is_forgotten_once() {
    for (mut task, state) in [(pending_task(), "is pending"), (reported_task(), "is reported")] {
        let said = refused(task.forget_block(BlockNumber(0)));
        assert_eq!(said, format!("extract task 4 cannot forget a block, as it {state}"));
    }

    for mut task in [placed_task(), repairing_task()] {
        assert_eq!(task.forget_block(BlockNumber(1)), Ok(true));
        let said = refused(task.forget_block(BlockNumber(1)));
        assert_eq!(said, "extract task 4 cannot forget a block, as it has not got it");
        assert!(!task.is_over());
        assert_eq!(task.forget_block(BlockNumber(0)), Ok(true));
        assert!(task.is_over());
    }
}

#[test]
fn a_move_that_is_refused_changes_nothing() {
    let mut task = pending_task();
    refused(task.place());
    refused(task.lose_rows());
    refused(come_back(&mut task));
    assert_eq!((task.waits_for(), task.bytes()), (Some(Class::Extract), FILE_COST + 1));
}

#[test]
fn a_task_without_rows_ends_once_placed() {
    let mut task = pending_task();
    task.fail("s".into(), &FileProblem::Gone).unwrap();
    assert_eq!(task.place().unwrap().reports.len(), 1);
    assert!(task.is_over());
}

fn ready_unit() -> Unit {
    let mut contents = Contents::new(Position::default());
    let task = TaskId { job: JOB, class: Class::Extract, number: TaskNumber(7) };
    let slice =
        Slice { block: BlockNumber(0), offset: 0, length: 9, rows: 1, overflow: 0, long_cells: 0 };
    let rows = RowsKey::new(task, BlockNumber(0), 1);
    contents.add(
        |_| Piece { rows, slice, sequence: FileIndex(0), first_row: 0, first_overflow: 0 },
        None,
    );

    Unit::close(UnitNumber(3), contents)
}

fn pending_unit() -> Unit {
    let mut unit = ready_unit();
    unit.push(UnitNumber(2)).unwrap();
    unit
}

fn waiting_unit() -> Unit {
    let mut unit = pending_unit();
    assert_eq!(unit.lose_rows([TaskNumber(7)].into()), Ok(1));
    unit
}

fn rendered_unit() -> Unit {
    let mut unit = pending_unit();
    unit.render(Vec::new()).unwrap();
    unit
}

#[test]
fn only_a_ready_unit_is_pushed() {
    for (mut unit, state) in [
        (pending_unit(), "is pending"),
        (waiting_unit(), "waits for rows"),
        (rendered_unit(), "is rendered"),
    ] {
        let task = unit.task();
        let said = refused(unit.push(UnitNumber(9)));
        assert_eq!(said, format!("unit 3 cannot be pushed, as it {state}"));
        assert_eq!(unit.task(), task);
    }
}

#[test]
fn only_a_pending_unit_loses_rows() {
    for (mut unit, state) in [
        (ready_unit(), "is ready"),
        (waiting_unit(), "waits for rows"),
        (rendered_unit(), "is rendered"),
    ] {
        for tasks in [BTreeSet::new(), BTreeSet::from([TaskNumber(7)])] {
            let said = refused(unit.lose_rows(tasks));
            assert_eq!(said, format!("unit 3 cannot lose rows, as it {state}"));
        }
    }
}

#[test]
fn only_a_pushed_unit_is_rendered() {
    let mut unit = ready_unit();
    assert_eq!(refused(unit.render(Vec::new())), "unit 3 cannot be rendered, as it is ready");
    assert!(unit.is_ready());

    let mut late = waiting_unit();
    assert_eq!(late.render(Vec::new()), Ok(()), "an earlier task brings the same segments");
    assert_eq!(late.render(Vec::new()), Ok(()), "and so does another");
}

#[test]
fn only_a_rendered_unit_is_committed() {
    for (unit, state) in [
        (ready_unit(), "is ready"),
        (pending_unit(), "is pending"),
        (waiting_unit(), "waits for rows"),
    ] {
        let said = refused(unit.commit());
        assert_eq!(said, format!("unit 3 cannot be committed, as it {state}"));
    }

    assert!(rendered_unit().commit().is_ok());
}

#[test]
fn rows_come_back_only_to_waiting_units() {
    let mut unit = waiting_unit();
    unit.come_back(TaskNumber(8));
    assert!(!unit.is_ready());
    unit.come_back(TaskNumber(7));
    assert!(unit.is_ready());

    for mut other in [pending_unit(), rendered_unit()] {
        other.come_back(TaskNumber(7));
        assert!(!other.is_ready());
    }
}

#[test]
fn a_unit_missing_no_rows_becomes_ready_again() {
    let mut unit = pending_unit();
    assert_eq!(unit.lose_rows(BTreeSet::new()), Ok(0));
    assert!(unit.is_ready());
}
