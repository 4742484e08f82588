//! Tries again while the service is away or busy.

use std::time::{Duration, Instant};

use super::ClientError;

/// The first pause between two attempts, and the longest.
const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(10);

/// How long a service may be away, by default: it may be restarting on a slow machine.
const AWAY: Duration = Duration::from_secs(600);

/// Counts the time for which a service has been away, and says how long to pause.
#[derive(Debug, Clone)]
pub struct Patience {
    most: Duration,
    /// Since when nothing had success.
    since: Option<Instant>,
    pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience::of(AWAY)
    }
}

impl Patience {
    /// Patience that ends when nothing has had success for `most`.
    pub fn of(most: Duration) -> Self {
        Patience { most, since: None, pause: FIRST }
    }

    /// Something had success: the time begins anew.
    pub fn is_rewarded(&mut self) {
        self.since = None;
        self.pause = FIRST;
    }

    /// Whether the last attempt failed.
    pub fn is_tried(&self) -> bool {
        self.since.is_some()
    }

    /// Pauses after a failure that may pass.
    ///
    /// # Errors
    /// The failure itself, if it will not pass by waiting, or has lasted for too long.
    pub fn pause(&mut self, error: ClientError) -> Result<(), ClientError> {
        let since = *self.since.get_or_insert_with(Instant::now);
        if !error.is_temporary() || since.elapsed() >= self.most {
            return Err(error);
        }

        std::thread::sleep(self.pause);
        self.pause = (self.pause * 2).min(LONGEST);

        Ok(())
    }

    /// Does something until it has success.
    ///
    /// # Errors
    /// Those of [`Patience::pause`].
    pub fn with<T>(
        &mut self,
        mut attempt: impl FnMut() -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        loop {
            match attempt() {
                Ok(done) => {
                    self.is_rewarded();
                    return Ok(done);
                }
                Err(error) => self.pause(error)?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn away() -> ClientError {
        ClientError::Unreachable { server: "x".into(), reason: "y".into(), unsent: true }
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        let mut left = 2;
        let done = Patience::default().with(|| {
            left -= 1;
            if left == 0 { Ok("done") } else { Err(away()) }
        });

        assert_eq!(done.unwrap(), "done");
    }

    #[test]
    fn patience_ends() {
        let mut tried = 0;
        let failed = Patience::of(Duration::from_millis(300)).with(|| -> Result<(), _> {
            tried += 1;
            Err(away())
        });

        assert!(matches!(failed, Err(ClientError::Unreachable { .. })));
        assert_eq!(tried, 3, "at 0, 250 and 750 ms");
    }

    #[test]
    fn what_will_not_pass_is_told_at_once() {
        let strange = || ClientError::Strange { server: "x".into(), reason: "y".into() };
        let mut tried = 0;
        let failed = Patience::default().with(|| -> Result<(), _> {
            tried += 1;
            Err(strange())
        });

        assert!(failed.is_err());
        assert_eq!(tried, 1);
    }
}
