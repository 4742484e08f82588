//! Figures for Prometheus, at `/metrics`.
//!
//! Names go by the conventions of Prometheus. Values of labels are few: routes by their pattern,
//! states and kinds by the words of the interface; never ids or names.

mod labels;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::extract::{FromRef, MatchedPath, Request, State as Of};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::labels::{
    FitsLabel, KindLabel, OutcomeLabel, RequestLabels, ResultLabel, StateLabel, StepLabel,
    VersionLabel,
};
use super::problem::{Answer, Failure};
use crate::api::State;

/// A count of things at this moment.
type Now = Gauge<u64, AtomicU64>;
/// A sum of seconds.
type Seconds = Counter<f64, AtomicU64>;

/// The bounds of durations of jobs, in seconds: from a second to a day.
const DURATIONS: [f64; 11] =
    [1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 10_800.0, 21_600.0, 43_200.0, 86_400.0];

/// The figures of the service.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    jobs: Family<StateLabel, Now>,
    durations: Family<OutcomeLabel, Histogram, fn() -> Histogram>,
    files: Family<ResultLabel, Counter>,
    failures: Family<KindLabel, Counter>,
    rows: Counter,
    input: Counter,
    workers: Family<FitsLabel, Now>,
    slots: Now,
    busy: Now,
    steps: Family<StepLabel, Seconds>,
    uploads: Family<ResultLabel, Counter>,
    uploads_open: Now,
    uploaded: Counter,
    requests: Family<RequestLabels, Counter>,
    free: Now,
    pending: Now,
    ready: Now,
    silence: Gauge<f64, AtomicU64>,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics::new()
    }
}

fn durations() -> Histogram {
    Histogram::new(DURATIONS)
}

impl Metrics {
    /// All figures, at 0.
    pub fn new() -> Self {
        let mut metrics = Metrics {
            registry: Registry::with_prefix("sheaf"),
            jobs: Family::default(),
            durations: Family::new_with_constructor(durations),
            files: Family::default(),
            failures: Family::default(),
            rows: Counter::default(),
            input: Counter::default(),
            workers: Family::default(),
            slots: Gauge::default(),
            busy: Gauge::default(),
            steps: Family::default(),
            uploads: Family::default(),
            uploads_open: Gauge::default(),
            uploaded: Counter::default(),
            requests: Family::default(),
            free: Gauge::default(),
            pending: Gauge::default(),
            ready: Gauge::default(),
            silence: Gauge::default(),
        };
        metrics.register_work();
        metrics.register_service();

        // Alerts need figures that are 0, not absent ones.
        metrics.set_jobs(&[]);
        metrics.add_files(0, 0);
        metrics.set_workers(0, 0);
        metrics
    }

