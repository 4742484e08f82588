//! The signals that `sheaf` and `sheaf-worker` handle, and what they mean.
//!
//! | signal | meaning |
//! |---|---|
//! | SIGINT, SIGTERM, SIGHUP | stop cleanly; a second wish stops at once |
//! | SIGUSR1 | report progress |
//!
//! A *wish* is what a signal asks for. GNU `timeout` signals its child and then the child's whole
//! group, so one wish arrives twice within a millisecond. Hence any signal to stop within
//! [`SAME_WISH`] of the first counts as the same wish.

use std::io;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// The time after a wish to stop in which further signals to stop belong to the same wish.
pub const SAME_WISH: Duration = Duration::from_secs(1);

/// A signal that asks to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    Interrupt,
    Terminate,
    HangUp,
}

impl Stop {
    const ALL: [Stop; 3] = [Stop::Interrupt, Stop::Terminate, Stop::HangUp];

    /// The name of the signal, and its usual sender.
    pub fn name(self) -> &'static str {
        match self {
            Stop::Interrupt => "SIGINT (Ctrl-C)",
            Stop::Terminate => "SIGTERM",
            Stop::HangUp => "SIGHUP (the terminal is gone)",
        }
    }

    fn kind(self) -> SignalKind {
        match self {
            Stop::Interrupt => SignalKind::interrupt(),
            Stop::Terminate => SignalKind::terminate(),
            Stop::HangUp => SignalKind::hangup(),
        }
    }
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Stop cleanly.
    Stop(Stop),
    /// Stop at once: this is the second wish to stop, or a later one.
    StopAtOnce(Stop),
    /// Report progress.
    Progress,
}

/// Handles the signals from now on. A signal that this process was started to ignore, as by
/// `nohup`, stays ignored.
///
/// # Errors
/// The system refuses a signal handler.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn listen() -> io::Result<mpsc::Receiver<Wish>> {
    let (signals_in, mut signals) = mpsc::channel(16);
    let kinds = Stop::ALL.into_iter().map(|stop| (stop.kind(), Some(stop)));
    for (kind, stop) in kinds.chain([(SignalKind::user_defined1(), None)]) {
        // A handler would undo `nohup`.
        if is_ignored(kind) {
            continue;
        }

        let mut signal = signal(kind)?;
        let signals_in = signals_in.clone();
        tokio::spawn(async move {
            while signal.recv().await.is_some() && signals_in.send(stop).await.is_ok() {}
        });
    }

    // One task sees the signals of all kinds, so that it can tell whether two are the same wish.
    let (wishes_in, wishes) = mpsc::channel(16);
    tokio::spawn(async move {
        let mut last = LastStop::default();
        while let Some(signal) = signals.recv().await {
            let wish = match signal {
                Some(stop) => last.wish(stop, Instant::now()),
                None => Some(Wish::Progress),
            };

            if let Some(wish) = wish
                && wishes_in.send(wish).await.is_err()
            {
                return;
            }
        }
    });

    Ok(wishes)
}

/// The last wish to stop, by which the next signal is judged.
#[derive(Debug, Default)]
struct LastStop {
    at: Option<Instant>,
}

impl LastStop {
    /// The wish behind a signal at `now`; `None` if it repeats the wish before.
    fn wish(&mut self, stop: Stop, now: Instant) -> Option<Wish> {
        match self.at {
            Some(at) if now.duration_since(at) < SAME_WISH => None,
            before => {
                self.at = Some(now);
                Some(if before.is_some() { Wish::StopAtOnce(stop) } else { Wish::Stop(stop) })
            }
        }
    }
}

/// Whether this process was started with the signal ignored (proc(5), `SigIgn`).
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")?.trim().into());
    let mask = mask.and_then(|mask: &str| u64::from_str_radix(mask, 16).ok()).unwrap_or(0);
    mask >> (kind.as_raw_value() - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_within_a_second_are_one_wish() {
        let mut last = LastStop::default();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);

        assert_eq!(last.wish(Stop::Terminate, at(0)), Some(Wish::Stop(Stop::Terminate)));
        assert_eq!(last.wish(Stop::Terminate, at(1)), None);
        assert_eq!(last.wish(Stop::Interrupt, at(999)), None);
        assert_eq!(last.wish(Stop::Interrupt, at(1000)), Some(Wish::StopAtOnce(Stop::Interrupt)));
    }

    #[test]
    fn persistent_signals_become_a_second_wish() {
        let mut last = LastStop::default();
        let start = Instant::now();
        let wishes = (0..20).filter_map(|tenth| {
            last.wish(Stop::Interrupt, start + Duration::from_millis(tenth * 100))
        });
        assert_eq!(
            wishes.collect::<Vec<_>>(),
            [Wish::Stop(Stop::Interrupt), Wish::StopAtOnce(Stop::Interrupt)]
        );
    }
}
