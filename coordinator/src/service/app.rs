//! Puts the service together, and runs it until it is told to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use sheaf_worker::pool::Program;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::{info, warn};

use super::contents::{self, Contents};
use super::core::{Core, Settings};
use super::figures;
use super::http::auth::{Auth, Tokens};
use super::http::guard::Guard;
use super::http::health::{self, Health, Heartbeat};
use super::http::listen::{Limits, Server};
use super::http::metrics::{self, Metrics};
use super::http::openapi;
use super::http::shell;
use super::http::tls::Tls;
use super::routes;
use super::scheduler::schedule;
use super::store::StoreError;

/// What a service is made of.
pub struct Setup {
    pub settings: Settings,
    /// `None`: everybody may do everything.
    pub tokens: Option<Tokens>,
    pub tls: Option<Tls>,
    /// What requests of browsers are held against.
    pub guard: Guard,
    /// The program of the slots' children.
    pub child: Program,
}

/// A service that is ready to run.
pub struct Service {
    core: Arc<Core>,
    contents: Arc<Contents>,
    auth: Arc<Auth>,
    guard: Guard,
    tls: Option<Tls>,
}

/// What handlers take their parts from.
#[derive(Clone)]
struct App {
    core: Arc<Core>,
    contents: Arc<Contents>,
    auth: Arc<Auth>,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
}

impl FromRef<App> for Arc<Core> {
    fn from_ref(app: &App) -> Self {
        Arc::clone(&app.core)
    }
}

impl FromRef<App> for Arc<Contents> {
    fn from_ref(app: &App) -> Self {
        Arc::clone(&app.contents)
    }
}

impl FromRef<App> for Arc<Auth> {
    fn from_ref(app: &App) -> Self {
        Arc::clone(&app.auth)
    }
}

impl FromRef<App> for Arc<Health> {
    fn from_ref(app: &App) -> Self {
        Arc::clone(&app.health)
    }
}

impl FromRef<App> for Arc<Metrics> {
    fn from_ref(app: &App) -> Self {
        Arc::clone(&app.metrics)
    }
}

impl Service {
    /// Opens the data folder, with all its jobs. The second value names records that could not be
    /// read: their jobs are left out.
    ///
    /// # Errors
    /// When the folder cannot be used, or another service has it.
    pub fn open(setup: Setup) -> Result<(Self, Vec<String>), StoreError> {
        let Setup { settings, tokens, tls, guard, child } = setup;

        let (core, unreadable) = Core::open(settings, child)?;
        let contents = core.open_contents()?;

        let service = Service {
            core: Arc::new(core),
            contents: Arc::new(contents),
            auth: Arc::new(Auth::new(tokens)),
            guard,
            tls,
        };
        Ok((service, unreadable))
    }

    /// How many jobs are not finished.
    pub fn active_jobs(&self) -> usize {
        self.core.jobs.active().len()
    }

    /// Serves on `listener` until `stop` is true. Returns when all runs are at rest and all
    /// connections are closed.
    pub async fn run(self, listener: TcpListener, stop: watch::Receiver<bool>) {
        let Service { core, contents, auth, guard, tls } = self;

        let heart = Arc::new(Heartbeat::new());
        let ready = Arc::clone(&core);
        let health = Health::new(Arc::clone(&heart), Box::new(move || ready.readiness()));
        let metrics = Arc::clone(&core.metrics);

        let app = App {
            core: Arc::clone(&core),
            contents: Arc::clone(&contents),
            auth: Arc::clone(&auth),
            health: Arc::new(health),
            metrics: Arc::clone(&metrics),
        };
        let api = openapi::base()
            .merge(health::router())
            .merge(metrics::router())
            .merge(contents::router())
            .merge(routes::routes());
        let router = shell(api, app, auth, guard, Arc::clone(&metrics));

        // Clients hear of the end of their jobs before their connections are closed.
        let (close, closed) = watch::channel(false);
        let server =
            tokio::spawn(Server::new(router, tls, Limits::default(), closed).run(listener));

        let (rest, resting) = watch::channel(false);
        let working = tokio::spawn({
            let core = Arc::clone(&core);
            async move { core.engine.work(resting).await }
        });
        let figures = tokio::spawn(figures::keep(Arc::clone(&core), Arc::clone(&heart)));

        let beat = move || heart.beat();
        schedule(Arc::clone(&core), contents, stop, beat).await;

        // The runs are at rest, so the worker has nothing left to do.
        rest.send_replace(true);
        let _ = working.await;
        figures.abort();

        close.send_replace(true);
        if tokio::time::timeout(CLOSING, server).await.is_err() {
            warn!("some connections did not close in time");
        }
        info!("the service has stopped");
    }
}

/// The longest that closing all connections may take.
const CLOSING: Duration = Duration::from_secs(10);

/// The address of a service, as a browser takes it.
pub fn url(address: SocketAddr, is_tls: bool) -> String {
    let scheme = if is_tls { "https" } else { "http" };

    // A browser on this machine reaches it so.
    if address.ip().is_unspecified() {
        return format!("{scheme}://localhost:{}", address.port());
    }
    format!("{scheme}://{address}")
}
