//! The signals that both programs take, and what they mean.
//!
//! | signal | meaning |
//! |---|---|
//! | SIGINT, SIGTERM, SIGHUP | stop cleanly; a second wish stops at once |
//! | SIGUSR1 | say how far it is |
//!
//! GNU `timeout` signals its child and then the child's whole group, so that one wish arrives twice
//! within a millisecond: what comes within [`SAME_WISH`] of the first is the same wish.

use std::io;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// A signal that comes so soon after the one before is the same wish, whichever of the three it is.
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

/// A wish that a signal stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Stop cleanly.
    Stop(Stop),
    /// Stop at once: it is not the first wish to stop.
    StopAtOnce(Stop),
    /// Say how far it is.
    Progress,
}

/// Takes the signals from now on. One that this process was started to ignore, as by `nohup`, stays
/// ignored.
///
/// # Errors
/// When the system gives no signal handlers.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn listen() -> io::Result<mpsc::Receiver<Wish>> {
    let (heard, mut signals) = mpsc::channel(16);
    let kinds = Stop::ALL.into_iter().map(|stop| (stop.kind(), Some(stop)));
    for (kind, stop) in kinds.chain([(SignalKind::user_defined1(), None)]) {
        if is_ignored(kind) {
            continue;
        }

        let mut signal = signal(kind)?;
        let heard = heard.clone();
        tokio::spawn(async move {
            while signal.recv().await.is_some() && heard.send(stop).await.is_ok() {}
        });
    }

    let (said, wishes) = mpsc::channel(16);
    tokio::spawn(async move {
        let mut told = Told::default();
        while let Some(signal) = signals.recv().await {
            let wish = match signal {
                Some(stop) => told.wish(stop, Instant::now()),
                None => Some(Wish::Progress),
            };

            if let Some(wish) = wish
                && said.send(wish).await.is_err()
            {
                return;
            }
        }
    });

    Ok(wishes)
}

/// The last wish to stop, by which the next signal is judged.
#[derive(Debug, Default)]
struct Told {
    at: Option<Instant>,
}

impl Told {
    /// The wish behind a signal at `now`; `None` if it is the same wish as the one before.
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
        let mut told = Told::default();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);

        assert_eq!(told.wish(Stop::Terminate, at(0)), Some(Wish::Stop(Stop::Terminate)));
        assert_eq!(told.wish(Stop::Terminate, at(1)), None);
        assert_eq!(told.wish(Stop::Interrupt, at(999)), None);
        assert_eq!(told.wish(Stop::Interrupt, at(1000)), Some(Wish::StopAtOnce(Stop::Interrupt)));
    }

    #[test]
    fn persistent_signals_become_a_second_wish() {
        let mut told = Told::default();
        let start = Instant::now();
        let wishes = (0..20).filter_map(|tenth| {
            told.wish(Stop::Interrupt, start + Duration::from_millis(tenth * 100))
        });
        assert_eq!(
            wishes.collect::<Vec<_>>(),
            [Wish::Stop(Stop::Interrupt), Wish::StopAtOnce(Stop::Interrupt)]
        );
    }
}
