//! A slot with children that start or fail to, and that read or die.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use sheaf_common::job::{JobSpec, Limits};
use sheaf_common::numbers::FileIndex;
use sheaf_common::outcome::{FileReport, FileStatus, Reading};
use sheaf_common::problem::{FileProblem, ProblemKind};
use sheaf_common::task::{Content, Extract, SourceFile, SourcePath};
use sheaf_worker::extract::STEP;
use sheaf_worker::pool::{Care, Interrupted, Program, Read, Slot};

fn slot(program: Program) -> Slot {
    Slot::new(program, Arc::new(AtomicBool::new(false)))
}

/// A child that runs a shell script.
fn shell(script: &str) -> Program {
    Program { path: "/bin/sh".into(), arguments: vec!["-c".into(), script.into()] }
}

fn real() -> Program {
    Program { path: env!("CARGO_BIN_EXE_sheaf-worker").into(), arguments: vec!["slot".into()] }
}

/// A task of files with one record each. A file that kills its child is retried `retries` times.
fn work(files: u64, retries: u32) -> Extract {
    let file = |sequence: u64| {
        let content = format!("<doc id={sequence} title=t>text</doc>").into_bytes();
        let (path, size) =
            (SourcePath(format!("file_{sequence}").into_bytes()), content.len() as u64);
        SourceFile {
            sequence: FileIndex(sequence),
            path,
            size,
            modified: 0,
            content: Content::Here(content),
        }
    };

    let limits = Limits { retries, ..JobSpec::default().limits };
    let spec = JobSpec { limits, ..JobSpec::default() };
    Extract { spec: Arc::new(spec), files: (0..files).map(file).collect() }
}

fn ends(reports: &[FileReport]) -> Vec<(u64, bool, u32)> {
    let is_done = |report: &FileReport| matches!(report.status, FileStatus::Done { .. });
    reports.iter().map(|report| (report.sequence.0, is_done(report), report.attempts)).collect()
}

#[test]
fn a_child_that_never_starts_blames_no_file() {
    let nowhere = Program { path: PathBuf::from("/nowhere/at/all"), arguments: Vec::new() };
    for (program, said) in [
        (nowhere, "no process can be started"),
        (shell("exit 7"), "does not come up"),
        (shell("echo hello"), "malformed message"),
    ] {
        match slot(program).extract(&work(2, 0), &mut Care::default()) {
            Err(Interrupted::Unfit(unfit)) => {
                assert!(unfit.reason.contains(said) && !unfit.hint.is_empty(), "{unfit:?}")
            }
            Err(Interrupted::Stopped) => panic!("{said}: stopped"),
            Ok(Read { reports, .. }) => panic!("{said}: {reports:?}"),
        }
    }
}

#[test]
fn a_ready_childs_death_counts_against_its_file() {
    let mut slot = slot(shell("printf '!'; cat > /dev/null & exit 1"));
    let read = slot.extract(&work(2, 1), &mut Care::default()).unwrap();
    assert_eq!(ends(&read.reports), [(0, false, 2), (1, false, 2)]);
    let crashed = |report: &FileReport| {
        let FileStatus::Dead(problem) = &report.status else { return false };
        problem.kind() == ProblemKind::Crashed
    };
    assert!(read.reports.iter().all(crashed), "{:?}", read.reports);
}

#[test]
fn a_file_that_died_elsewhere_gets_one_try() {
    let mut care = Care { attempts: [(FileIndex(1), 3)].into(), ..Care::default() };
    let mut dies = slot(shell("printf '!'; exit 1"));
    let read = dies.extract(&work(3, 1), &mut care).unwrap();
    assert_eq!(ends(&read.reports), [(0, false, 2), (1, false, 4), (2, false, 2)]);

    let read = slot(real()).extract(&work(3, 1), &mut care).unwrap();
    assert_eq!(ends(&read.reports), [(0, true, 1), (1, true, 4), (2, true, 1)]);
}

#[test]
fn only_unsettled_files_are_announced_and_read() {
    let settled =
        FileReport { attempts: 9, ..FileReport::unreadable(FileIndex(1), FileProblem::Gone) };
    let mut announced = Vec::new();
    let mut before = |file: &SourceFile| {
        announced.push(file.sequence.0);
        Ok(())
    };

    let mut care = Care {
        settled: [(FileIndex(1), settled)].into(),
        before: Some(&mut before),
        ..Care::default()
    };

    let read = slot(real()).extract(&work(4, 1), &mut care).unwrap();
    drop(care);
    assert_eq!(ends(&read.reports), [(0, true, 1), (1, false, 9), (2, true, 1), (3, true, 1)]);
    assert_eq!(announced, [0, 2, 3]);

    let mut refuse = |_: &SourceFile| Err(Interrupted::Stopped);
    let mut care = Care { before: Some(&mut refuse), ..Care::default() };
    assert_eq!(slot(real()).extract(&work(1, 1), &mut care).err(), Some(Interrupted::Stopped));
}

#[test]
fn only_large_files_report_their_progress() {
    let mut work = work(2, 0);
    let text = "wheat ".repeat(2 * STEP / 6);
    let large = format!("<doc id=1 title=t>{text}</doc>").into_bytes();
    let length = large.len() as u64;
    work.files[1].size = length;
    work.files[1].content = Content::Here(large);

    let mut reported = Vec::new();
    let mut reading =
        |reading: Reading| reported.push((reading.sequence.0, reading.parsed, reading.of));
    let mut care = Care { reading: Some(&mut reading), ..Care::default() };
    let read = slot(real()).extract(&work, &mut care).unwrap();
    drop(care);
    assert_eq!(ends(&read.reports), [(0, true, 1), (1, true, 1)]);

    let step = STEP as u64;
    assert_eq!(reported, [(1, step, length), (1, 2 * step, length)]);
}
