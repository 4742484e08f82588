//! Signals while a run goes on: the first wish to stop stops it cleanly, the second at once;
//! SIGUSR1 wants to know how far it is.

use std::io;

use sheaf_worker::signals::{self, Stop, Wish};

use crate::run::Interrupt;

/// Why a run is ended at once, without stopping cleanly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtOnce {
    /// The run had not begun: there was nothing to stop.
    NotBegun,
    /// It is the second wish to stop.
    ToldAgain,
}

/// Takes the signals of this process for one run from now on. `at_once` is called, and is not to
/// return, when a wish to stop comes before the run has begun, and when a second one comes after
/// it.
///
/// # Errors
/// When the system gives no signal handlers.
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
                // Nothing was begun yet that could stop by itself.
                Wish::Stop(stop) => at_once(stop, AtOnce::NotBegun),
                Wish::StopAtOnce(stop) => at_once(stop, AtOnce::ToldAgain),
            }
        }
    });

    Ok(interrupt)
}
