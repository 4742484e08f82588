//! How far an upload is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::report::{HowFar, Mode, Screen};

/// What the threads that hash have done. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    hashed: Arc<AtomicU64>,
}

impl Counters {
    pub fn hashed(&self, bytes: u64) {
        self.hashed.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Shows how far an upload is.
pub struct Meter {
    screen: Screen,
    began: Instant,
    counters: Counters,
    total_files: u64,
    total_bytes: u64,
    /// Files that the service has, or that cannot be read.
    files: u64,
    bytes: u64,
    /// Bytes of the file that is being sent.
    part: u64,
}

impl Meter {
    /// Begins now.
    pub fn new(total_files: u64, total_bytes: u64, mode: Mode) -> Self {
        Meter {
            screen: Screen::new(mode),
            began: Instant::now(),
            counters: Counters::default(),
            total_files,
            total_bytes,
            files: 0,
            bytes: 0,
            part: 0,
        }
    }

    pub(super) fn counters(&self) -> Counters {
        self.counters.clone()
    }

    /// A file is done with.
    pub(super) fn settle(&mut self, bytes: u64) {
        self.part = 0;
        self.settle_many(1, bytes);
    }

    pub(super) fn settle_many(&mut self, files: u64, bytes: u64) {
        self.files += files;
        self.bytes += bytes;
        self.show();
    }

    /// Some bytes of a large file are on their way.
    pub(super) fn show_part(&mut self, bytes: u64) {
        self.part += bytes;
        self.show();
    }

    /// Shows the progress, unless it was shown just now.
    pub fn show(&mut self) {
        let now = Instant::now();
        if !self.screen.is_due(now) {
            return;
        }

        // Hashing and sending each count for half, so that the bar moves while either goes on.
        let hashed = self.counters.hashed.load(Ordering::Relaxed);
        let bytes = (hashed + self.bytes + self.part) / 2;
        self.screen.show(&HowFar {
            doing: Some("uploading"),
            files: self.files.min(self.total_files),
            total_files: self.total_files,
            bytes: bytes.min(self.total_bytes),
            total_bytes: self.total_bytes,
            elapsed: now.duration_since(self.began),
            ..HowFar::default()
        });
    }

    /// Removes the bar.
    pub fn clear(&self) {
        self.screen.clear();
    }
}
