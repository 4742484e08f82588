//! The surroundings of a test that runs the shared job over Redis: a folder, workers and runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::job::{LONG, job};
use crate::process::wait_for;
use crate::{Run, Running, sheaf_bin, worker_bin};

/// The length of leases in these tests. It is short, as some tests wait for their end.
pub const LEASE: &str = "2s";

/// A folder for the outputs of one test, and the addresses of its servers.
pub struct Place {
    folder: TempDir,
    url: String,
    bytes_urls: String,
    workers: AtomicUsize,
}

impl Place {
    /// A new folder, with the server at `url`.
    pub fn at(url: impl Into<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("out")).unwrap();
        Place { folder, url: url.into(), bytes_urls: String::new(), workers: AtomicUsize::new(0) }
    }

    /// The same, with separate servers for blobs.
    pub fn with_bytes_at(self, urls: &[String]) -> Self {
        Place { bytes_urls: urls.join(","), ..self }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The working directory of workers and runs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A worker with these arguments, not yet started.
    pub fn new_worker(&self, typed: &str) -> Run {
        let health = format!("health-{}", self.workers.fetch_add(1, Ordering::Relaxed));
        Run::of(&worker_bin(), self.folder.path())
            .env("SHEAF_REDIS", &self.url)
            .env("SHEAF_REDIS_BYTES", &self.bytes_urls)
            .env("SHEAF_HEALTH_FILE", health)
            .env("SHEAF_LEASE", LEASE)
            .typed(typed)
    }

    /// A worker with one process, started and connected.
    pub fn worker(&self, typed: &str) -> Running {
        let worker = self.new_worker("-p 1").typed(typed).start();
        connected(&worker);
        worker
    }

    /// The job, not yet started.
    pub fn new_run(&self, typed: &str) -> Run {
        self.of_this_job(Run::sheaf(self.folder.path())).typed(typed)
    }

    /// The job as a command under another program: `timeout 2 sheaf run …`.
    pub fn run_under(&self, words: &[&str]) -> Run {
        let run = words[1..]
            .iter()
            .fold(Run::of(Path::new(words[0]), self.folder()), |run, word| run.arg(word));
        self.of_this_job(run.arg(sheaf_bin()))
    }

    fn of_this_job(&self, run: Run) -> Run {
        run.env("SHEAF_REDIS", &self.url)
            .env("SHEAF_REDIS_BYTES", &self.bytes_urls)
            .env("SHEAF_LEASE", LEASE)
            .arg("run")
            .arg(&job().inputs)
            .typed("-o out/final.xlsx -o out/final.jsonl")
            .within(LONG)
    }

    /// Starts the job and waits until `percent` of its output is there.
    pub fn started(&self, percent: u64) -> Running {
        job(); // Made before the clock starts.
        let mut run = self.new_run("").start();
        self.reaches(&mut run, percent);
        run
    }

    /// Waits until `percent` of the output of a run is there.
    pub fn reaches(&self, run: &mut Running, percent: u64) {
        job().reaches(run, &self.path("out"), percent);
    }

    #[track_caller]
    pub fn has_the_same_bytes(&self) {
        job().is_done(&self.path("out"));
    }

    /// The lines of `sheaf workers --json`.
    pub fn listed(&self) -> Vec<Value> {
        let list = Run::sheaf(self.folder.path())
            .typed("workers --json --redis")
            .arg(&self.url)
            .finish()
            .code(0);
        list.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Waits until a worker is connected.
pub fn connected(worker: &Running) {
    wait_for("the worker to be connected", LONG, || {
        worker.stderr().contains("connected, waiting").then_some(())
    });
}

/// Waits until the standard error of a process contains `words`.
pub fn says(run: &Running, words: &str) {
    wait_for(words, LONG, || run.stderr().contains(words).then_some(()));
}

/// Stops a worker by SIGTERM; checks that it finishes its tasks and ends well.
pub fn drain(worker: Running) {
    worker.signal(Signal::SIGTERM);
    worker.finish().code(0).says(&["told to stop"]);
}
