//! The status file in the folder of a run, which `sheaf status` reads.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sheaf_common::fit;

use super::Tally;
use super::measure::{Measure, UnderWay};
use super::observer::{Notice, Observer};
use crate::human::{count, number, rate, size, time};

/// The version of the file and of `sheaf status --json`. New fields do not change it.
pub const VERSION: u32 = 1;

/// The interval between two writings of the file.
const EVERY: Duration = Duration::from_secs(1);

/// Writes the status of a run to its file.
pub struct StatusFile {
    path: PathBuf,
    measure: Measure,
    /// When it was last written.
    written: Instant,
    /// Why the run waits, if it does.
    waiting: Option<String>,
}

impl StatusFile {
    /// Writes the file now, and then once a second, as progress comes.
    pub fn new(path: PathBuf, total_files: u64, total_bytes: u64, tally: &Tally) -> Self {
        let now = Instant::now();
        let measure = Measure::new(total_files, total_bytes, now);
        let mut file = StatusFile { path, measure, written: now, waiting: None };
        file.write(tally, now);
        file
    }

    fn write(&mut self, tally: &Tally, now: Instant) {
        self.written = now;

        let status = RunStatus::of(&self.measure, tally, self.waiting.as_deref(), now);
        let _ = status.write(&self.path); // A failure shows: `sheaf status` says how old it is.
    }
}

impl Observer for StatusFile {
    fn progress(&mut self, tally: &Tally, under_way: UnderWay) {
        let now = Instant::now();
        if now.duration_since(self.written) >= EVERY {
            self.measure.update(tally, under_way, now);
            self.write(tally, now);
        }
    }

    fn notice(&mut self, notice: &Notice) {
        match notice {
            // Written with the next progress, which comes within a second.
            Notice::Waits(reason) => self.waiting = Some(reason.clone()),
            Notice::GoesOn => self.waiting = None,
            Notice::InputsChanged(_)
            | Notice::StartsOver(_)
            | Notice::NothingReused(_)
            | Notice::Resumed { .. }
            | Notice::ReadAlone { .. }
            | Notice::Remark(_)
            | Notice::WorkerLost(_) => {}
        }
    }

    /// Written once more, so that the status of a stopped run is exact.
    fn ended(&mut self, tally: &Tally) {
        let now = Instant::now();
        self.measure.update(tally, UnderWay::default(), now);
        self.write(tally, now);
    }
}

/// The status of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunStatus {
    pub version: u32,
    /// The process of the run.
    pub pid: u32,
    /// When this was written, in seconds since 1970.
    pub at: u64,
    pub files: u64,
    pub files_total: u64,
    pub files_failed: u64,
    /// Of the files that are done, those that an earlier run had read.
    #[serde(default)]
    pub files_reused: u64,
    /// The sizes of the files that are done, parts of large ones included; and of all files.
    pub bytes: u64,
    pub bytes_total: u64,
    pub rows: u64,
    /// How long this run has taken, without earlier runs of the job.
    pub elapsed_seconds: f64,
    /// Unpacked bytes; `None` before the first measurement.
    pub bytes_per_second: Option<f64>,
    pub seconds_left: Option<u64>,
    /// Why it waits, if it does.
    pub waiting: Option<String>,
}

impl RunStatus {
    fn of(measure: &Measure, tally: &Tally, waiting: Option<&str>, now: Instant) -> Self {
        RunStatus {
            version: VERSION,
            pid: std::process::id(),
            at: crate::clock::since_1970(),
            files: tally.files,
            files_total: measure.total_files,
            files_failed: tally.failed,
            files_reused: tally.reused,
            bytes: measure.bytes(tally),
            bytes_total: measure.total_bytes,
            rows: tally.rows,
            elapsed_seconds: measure.elapsed(now).as_secs_f64(),
            bytes_per_second: measure.speed(),
            seconds_left: measure.left(tally, now).map(|left| left.as_secs()),
            waiting: waiting.map(String::from),
        }
    }

    /// Replaces the file in one step: a reader finds the new or the old one, whole.
    ///
    /// # Errors
    /// Those of the system.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let unfinished = path.with_extension("new");
        fs::write(&unfinished, serde_json::to_vec(self)?)?;
        fs::rename(unfinished, path)
    }

    /// Reads the status of a run.
    ///
    /// # Errors
    /// When there is no such file, or it is not a status.
    pub fn read(path: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(path)?)?)
    }

    /// The status in one line, for people.
    pub fn text(&self) -> String {
        // By bytes, as files differ in size; by files if all are empty.
        let share = if self.bytes_total > 0 {
            self.bytes as f64 / self.bytes_total as f64
        } else {
            self.files as f64 / self.files_total.max(1) as f64
        };

        let mut facts = vec![
            format!("{}/{} files", number(self.files), number(self.files_total)),
            format!("{} of {}", size(self.bytes), size(self.bytes_total)),
            format!(
                "{} so far",
                time(Duration::try_from_secs_f64(self.elapsed_seconds).unwrap_or_default())
            ),
            count(self.rows, "row"),
        ];
        if self.files_failed > 0 {
            facts.insert(1, format!("{} failed", number(self.files_failed)));
        }
        if self.files_reused > 0 {
            facts.push(format!("{} reused", number(self.files_reused)));
        }
        if let Some(left) = self.seconds_left {
            facts.push(format!("{} left", time(Duration::from_secs(left))));
        }
        if let Some(speed) = self.bytes_per_second {
            facts.push(rate(fit::floor(speed), Duration::from_secs(1)));
        }

        format!("{:.0}%  {}", (share * 100.0).min(100.0).floor(), facts.join(" · "))
    }
}
