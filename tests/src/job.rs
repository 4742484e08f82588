//! A job of real size, and its outputs by a run on this machine, which all other runs must match.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use crate::corpus::write_many;
use crate::process::wait_for;
use crate::{Run, Running, sheaf_bin};

/// The longest that a test waits for anything: debug builds are slow, and the machine may be busy.
pub const LONG: Duration = Duration::from_secs(120);

/// The job that all tests of one binary share. Made once, below the target folder.
///
/// # Panics
/// If the run fails.
pub fn job() -> &'static Job {
    static JOB: OnceLock<Job> = OnceLock::new();
    JOB.get_or_init(|| {
        let test = std::env::current_exe().expect("a test knows its own path");
        // Of NAME-HASH take the name, so that a new build replaces the job of the one before.
        let name = test
            .file_name()
            .and_then(|name| name.to_str()?.split('-').next())
            .expect("a test has a name");
        Job::make(&sheaf_bin().with_file_name("jobs").join(name))
    })
}

/// Inputs, and their outputs.
pub struct Job {
    pub inputs: PathBuf,
    xlsx: Vec<u8>,
    jsonl: Vec<u8>,
}

impl Job {
    /// Empties `folder`, writes the inputs, and makes `final.xlsx` and `final.jsonl` by a run on
    /// this machine alone.
    pub fn make(folder: &Path) -> Self {
        let _ = fs::remove_dir_all(folder);
        write_many(&folder.join("in"), 30, 24, Some(8));
        // Files with enough rows to fill units, so that workers stash them.
        write_many(&folder.join("in/large"), 4, 120, Some(6));
        Run::sheaf(folder).typed("run in -o final.xlsx -o final.jsonl -p 2").finish().code(0);
        let read = |name: &str| fs::read(folder.join(name)).expect("an output");
        Job { inputs: folder.join("in"), xlsx: read("final.xlsx"), jsonl: read("final.jsonl") }
    }

    /// Waits until the files of a current run in `folder` hold `percent` of the output.
    ///
    /// # Panics
    /// If the run ends earlier.
    pub fn reaches(&self, run: &mut Running, folder: &Path, percent: u64) {
        let goal = (self.xlsx.len() + self.jsonl.len()) as u64 * percent / 100;
        wait_for(&format!("{percent} % of the output"), LONG, || {
            assert!(!run.has_ended(), "ended before {percent} %: {}", run.stderr());
            (size(folder) >= goal).then_some(())
        });
    }

    /// Checks that `folder` holds exactly the outputs, byte by byte.
    #[track_caller]
    pub fn is_done(&self, folder: &Path) {
        let read = |name: &str| fs::read(folder.join(name)).expect("an output");
        assert!(read("final.jsonl") == self.jsonl, "other bytes in final.jsonl");
        assert!(read("final.xlsx") == self.xlsx, "other bytes in final.xlsx");
        assert_eq!(fs::read_dir(folder).expect("a folder").count(), 2, "nothing is left behind");
    }
}

/// The bytes of all files below `folder`: the outputs, and the spool of a run beside them.
pub fn size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => size(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.flatten().map(of).sum()
}
