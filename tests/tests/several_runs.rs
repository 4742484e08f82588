//! Several runs within one process: each has its inputs, its folder, its observer, its word to stop.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use sheaf::report::{Notice, Observer, Tally, UnderWay};
use sheaf::run::{Cause, End, Interrupter, Run};
use sheaf_tests::{Run as Process, corpus, in_process};
use sheaf_worker::signals::Stop;

const RUNS: usize = 3;

/// Remembers the most files that it was told of; clones are one observer.
#[derive(Clone, Default)]
struct Files(Arc<Mutex<u64>>);

impl Observer for Files {
    fn progress(&mut self, tally: &Tally, _: UnderWay) {
        *self.0.lock().unwrap() = tally.files;
    }

    fn notice(&mut self, _: &Notice) {}

    fn ended(&mut self, tally: &Tally) {
        *self.0.lock().unwrap() = tally.files;
    }
}

/// A folder of files that are others in each run.
fn inputs(folder: &Path, run: usize) -> PathBuf {
    let inputs = folder.join(format!("in{run}"));
    for file in 0..40 + run {
        let text = format!("run {run}, file {file}. ").repeat(2000);
        let docs: String = (0..5).map(|id| corpus::doc(&id.to_string(), "t", &text)).collect();
        corpus::write(&inputs, &format!("{file:03}.html"), docs);
    }

    inputs
}

fn output(folder: &Path, run: usize) -> PathBuf {
    folder.join(format!("out{run}.xlsx"))
}

/// The same as `sheaf run INPUTS -o OUTPUT -p 1`, in this process.
fn prepared(folder: &Path, run: usize, observer: Files) -> (Run, Interrupter) {
    let inputs = folder.join(format!("in{run}"));
    in_process::prepared(&inputs, &output(folder, run), "-p 1", observer)
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_runs_write_what_single_runs_write() {
    let folder = tempfile::tempdir().unwrap();
    let mut observers = Vec::new();
    let mut runs = Vec::new();

    for run in 0..RUNS {
        inputs(folder.path(), run);
        let observer = Files::default();
        let (prepared, interrupter) = prepared(folder.path(), run, observer.clone());
        observers.push(observer);
        runs.push((tokio::spawn(prepared.execute()), interrupter));
    }

    for (run, (running, _interrupter)) in runs.into_iter().enumerate() {
        let finished = running.await.unwrap().unwrap();
        assert!(matches!(finished.end, End::Written(_)), "run {run}: {:?}", finished.end);
        assert_eq!(*observers[run].0.lock().unwrap(), 40 + run as u64, "run {run}");

        let alone = format!("run in{run} -o alone{run}.xlsx -p 2");
        Process::sheaf(folder.path()).typed(&alone).finish().code(0);
        let expected = fs::read(folder.path().join(format!("alone{run}.xlsx"))).unwrap();
        assert!(fs::read(output(folder.path(), run)).unwrap() == expected, "run {run}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_run_leaves_others_alone() {
    let folder = tempfile::tempdir().unwrap();
    for run in 0..2 {
        inputs(folder.path(), run);
    }

    let (stopped, interrupter) = prepared(folder.path(), 0, Files::default());
    let (whole, _other) = prepared(folder.path(), 1, Files::default());
    interrupter.stop(Stop::Terminate);

    let (stopped, whole) =
        tokio::join!(tokio::spawn(stopped.execute()), tokio::spawn(whole.execute()));
    let stopped = stopped.unwrap().unwrap();
    assert!(
        matches!(stopped.end, End::Interrupted(Cause::Signal(Stop::Terminate))),
        "{:?}",
        stopped.end
    );
    assert!(!output(folder.path(), 0).exists());
    assert!(matches!(whole.unwrap().unwrap().end, End::Written(_)));

    // It goes on like any other that was stopped.
    let (again, _interrupter) = prepared(folder.path(), 0, Files::default());
    assert!(matches!(again.execute().await.unwrap().end, End::Written(_)));
}
