//! Figures of a worker for Prometheus (`--metrics`), and whether it is healthy.
//!
//! * [`figures`]: the tally of the worker → text.
//! * [`listen`]: the connections, and their limits.

mod figures;
mod listen;

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

pub use figures::Figures;
pub use listen::serve;

use super::{Exit, Failure};

/// Listens on the address of `--metrics`.
///
/// # Errors
/// [`Exit::CouldNotRun`]: the system refuses the address.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let reason = format!("could not listen on `{address}` for `--metrics`: {error}");
        let failure = Failure::new(Exit::CouldNotRun, reason);
        match error.kind() {
            io::ErrorKind::AddrInUse => {
                failure.with_hint("give each worker of this machine a port of its own")
            }
            io::ErrorKind::AddrNotAvailable => {
                failure.with_hint("name an address of this machine, or `0.0.0.0` for all of them")
            }
            _ => failure,
        }
    })
}
