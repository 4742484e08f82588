//! The ledger in a simulated world: files with known slices, and a queue without order.

mod answers;
mod moves;
mod world;

use sheaf_common::job::WorkerId;
use sheaf_common::numbers::{BlockNumber, FileIndex, TaskNumber, UnitNumber};
use sheaf_common::outcome::{Extracted, FileStatus, RenderedUnit, TaskResult};
use sheaf_common::rows::{Slice, Stashed};

use super::*;
use world::{run, source};

const JOB: JobId = JobId(1);

#[test]
fn any_order_or_batching_gives_the_same_units() {
    let expected = run(200, Position::default(), 1, usize::MAX, false);
    assert!(expected.len() > 30, "{}", expected.len());
    for seed in 2..60 {
        assert_eq!(run(200, Position::default(), seed, usize::MAX, false), expected, "seed {seed}");
    }
}

#[test]
fn lost_tasks_and_lost_rows_change_nothing() {
    let expected = run(120, Position::default(), 1, usize::MAX, false);
    for seed in 100..160 {
        assert_eq!(run(120, Position::default(), seed, usize::MAX, true), expected, "seed {seed}");
    }
}

#[test]
fn resuming_after_any_unit_gives_the_same_units() {
    let expected = run(120, Position::default(), 1, usize::MAX, false);
    for stop_after in 0..expected.len() {
        let mut units = run(120, Position::default(), 7, stop_after, false);
        let from = units.last().map_or(Position::default(), |unit| unit.end);
        units.extend(run(120, from, 8, usize::MAX, false));
        assert_eq!(units, expected, "stopped after {stop_after}");
    }
}

#[test]
fn every_file_is_reported_once_in_order() {
    let units = run(300, Position::default(), 3, usize::MAX, false);
    let files: Vec<u64> =
        units.iter().flat_map(|unit| &unit.files).map(|(sequence, ..)| *sequence).collect();
    assert_eq!(files, (0..300).collect::<Vec<_>>());
    let rows: u64 = units.iter().flat_map(|unit| &unit.files).map(|(_, rows, _)| *rows).sum();
    assert_eq!(units.last().unwrap().end.rows, rows);
    assert_eq!(units.last().unwrap().end.file, FileIndex(300));
}

#[test]
fn rows_that_change_on_repair_end_the_job() {
    let mut ledger = Ledger::new(JOB, Arc::default(), Position::default());
    let extract = TaskId { job: JOB, class: Class::Extract, number: TaskNumber(0) };
    let came = |task, result| Event::Collected(Outcome { task, slot: String::new(), result });
    let mut slice = Slice { length: 1 << 20, rows: 5, ..Slice::default() };
    let report = |slice| {
        let status = FileStatus::Done { slices: vec![slice], truncated_cells: 0 };
        let reports = vec![FileReport::new(FileIndex(0), status)];
        TaskResult::Extracted(Extracted { reports, edition: u64::from(slice.rows), stashed: None })
    };

    ledger.handle(Event::Planned(vec![source(0)]));
    let commands = ledger.handle(came(extract, report(slice)));
    let [Command::Push(render)] = &commands[..] else { panic!("{commands:?}") };
    let lost =
        TaskResult::RowsLost(vec![RowsKey { task: extract, block: BlockNumber(0), edition: 5 }]);
    let commands = ledger.handle(came(render.id, lost));
    let repair = TaskId { class: Class::Repair, ..extract };
    assert!(matches!(&commands[..], [Command::Push(task)] if task.id == repair), "{commands:?}");
    assert_eq!(ledger.handle(Event::Lost(vec![repair])), commands);
    slice.rows = 6;
    let commands = ledger.handle(came(repair, report(slice)));
    assert!(
        matches!(&commands[..], [Command::GiveUp { reason }] if reason.contains("`f0`")),
        "{commands:?}"
    );
}

#[test]
fn only_pending_tasks_are_pushed_again_when_lost() {
    let mut ledger = Ledger::new(JOB, Arc::default(), Position::default());
    let lost = |task| {
        Event::Collected(Outcome { task, slot: String::new(), result: TaskResult::TaskLost })
    };
    let [Command::Push(extract)] = &ledger.handle(Event::Planned(vec![source(0)]))[..] else {
        panic!()
    };

    let commands = ledger.handle(lost(extract.id));
    assert_eq!(commands, [Command::Push(extract.clone())]);
    let never_planned = TaskId { number: TaskNumber(7), ..extract.id };
    assert_eq!(ledger.handle(lost(never_planned)), []);
    let never_closed = TaskId { class: Class::Render, ..extract.id };
    assert_eq!(ledger.handle(lost(never_closed)), []);
}

/// The units of render tasks, by task number. Fails if there is another command.
fn renders(commands: &[Command]) -> Vec<(u64, Vec<u64>)> {
    let render = |command: &Command| match command {
        Command::Push(Task { id, work: Work::Render(render) }) => {
            (id.number.0, render.units.iter().map(|unit| unit.number.0).collect())
        }
        other => panic!("{other:?}"),
    };

    commands.iter().map(render).collect()
}

#[test]
fn units_share_a_task_until_rows_are_lost() {
    let mut ledger = Ledger::new(JOB, Arc::default(), Position::default());
    ledger.handle(Event::Sized { bytes: 3 << 20 });
    let [Command::Push(extract)] = &ledger.handle(Event::Planned(vec![source(0)]))[..] else {
        panic!()
    };

    let came = |task, result| Event::Collected(Outcome { task, slot: String::new(), result });

    // Each block fills a unit; the fourth is on the queue.
    let slice =
        |block| Slice { block, offset: 0, length: 1_000_000, rows: 1, overflow: 0, long_cells: 0 };
    let extracted = |edition| {
        let status = FileStatus::Done {
            slices: (0..8).map(BlockNumber).map(slice).collect(),
            truncated_cells: 0,
        };
        let reports = vec![FileReport::new(FileIndex(0), status)];
        let stashed = Some(Stashed {
            by: WorkerId("w".into()),
            blocks: [0, 1, 2, 4, 5, 6, 7].map(BlockNumber).into(),
        });
        TaskResult::Extracted(Extracted { reports, edition, stashed })
    };

    let commands = ledger.handle(came(extract.id, extracted(1)));
    assert_eq!(
        renders(&commands),
        [(0, vec![0, 1, 2]), (3, vec![3]), (4, vec![4, 5, 6]), (7, vec![7])]
    );
    let render = |number| TaskId { job: JOB, class: Class::Render, number: TaskNumber(number) };
    assert_eq!(
        renders(&ledger.handle(Event::Lost(vec![render(4), render(5)]))),
        [(4, vec![4, 5, 6])]
    );

    let lost =
        TaskResult::RowsLost(vec![RowsKey { task: extract.id, block: BlockNumber(5), edition: 1 }]);
    let commands = ledger.handle(came(render(4), lost));
    assert_eq!(renders(&commands[..2]), [(4, vec![4]), (6, vec![6])]);
    let repair = TaskId { class: Class::Repair, ..extract.id };
    assert_eq!(commands[2..], [Command::Push(Task { id: repair, ..extract.clone() })]);

    // An outcome of the task as it was before is still applied.
    let rendered = |number| RenderedUnit { number: UnitNumber(number), segments: Vec::new() };
    ledger.handle(came(render(4), TaskResult::Rendered((4..7).map(rendered).collect())));
    assert_eq!(ledger.pending().len(), 4, "{:?}", ledger.pending());

    // Units that wait for nothing go on with the rows that they name, until those turn out to be
    // lost.
    assert_eq!(ledger.handle(came(repair, extracted(2)))[1..], []);
}
