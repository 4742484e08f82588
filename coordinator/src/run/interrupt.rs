//! Ctrl-C: once stops cleanly, twice at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Becomes `true` at the first SIGINT or SIGTERM; `again` is called at the second.
///
/// # Errors
/// When the system gives no signal handlers.
pub fn watch(again: impl Fn() + Send + 'static) -> std::io::Result<watch::Receiver<bool>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if sender.send_replace(true) {
                again();
            }
        }
    });
    Ok(receiver)
}
