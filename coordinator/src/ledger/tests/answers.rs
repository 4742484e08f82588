//! Outcomes that come late, twice, or do not fit their tasks.

use sheaf_common::numbers::{BlockNumber, FileIndex, UnitNumber};
use sheaf_common::outcome::Reading;

use super::*;

/// A ledger with one file, and its extract task.
fn with_one_file() -> (Ledger, Task) {
    let mut ledger = Ledger::new(JOB, Arc::default(), Position::default());
    let commands = ledger.handle(Event::Planned(vec![source(0)]));
    let [Command::Push(extract)] = &commands[..] else { panic!("{commands:?}") };

    (ledger, extract.clone())
}

fn came(task: TaskId, result: TaskResult) -> Event {
    Event::Collected(Outcome { task, slot: "s".into(), result })
}

/// Rows of one file in these blocks, each slice as large as a unit.
fn rows_of(sequence: u64, edition: u64, blocks: &[u32]) -> TaskResult {
    let slice = |block: &u32| {
        let block = BlockNumber(*block);
        Slice { block, length: 1 << 20, rows: 1, ..Slice::default() }
    };
    let slices = blocks.iter().map(slice).collect();
    let status = FileStatus::Done { slices, truncated_cells: 0 };
    let reports = vec![FileReport::new(FileIndex(sequence), status)];

    TaskResult::Extracted(Extracted { reports, edition, stashed: None })
}

fn no_rows(edition: u64) -> TaskResult {
    TaskResult::Extracted(Extracted { reports: Vec::new(), edition, stashed: None })
}

fn rendered(number: u64) -> TaskResult {
    TaskResult::Rendered(vec![RenderedUnit { number: UnitNumber(number), segments: Vec::new() }])
}

/// A ledger whose file is placed, with its extract task and the render task of its one unit.
fn with_one_unit() -> (Ledger, Task, Task) {
    let (mut ledger, extract) = with_one_file();
    let commands = ledger.handle(came(extract.id, rows_of(0, 1, &[0])));
    let [Command::Push(render)] = &commands[..] else { panic!("{commands:?}") };

    (ledger, extract, render.clone())
}

/// A ledger that waits for lost rows, with the extract task that repairs them.
fn with_a_repair() -> (Ledger, Task) {
    let (mut ledger, extract, render) = with_one_unit();
    let lost = TaskResult::RowsLost(vec![RowsKey::new(extract.id, BlockNumber(0), 1)]);
    let commands = ledger.handle(came(render.id, lost));
    let [Command::Push(repair)] = &commands[..] else { panic!("{commands:?}") };

    (ledger, repair.clone())
}

/// Asserts that an outcome causes a warning, and that its task is pushed again.
fn is_pushed_again(commands: &[Command], task: &Task) {
    let (pushed, warned) = commands.split_last().expect("two commands");
    assert_eq!(*pushed, Command::Push(task.clone()));
    assert!(matches!(warned.last(), Some(Command::Warn { .. })), "{warned:?}");
}

#[test]
fn outcomes_of_the_wrong_kind_are_not_taken() {
    let nap = || TaskResult::NapEnded { name: "n".into(), seconds: 1.0 };

    let (mut ledger, extract) = with_one_file();
    for result in [rendered(0), TaskResult::RowsLost(Vec::new()), nap()] {
        is_pushed_again(&ledger.handle(came(extract.id, result)), &extract);
    }

    let (mut ledger, _, render) = with_one_unit();
    for result in [rows_of(0, 2, &[0]), nap()] {
        is_pushed_again(&ledger.handle(came(render.id, result)), &render);
    }

    let (mut ledger, repair) = with_a_repair();
    for result in [rendered(0), TaskResult::RowsLost(Vec::new()), nap()] {
        is_pushed_again(&ledger.handle(came(repair.id, result)), &repair);
    }
}

#[test]
fn rows_of_other_files_are_not_taken() {
    let (mut ledger, extract) = with_one_file();
    for result in [rows_of(1, 7, &[0]), no_rows(7)] {
        is_pushed_again(&ledger.handle(came(extract.id, result)), &extract);
    }

    let (mut ledger, repair) = with_a_repair();
    for result in [rows_of(1, 7, &[0]), no_rows(7)] {
        is_pushed_again(&ledger.handle(came(repair.id, result)), &repair);
    }
}

