//! `sheaf serve`: settings, listener, signals, then the service itself.

use std::io::{self, Write};
use std::net::SocketAddr;

use sheaf::cli::ServeArgs;
use sheaf::config::{RedisRun, ServeConfig, Verbosity};
use sheaf::errors::{Exit, Failure};
use sheaf::human::count;
use sheaf::service::app::{Service, Setup, url};
use sheaf::service::core::Settings;
use sheaf::service::store::{LockError, StoreError};
use sheaf_worker::pool::Program;
use sheaf_worker::signals::{self, Wish};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tracing::warn;

use super::SLOT;
use crate::process::{cores, log_service};

/// The fewest threads: the runs of many jobs write to the disk beside the answers to clients.
const THREADS: usize = 4;

/// Takes jobs over HTTP and runs them, until a signal.
pub fn serve(args: &ServeArgs) -> Result<Exit, Failure> {
    let config = ServeConfig::resolve(args, cores())?;
    log_service(config.verbosity);

    let threads = cores().get().max(THREADS);
    let runtime = Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::CouldNotRun, error))?;

    let served = runtime.block_on(serve_until_signal(config));

    // Without waiting for its threads: one may hang in the opening of a file.
    runtime.shutdown_background();
    served.map(|()| Exit::Done)
}

async fn serve_until_signal(config: ServeConfig) -> Result<(), Failure> {
    // Before anything else, as opening a large data folder takes a moment.
    let stop = stop_at_signal()?;
    let listener = bind(&config.listen).await?;
    let address = listener.local_addr().map_err(could_not_run)?;

    let is_tls = config.tls.is_some();
    let (quiet, data) = (config.verbosity == Verbosity::Quiet, config.data.clone());
    let guard = config.guard();

    let setup = Setup {
        settings: Settings {
            data: config.data,
            slots: config.processes,
            redis: config.redis.map(RedisRun::of_service),
            roots: config.roots,
            keep: config.keep,
            reserve: config.reserve,
            largest_content: config.largest_file,
        },
        tokens: config.tokens,
        tls: config.tls,
        guard,
        child: Program::this(SLOT),
    };
    let (service, unreadable) = Service::open(setup).map_err(not_opened)?;
    for record in unreadable {
        warn!("a job is left out, as its record cannot be read: {record}");
    }

    if !quiet {
        let active = match service.active_jobs() {
            0 => String::new(),
            jobs => format!(", {} to go on with", count(jobs as u64, "job")),
        };
        let url = url(address, is_tls);

        // If standard error is gone, the service works all the same.
        let _ = writeln!(io::stderr(), "serving on {url} (data in {}{active})", data.display());
    }

    service.run(listener, stop).await;
    Ok(())
}

/// Binds the first address that can be bound.
async fn bind(addresses: &[SocketAddr]) -> Result<TcpListener, Failure> {
    TcpListener::bind(addresses).await.map_err(|error| {
        let first = addresses.first().map(ToString::to_string).unwrap_or_default();
        let in_use = error.kind() == io::ErrorKind::AddrInUse;
        let failure = could_not_run(
            anyhow::Error::from(error).context(format!("could not listen on {first}")),
        );

        if in_use {
            failure.with_hint("another service runs there: use that one, or `--listen` elsewhere")
        } else {
            failure
        }
    })
}

/// Becomes true with the first signal to stop; the second ends the process at once.
fn stop_at_signal() -> Result<watch::Receiver<bool>, Failure> {
    let mut wishes = signals::listen().map_err(could_not_run)?;
    let (stopping, stop) = watch::channel(false);

    tokio::spawn(async move {
        while let Some(wish) = wishes.recv().await {
            match wish {
                Wish::Stop(_) => {
                    stopping.send_replace(true);
                }
                // The jobs go on at the next start.
                Wish::StopAtOnce(_) => std::process::exit(Exit::Interrupted as i32),
                Wish::Progress => {}
            }
        }
    });

    Ok(stop)
}

fn not_opened(error: StoreError) -> Failure {
    let is_in_use = matches!(&error, StoreError::Lock(LockError::InUse { .. }));
    let failure = could_not_run(error);

    if is_in_use {
        failure.with_hint("each service needs a folder of its own: `--data DIR`")
    } else {
        failure
    }
}

fn could_not_run(error: impl Into<anyhow::Error>) -> Failure {
    Failure::new(Exit::CouldNotRun, error)
}