    fn register_work(&mut self) {
        let registry = &mut self.registry;
        registry.register("jobs", "Jobs by state", self.jobs.clone());
        registry.register_with_unit(
            "job_duration",
            "Time from the creation of a job to its end, by outcome",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register("files", "Input files that were read, by result", self.files.clone());
        let help = "Input files that failed, by kind";
        registry.register("file_failures", help, self.failures.clone());
        registry.register("rows", "Rows that were extracted", self.rows.clone());
        let help = "Size of the input files that were read";
        registry.register_with_unit("input", help, Unit::Bytes, self.input.clone());
        let help = "Files of queued and running jobs that are still to be read";
        registry.register("files_pending", help, self.pending.clone());
        let help = "Workers, by whether they can do tasks of this service";
        registry.register("workers", help, self.workers.clone());
        let help = "Files that the fitting workers can read at once";
        registry.register("worker_slots", help, self.slots.clone());
        let help = "Files that the fitting workers read now";
        registry.register("worker_slots_busy", help, self.busy.clone());
        let help = "Time that the runs of jobs took, by step: prepare, run, finish";
        registry.register_with_unit("step", help, Unit::Seconds, self.steps.clone());
    }

    fn register_service(&mut self) {
        let registry = &mut self.registry;
        registry.register("uploads", "Uploads that ended, by result", self.uploads.clone());
        registry.register("uploads_open", "Uploads that go on", self.uploads_open.clone());
        let help = "Bytes that were uploaded";
        registry.register_with_unit("uploaded", help, Unit::Bytes, self.uploaded.clone());
        let help = "Answered requests, by method, route and class of status";
        registry.register("http_requests", help, self.requests.clone());
        let help = "Free space on the disk of the data folder";
        registry.register_with_unit("disk_free", help, Unit::Bytes, self.free.clone());

        let help = "Whether the service takes jobs and uploads (1), as /readyz says, or not (0)";
        registry.register("ready", help, self.ready.clone());
        let help = "Time since the last turn of the loop that starts jobs";
        registry.register_with_unit("loop_silence", help, Unit::Seconds, self.silence.clone());

        let version = Info::new(VersionLabel { version: sheaf_common::VERSION });
        registry.register("build", "The version of the service", version);
    }

    /// How many jobs there are in each state; in a state that is not named, there are none.
    pub fn set_jobs(&self, counts: &[(State, u64)]) {
        for state in State::ALL {
            let count = counts.iter().find(|(of, _)| *of == state).map_or(0, |(_, count)| *count);
            self.jobs.get_or_create(&StateLabel { state: state.word() }).set(count);
        }
    }

    /// A job ended in a state, so many seconds after it was created.
    pub fn job_ended(&self, outcome: State, seconds: f64) {
        let outcome = OutcomeLabel { outcome: outcome.word() };
        self.durations.get_or_create(&outcome).observe(seconds);
    }

    /// So many more files were read, and so many failed.
    pub fn add_files(&self, done: u64, failed: u64) {
        self.files.get_or_create(&ResultLabel { result: "done" }).inc_by(done);
        self.files.get_or_create(&ResultLabel { result: "failed" }).inc_by(failed);
    }

    /// So many more files failed for a reason: a kind of a problem.
    pub fn add_failures(&self, kind: &'static str, files: u64) {
        self.failures.get_or_create(&KindLabel { kind }).inc_by(files);
    }

    /// So many more rows came, from so many bytes of files.
    pub fn add_rows(&self, rows: u64, bytes: u64) {
        self.rows.inc_by(rows);
        self.input.inc_by(bytes);
    }

    /// How many workers there are.
    pub fn set_workers(&self, fitting: u64, others: u64) {
        self.workers.get_or_create(&FitsLabel { fits: "true" }).set(fitting);
        self.workers.get_or_create(&FitsLabel { fits: "false" }).set(others);
    }

    /// How many slots the fitting workers have, and how many of them work.
    pub fn set_slots(&self, all: u64, busy: u64) {
        self.slots.set(all);
        self.busy.set(busy);
    }

    /// So many more seconds went into a step.
    pub fn add_step(&self, step: &'static str, seconds: f64) {
        // A counter that went back would look like a restart.
        self.steps.get_or_create(&StepLabel { step }).inc_by(seconds.max(0.0));
    }

    /// An upload began; it ends when the guard goes.
    pub fn upload_began(self: &Arc<Self>) -> OpenUpload {
        self.uploads_open.inc();
        OpenUpload { metrics: self.clone(), result: "cut" }
    }

    /// So many more bytes were uploaded.
    pub fn add_uploaded(&self, bytes: u64) {
        self.uploaded.inc_by(bytes);
    }

    /// How many files of queued and running jobs are still to be read.
    pub fn set_pending(&self, files: u64) {
        self.pending.set(files);
    }

    /// Whether the service takes jobs, and how many seconds ago its loop turned last.
    pub fn set_health(&self, is_ready: bool, silence: f64) {
        self.ready.set(is_ready.into());
        self.silence.set(silence);
    }

    /// How much space is free on the disk of the data folder.
    pub fn set_disk_free(&self, bytes: u64) {
        self.free.set(bytes);
    }

    /// All figures, as Prometheus reads them.
    ///
    /// # Errors
    /// None: writing into memory does not fail.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// An upload that goes on.
#[derive(Debug)]
pub struct OpenUpload {
    metrics: Arc<Metrics>,
    result: &'static str,
}

impl OpenUpload {
    /// It ended with its bytes `stored`, or `refused` for a reason.
    pub fn ended(mut self, is_stored: bool) {
        self.result = if is_stored { "stored" } else { "refused" };
    }
}

impl Drop for OpenUpload {
    fn drop(&mut self) {
        self.metrics.uploads_open.dec();
        self.metrics.uploads.get_or_create(&ResultLabel { result: self.result }).inc();
    }
}

/// `/metrics`.
pub fn router<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<Metrics>: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(show))
}

/// The figures of the service, in the text format of Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "metrics",
    tag = "operation",
    responses((status = 200, description = "The figures", body = String,
        content_type = "text/plain")),
)]
async fn show(Of(metrics): Of<Arc<Metrics>>) -> Answer<Response> {
    let text = metrics.text().map_err(|error| Failure::internal("writing figures", error))?;
    Ok(([(CONTENT_TYPE, prometheus_text::CONTENT_TYPE)], text).into_response())
}

/// A layer: counts requests.
pub async fn count(Of(metrics): Of<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let method = method(request.method());
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or_else(|| "other".into(), |route| route.as_str().to_owned());

    let response = next.run(request).await;
    let status = match response.status().as_u16() / 100 {
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    };

    metrics.requests.get_or_create(&RequestLabels { method, route, status }).inc();
    response
}

/// The name of a method; clients may send any word.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

#[cfg(test)]
mod tests;
