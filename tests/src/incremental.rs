//! A folder of inputs that changes between runs with `--changed`.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::Run;
use crate::corpus::{gzip_of_repeats, write_many};

/// A folder with inputs in `in`. Runs with `--changed` write into `out`, fresh ones into `fresh`.
pub struct Inputs {
    folder: TempDir,
    /// The arguments of every run.
    typed: &'static str,
    outputs: &'static [&'static str],
}

impl Inputs {
    /// Makes `files` files of several units. `typed`: what every run is given beside its outputs.
    pub fn new(files: usize, typed: &'static str, outputs: &'static [&'static str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for place in ["out", "fresh"] {
            fs::create_dir(folder.path().join(place)).expect("a folder");
        }
        write_many(&folder.path().join("in"), files, 24, Some(8));

        let inputs = Inputs { folder, typed, outputs };
        inputs.settle();
        inputs
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Makes the inputs older than any run: their times tell their contents.
    pub fn settle(&self) {
        for entry in fs::read_dir(self.folder().join("in")).expect("a folder") {
            let path = entry.expect("an entry").path();
            let modified = fs::metadata(&path).expect("a file").modified().expect("a time");
            if modified.elapsed().is_ok_and(|age| age < Duration::from_secs(60)) {
                set_time(&path, SystemTime::now() - Duration::from_secs(1000));
            }
        }
    }

    /// A run that writes into `place`.
    pub fn run_into(&self, place: &str) -> Run {
        let outputs = self.outputs.iter().map(|name| format!(" -o {place}/{name}"));
        let outputs: String = outputs.collect();
        let typed = self.typed.replace("PLACE", place);
        Run::sheaf(self.folder())
            .typed(&format!("run {typed}{outputs} --summary {place}.json --joblog {place}.tsv"))
    }

    /// A run with `--changed`.
    pub fn changed(&self) -> Run {
        self.run_into("out").arg("--changed")
    }

    /// How many files the last run with `--changed` has reused.
    pub fn reused(&self) -> u64 {
        let summary = fs::read(self.folder().join("out.json")).expect("a summary");
        let summary: serde_json::Value = serde_json::from_slice(&summary).expect("JSON");
        summary["files"]["reused"].as_u64().expect("a number")
    }

    /// Checks that the last run with `--changed` wrote what a fresh run writes.
    #[track_caller]
    pub fn are_as_fresh(&self, what: &str, code: i32) {
        self.run_into("fresh").finish().code(code);
        self.have_same_bytes(what);
    }

    /// Checks that both places hold the same outputs.
    #[track_caller]
    pub fn have_same_bytes(&self, what: &str) {
        let read = |place: &str, name: &str| {
            fs::read(self.folder().join(place).join(name)).expect("an output")
        };
        for name in self.outputs {
            assert!(read("out", name) == read("fresh", name), "{what}: other bytes in {name}");
        }

        let log = |place: &str| {
            let log = fs::read_to_string(self.folder().join(place)).expect("a job log");
            let line = |line: &str| line.split('\t').take(9).collect::<Vec<_>>().join("\t");
            log.lines().map(line).collect::<Vec<_>>()
        };
        assert_eq!(log("out.tsv"), log("fresh.tsv"), "{what}");
    }
}

/// Sets the modification time of a file.
pub fn set_time(path: &Path, time: SystemTime) {
    let file = File::options().write(true).open(path).expect("a file");
    file.set_modified(time).expect("a time");
}

/// The option that makes [`large_when_unpacked`] fail; without it, the file is read.
pub const LITTLE_MEMORY: &str = "--memory-limit 64M";

/// A packed file that is too large to be unpacked in little memory.
pub fn large_when_unpacked() -> Vec<u8> {
    let words = b"words and more. ".repeat(1 << 12);
    gzip_of_repeats("<doc id=\"large\">", &words, 300, "</doc>")
}