#[test]
fn blocks_out_of_order_are_not_taken() {
    let (mut ledger, extract) = with_one_file();
    for blocks in [&[1][..], &[0, 2], &[0, 1, 0], &[0, u32::MAX]] {
        let commands = ledger.handle(came(extract.id, rows_of(0, 7, blocks)));
        is_pushed_again(&commands, &extract);
        let forgets = |command: &Command| matches!(command, Command::Forget(_));
        assert!(forgets(&commands[0]), "{commands:?}");
    }

    assert_eq!(ledger.pending_extracts(), 1);
    ledger.handle(came(extract.id, rows_of(0, 8, &[0, 0, 1, 2, 2])));
    assert_eq!(ledger.pending_extracts(), 0);
}

#[test]
fn units_that_were_never_closed_are_not_taken() {
    let (mut ledger, _, render) = with_one_unit();
    is_pushed_again(&ledger.handle(came(render.id, rendered(1))), &render);
    let commands = ledger.handle(came(render.id, rendered(0)));
    assert!(matches!(&commands[..], [Command::Commit(_)]), "{commands:?}");
}

#[test]
fn too_many_wrong_outcomes_end_the_job() {
    let (mut ledger, extract) = with_one_file();
    for _ in 0..16 {
        is_pushed_again(&ledger.handle(came(extract.id, rendered(0))), &extract);
    }

    let commands = ledger.handle(came(extract.id, rendered(0)));
    let [Command::GiveUp { reason }] = &commands[..] else { panic!("{commands:?}") };
    assert!(reason.contains("17 outcomes did not fit") && reason.contains("rendered"), "{reason}");
}

#[test]
fn a_unit_missing_from_an_outcome_stays_pending() {
    let (mut ledger, _, render) = with_one_unit();
    assert_eq!(ledger.handle(came(render.id, TaskResult::Rendered(Vec::new()))), []);
    assert_eq!(ledger.pending(), [render.id]);
    assert_eq!(ledger.handle(Event::Lost(vec![render.id])), [Command::Push(render)]);
}

#[test]
fn a_late_failure_changes_nothing() {
    let failed = || TaskResult::Failed { reason: "no recipe".into() };

    let (mut ledger, extract, _) = with_one_unit();
    assert_eq!(ledger.handle(came(extract.id, failed())), []);

    let (mut ledger, repair) = with_a_repair();
    ledger.handle(came(repair.id, rows_of(0, 2, &[0])));
    assert_eq!(ledger.handle(came(repair.id, failed())), []);
}

#[test]
fn a_repair_that_fails_ends_the_job() {
    let (mut ledger, repair) = with_a_repair();
    let commands = ledger.handle(came(repair.id, TaskResult::Failed { reason: "gone".into() }));
    let [Command::GiveUp { reason }] = &commands[..] else { panic!("{commands:?}") };
    assert!(reason.contains("could not be read again: gone"), "{reason}");
}

#[test]
fn units_that_cannot_be_rendered_are_extracted_again() {
    let (mut ledger, extract, render) = with_one_unit();
    let failed = TaskResult::Failed { reason: "damaged".into() };
    let commands = ledger.handle(came(render.id, failed));
    let [Command::Warn { task, reason, .. }, Command::Push(repair)] = &commands[..] else {
        panic!("{commands:?}")
    };
    assert_eq!((*task, reason.as_str()), (render.id, "damaged"));
    assert_eq!(repair.id, TaskId { class: Class::Repair, ..extract.id });
}

#[test]
fn news_end_nothing() {
    let (mut ledger, extract) = with_one_file();
    let alone = TaskResult::ReadAlone { vanished: 3, files: 1, first: "f0".into() };
    for news in [alone, TaskResult::Reading(Reading { sequence: FileIndex(0), parsed: 1, of: 2 })] {
        assert_eq!(ledger.handle(came(extract.id, news)), []);
    }
    assert_eq!(ledger.pending(), [extract.id]);
}
