//! Observes the run of a job: its figures go into the record, its incidents to the watchers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sheaf_common::problem::ProblemKind;

use super::core::Core;
use super::http::metrics::Metrics;
use super::jobs::Jobs;
use super::record::Record;
use crate::api::{JobId, NoticeEvent, Progress};
use crate::clock::{now_ms, rfc3339};
use crate::report::{Measure, Notice, Observer, Tally, UnderWay};

/// The shortest interval between two pieces of news about the progress of a job.
const EVERY: Duration = Duration::from_millis(500);

/// An observer for one run.
pub struct Watch {
    jobs: Arc<Jobs>,
    metrics: Arc<Metrics>,
    /// What the figures of the service have already of the job.
    counted: Progress,
    id: JobId,
    measure: Measure,
    /// How long earlier runs of the job took, in seconds.
    before: f64,
    created: u64,
    /// The most files that may fail.
    budget: Option<u64>,
    told: Option<Instant>,
}

impl Watch {
    /// For a run that begins now.
    pub fn new(core: &Core, record: &Record) -> Self {
        Watch {
            jobs: Arc::clone(&core.jobs),
            metrics: Arc::clone(&core.metrics),
            counted: record.progress.clone(),
            id: record.id.clone(),
            measure: Measure::new(record.files, record.bytes, Instant::now()),
            before: record.progress.seconds,
            created: record.created,
            budget: record.max_failures.map(|budget| budget.of(record.files)),
            told: None,
        }
    }

    /// Adds what is new of the job to the figures of the service.
    fn count(&mut self, now: &Progress) {
        let before = std::mem::replace(&mut self.counted, now.clone());

        let files = now.files.saturating_sub(before.files);
        let failed = now.files_failed.saturating_sub(before.files_failed);
        self.metrics.add_files(files.saturating_sub(failed), failed);

        let rows = now.rows.saturating_sub(before.rows);
        self.metrics.add_rows(rows, now.bytes.saturating_sub(before.bytes));

        for kind in ProblemKind::ALL.map(ProblemKind::code) {
            let of = |progress: &Progress| progress.failed_by_kind.get(kind).copied().unwrap_or(0);
            let failed = of(now).saturating_sub(of(&before));
            if failed > 0 {
                self.metrics.add_failures(kind, failed);
            }
        }
    }

    fn tell(&mut self, tally: &Tally, is_over: bool) {
        let now = Instant::now();
        self.told = Some(now);

        let mut seen = self.counted.clone();
        self.jobs.progress(&self.id, |record| {
            let progress = &mut record.progress;
            progress.files = tally.files;
            progress.files_failed = tally.failed;
            progress.files_reused = tally.reused;
            progress.bytes = self.measure.bytes(tally);
            progress.rows = tally.rows;
            progress.seconds = self.before + self.measure.elapsed(now).as_secs_f64();
            progress.failed_by_kind = tally
                .failed_by_kind
                .iter()
                .map(|(kind, files)| (kind.code().to_owned(), *files))
                .collect();

            let left = self.measure.left(tally, now);
            progress.bytes_per_second = self.measure.speed().filter(|_| !is_over);
            progress.seconds_left = left.filter(|_| !is_over).map(|left| left.as_secs());

            if tally.rows > 0 && progress.seconds_to_first_row.is_none() {
                let ms = now_ms().saturating_sub(self.created);
                progress.seconds_to_first_row = Some(ms as f64 / 1000.0);
            }
            if is_over {
                progress.waiting = None;
            }
            seen = progress.clone();
        });
        self.count(&seen);
    }
}

impl Observer for Watch {
    fn progress(&mut self, tally: &Tally, under_way: UnderWay) {
        let now = Instant::now();
        self.measure.update(tally, under_way, now);

        if self.budget.is_some_and(|budget| tally.failed > budget) {
            self.jobs.exceed(&self.id);
        }
        if self.told.is_none_or(|told| now.duration_since(told) >= EVERY) {
            self.tell(tally, false);
        }
    }

    fn notice(&mut self, notice: &Notice) {
        let text = notice.to_string();
        match notice {
            Notice::Waits(reason) => {
                let reason = reason.clone();
                self.jobs.progress(&self.id, |record| record.progress.waiting = Some(reason));
            }
            Notice::GoesOn => self.jobs.progress(&self.id, |record| record.progress.waiting = None),
            Notice::InputsChanged(_)
            | Notice::StartsOver(_)
            | Notice::NothingReused(_)
            | Notice::Resumed { .. }
            | Notice::ReadAlone { .. }
            | Notice::Remark(_)
            | Notice::WorkerLost(_) => {}
        }

        let event = NoticeEvent { at: rfc3339(now_ms()), text, warning: notice.is_warning() };
        self.jobs.note(&self.id, event);
    }

    fn ended(&mut self, tally: &Tally) {
        let now = Instant::now();
        self.measure.update(tally, UnderWay::default(), now);
        self.tell(tally, true);
    }
}
