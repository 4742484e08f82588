//! A job with what is only in memory.

use std::collections::VecDeque;
use std::time::Instant;

use crate::api::{History, NoticeEvent, Sample};
use crate::run::Interrupter;
use crate::service::record::Record;
use crate::service::store::Key;

/// The most samples of a job. When there are more, every second one is dropped.
const SAMPLES: usize = 600;
/// The notices of a job that are kept.
const NOTICES: usize = 100;

/// A job.
pub struct Entry {
    pub key: Key,
    /// Its place among all jobs by age, the oldest first.
    pub number: u64,
    pub record: Record,
    /// Whether the record on disk is older, as it could not be written.
    pub is_unsaved: bool,
    /// Stops its run; `None`: it does not run.
    pub interrupter: Option<Interrupter>,
    /// It is not started before.
    pub rests_until: Option<Instant>,
    /// Whether it is about to be started.
    pub is_starting: bool,
    /// The last incidents of its runs.
    pub notices: VecDeque<NoticeEvent>,
    samples: Vec<Sample>,
    /// The seconds between two samples.
    step: f64,
}

impl Entry {
    pub fn new(key: Key, number: u64, record: Record) -> Self {
        Entry {
            key,
            number,
            record,
            is_unsaved: false,
            interrupter: None,
            rests_until: None,
            is_starting: false,
            notices: VecDeque::new(),
            samples: Vec::new(),
            step: 1.0,
        }
    }

    /// Adds the present progress to the history, unless the last sample is too young. The end of a
    /// run is added in any case.
    pub fn sample(&mut self, is_end: bool) {
        let progress = &self.record.progress;
        let is_due = self.samples.last().is_none_or(|last| progress.seconds >= last.at + self.step);
        if !is_due && !is_end {
            return;
        }

        self.samples.push(Sample {
            at: progress.seconds,
            files: progress.files,
            failed: progress.files_failed,
            bytes: progress.bytes,
            rows: progress.rows,
        });

        if self.samples.len() >= SAMPLES {
            let mut index = 0;
            self.samples.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.step *= 2.0;
        }
    }

    /// Forgets the history: the job begins anew.
    pub fn forget_samples(&mut self) {
        self.samples.clear();
        self.step = 1.0;
    }

    pub fn history(&self) -> History {
        History { samples: self.samples.clone() }
    }

    pub fn note(&mut self, notice: NoticeEvent) {
        if self.notices.len() == NOTICES {
            self.notices.pop_front();
        }
        self.notices.push_back(notice);
    }
}
