//! The figures, as Prometheus reads them. Their names are like those of `sheaf serve`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prometheus_client::encoding::{EncodeLabelSet, prometheus_text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use sheaf_common::VERSION;

use super::super::health::LATELY;
use crate::run::Tally;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TaskLabels {
    class: &'static str,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepLabel {
    step: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VersionLabel {
    version: &'static str,
}

/// What the figures are made from.
#[derive(Debug)]
pub struct Figures {
    tally: Arc<Tally>,
    slots: u64,
    began: Instant,
}

impl Figures {
    /// The figures of a worker that begins now.
    pub fn new(tally: Arc<Tally>, slots: usize) -> Self {
        Figures { tally, slots: slots as u64, began: Instant::now() }
    }

    /// The time since a queue answered last, or since the start if none ever did.
    fn silence(&self) -> Duration {
        self.tally.polled_ago().unwrap_or_else(|| self.began.elapsed())
    }

    /// Checks that a queue answered lately, as `sheaf-worker health` does.
    ///
    /// # Errors
    /// Why the worker does not work, in a sentence.
    pub fn health(&self) -> Result<(), String> {
        match self.tally.polled_ago() {
            Some(ago) if ago <= LATELY => Ok(()),
            Some(ago) => Err(format!("the worker last heard from Redis {} s ago", ago.as_secs())),
            None => Err("the worker has not heard from Redis yet: its log says why".into()),
        }
    }

    /// All figures, in the text format of Prometheus.
    ///
    /// # Errors
    /// None: writing into memory does not fail.
    pub fn text(&self) -> Result<String, fmt::Error> {
        // The tally is the truth, so this is made from it each time.
        let mut registry = Registry::with_prefix("sheaf");
        self.register_worker(&mut registry);
        self.register_work(&mut registry);
        self.register_time(&mut registry);

        let mut text = String::new();
        prometheus_text::encode(&mut text, &registry)?;
        Ok(text)
    }

    fn register_worker(&self, registry: &mut Registry) {
        let help = "Files that the worker can read at once";
        registry.register("worker_slots", help, gauge(self.slots));
        let busy = self.tally.busy.load(Ordering::Relaxed);
        registry.register("worker_slots_busy", "Slots that have a task now", gauge(busy));

        let stashed = self.tally.stashed.load(Ordering::Relaxed);
        let help = "Rows that the worker holds in memory";
        registry.register_with_unit("worker_stash", help, Unit::Bytes, gauge(stashed));

        let version = Info::new(VersionLabel { version: VERSION });
        registry.register("build", "The version of the worker", version);
    }

    fn register_work(&self, registry: &mut Registry) {
        let tally = &self.tally;
        let failures = Family::<KindLabel, Counter>::default();
        let mut failed = 0;
        for (kind, count) in tally.failed() {
            failed += count;
            failures.get_or_create(&KindLabel { kind: kind.code() }).inc_by(count);
        }

        // The files are counted first, so this cannot be negative for long.
        let done = tally.files.load(Ordering::Relaxed).saturating_sub(failed);
        let files = Family::<ResultLabel, Counter>::default();
        files.get_or_create(&ResultLabel { result: "done" }).inc_by(done);
        files.get_or_create(&ResultLabel { result: "failed" }).inc_by(failed);

        registry.register("worker_files", "Input files that were read, by result", files);
        registry.register("worker_file_failures", "Input files that failed, by kind", failures);

        let bytes = counter(tally.bytes.load(Ordering::Relaxed));
        let help = "Size of the input files that were read";
        registry.register_with_unit("worker_input", help, Unit::Bytes, bytes);
        let rows = counter(tally.rows.load(Ordering::Relaxed));
        registry.register("worker_rows", "Rows that were extracted", rows);

        let tasks = Family::<TaskLabels, Counter>::default();
        for (class, end, count) in tally.tasks.all() {
            let labels = TaskLabels { class: class.name(), result: end.word() };
            tasks.get_or_create(&labels).inc_by(count);
        }
        registry.register("worker_tasks", "Tasks that ended, by class and result", tasks);
    }

    fn register_time(&self, registry: &mut Registry) {
        let steps = Family::<StepLabel, Counter<f64, AtomicU64>>::default();
        for (step, watch) in self.tally.steps.named() {
            steps.get_or_create(&StepLabel { step }).inc_by(watch.spent().as_secs_f64());
        }
        let help = "Time that was spent, by step: of slots, and in calls to the queue";
        registry.register_with_unit("step", help, Unit::Seconds, steps);

        let silence = Gauge::<f64, AtomicU64>::default();
        silence.set(self.silence().as_secs_f64());
        let help = "Time since Redis answered last, or since the start if it never did";
        registry.register_with_unit("worker_last_poll", help, Unit::Seconds, silence);
    }
}

fn gauge(value: u64) -> Gauge<u64, AtomicU64> {
    let gauge = Gauge::default();
    gauge.set(value);
    gauge
}

fn counter(value: u64) -> Counter {
    let counter = Counter::default();
    counter.inc_by(value);
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_come_from_the_tally() {
        let tally = Arc::new(Tally::default());
        tally.files.store(7, Ordering::Relaxed);
        let figures = Figures::new(Arc::clone(&tally), 3);

        let text = figures.text().unwrap();
        for line in [
            "sheaf_worker_slots 3",
            "sheaf_worker_slots_busy 0",
            "sheaf_worker_files_total{result=\"done\"} 7",
            "sheaf_worker_file_failures_total{kind=\"too-large\"} 0",
            "sheaf_worker_tasks_total{class=\"render\",result=\"given-back\"} 0",
            "sheaf_worker_stash_bytes 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in:\n{text}");
        }
        assert!(figures.health().is_err());
        tally.polled();
        assert_eq!(figures.health(), Ok(()));
    }
}
