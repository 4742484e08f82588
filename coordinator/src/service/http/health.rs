//! Whether the service is alive, and whether it is ready.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{FromRef, State};
use sheaf_common::fit;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::{Answer, Failure};
use crate::api::Problem;

/// How long the loop of the service may take for a turn.
const LONGEST_TURN: Duration = Duration::from_secs(10);

/// Says that the loop of the service turns.
#[derive(Debug)]
pub struct Heartbeat {
    began: Instant,
    /// Milliseconds from `began` to the last beat.
    last: AtomicU64,
}

impl Heartbeat {
    /// A heart that beats now.
    #[expect(clippy::new_without_default, reason = "it depends on the time")]
    pub fn new() -> Self {
        Heartbeat { began: Instant::now(), last: AtomicU64::new(0) }
    }

    /// Called at each turn of the loop.
    pub fn beat(&self) {
        self.last.store(fit::millis(self.began.elapsed()), Ordering::Relaxed);
    }

    /// The time since the last beat.
    pub fn silence(&self) -> Duration {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        self.began.elapsed().saturating_sub(last)
    }
}

/// Says whether the service takes jobs; if not, why.
pub type Readiness = Box<dyn Fn() -> Result<(), String> + Send + Sync>;

/// What the checks of health look at.
pub struct Health {
    heart: Arc<Heartbeat>,
    ready: Readiness,
}

impl Health {
    pub fn new(heart: Arc<Heartbeat>, ready: Readiness) -> Self {
        Health { heart, ready }
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Health({:?})", self.heart)
    }
}

/// `/healthz` and `/readyz`.
pub fn router<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<Health>: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(alive)).routes(routes!(ready))
}

/// Whether the service is alive: its loop turned in the last 10 s.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "healthz",
    tag = "operation",
    responses(
        (status = 200, description = "It is", body = String, content_type = "text/plain"),
        (status = 503, description = "It hangs", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
async fn alive(State(health): State<Arc<Health>>) -> Answer<&'static str> {
    let silence = health.heart.silence();
    if silence <= LONGEST_TURN {
        return Ok("ok\n");
    }

    Err(Failure::unavailable(format!("the service has hung for {} s", silence.as_secs()))
        .hint("restart it: its jobs go on where they are"))
}

/// Whether the service takes jobs and uploads.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "readyz",
    tag = "operation",
    responses(
        (status = 200, description = "It does", body = String, content_type = "text/plain"),
        (status = 503, description = "It does not, and why", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
async fn ready(State(health): State<Arc<Health>>) -> Answer<&'static str> {
    match (health.ready)() {
        Ok(()) => Ok("ready\n"),
        Err(why) => Err(Failure::unavailable(why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_silent_heart_is_not_alive() {
        let mut heart = Heartbeat::new();
        heart.began -= Duration::from_secs(60);
        heart.beat();
        assert!(heart.silence() < LONGEST_TURN);

        let mut late = Heartbeat::new();
        late.began -= Duration::from_secs(60);
        for (heart, expected) in [(heart, None), (late, Some(503))] {
            let health = Arc::new(Health::new(Arc::new(heart), Box::new(|| Ok(()))));
            let answer = alive(State(health)).await;
            assert_eq!(answer.err().map(|failure| failure.problem().status), expected);
        }
    }

    #[tokio::test]
    async fn who_is_not_ready_says_why() {
        let why = || Err("the disk is full".into());
        let health = Arc::new(Health::new(Arc::new(Heartbeat::new()), Box::new(why)));
        let failure = ready(State(health)).await.unwrap_err();
        assert_eq!(failure.problem().detail, "the disk is full");
    }
}
