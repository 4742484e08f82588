//! Signals during a run: the first that wants a stop stops it cleanly, the second at once. SIGUSR1
//! asks how far it is.

use std::io;

use sheaf_worker::signals::{self, Stop, Wish};

use crate::run::Interrupt;

/// Why a run ends at once, without a clean stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtOnce {
    /// The run had not begun, so there was nothing to stop cleanly.
    NotBegun,
    /// A second signal came.
    Again,
}

/// From now on, passes the signals of this process to one run. `at_once` is called when a stop is
/// wanted before the run has begun, or a second time. It must not return.
///
/// # Errors
/// When the system refuses signal handlers.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn watch(at_once: impl Fn(Stop, AtOnce) + Send + 'static) -> io::Result<Interrupt> {
    let mut wishes = signals::listen()?;
    let (interrupter, interrupt) = Interrupt::new();

    tokio::spawn(async move {
        while let Some(wish) = wishes.recv().await {
            match wish {
                Wish::Progress => interrupter.ask(),
                Wish::Stop(stop) if interrupter.has_begun() => interrupter.stop(stop),
                // The run does not look at its interrupt yet.
                Wish::Stop(stop) => at_once(stop, AtOnce::NotBegun),
                Wish::StopAtOnce(stop) => at_once(stop, AtOnce::Again),
            }
        }
    });

    Ok(interrupt)
}
