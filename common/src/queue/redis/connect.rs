//! The first check of a server, and the pauses between tries.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use redis::Value;
use tokio::time::Instant;

use super::check;
use super::fault::Fault;
use super::pool::Pool;

/// The first pause after a fault; it doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Dials once and checks whether the server can be used.
///
/// # Errors
/// [`Fault`], within three times [`super::Timing::connect`], whatever answers.
pub async fn try_out(pool: &Pool) -> Result<(), Fault> {
    let mut connection = pool.dial().await?;
    let server = &pool.server;
    let address = &server.address;

    match connection.send(&redis::cmd("INFO"), server.timing.connect).await {
        Ok(Value::BulkString(info)) => match check::usable(&String::from_utf8_lossy(&info)) {
            // In a failover sentinels may still name the old master: a later try finds the new one.
            Err(Fault::Hopeless { reason, .. })
                if server.sentinels.is_some() && reason.contains("replica") =>
            {
                Err(Fault::Broken(reason))
            }
            checked => checked,
        },
        Ok(_) => Err(Fault::not_redis()),
        Err(Fault::Broken(why)) => Err(Fault::Broken(format!(
            "{address} accepts connections, but does not answer ({why}); is it really a Redis?"
        ))),
        Err(other) => Err(other),
    }
}

/// The tries of one call: until when they go on, and the pauses between them.
pub struct Tries {
    patience: Duration,
    /// The end of the patience, which begins with the first fault: the time before it may have been
    /// spent on a long transfer.
    until: Option<Instant>,
    wait: Duration,
}

impl Tries {
    pub fn new(patience: Duration) -> Self {
        Tries { patience, until: None, wait: FIRST_WAIT }
    }

    /// Waits before the next try; `false` when there is no time for another.
    ///
    /// The wait is random, between half and all of a time that doubles, so that clients that one
    /// fault cut off do not come back at the same moment.
    pub async fn again(&mut self) -> bool {
        let share = 0.5 + 0.5 * random();
        let wait = self.wait.mul_f64(share);
        self.wait = (self.wait * 2).min(LONGEST_WAIT);

        let until = *self.until.get_or_insert_with(|| Instant::now() + self.patience);
        // No try can begin in time, so it fails now instead of after the wait.
        if Instant::now() + wait > until {
            return false;
        }

        tokio::time::sleep(wait).await;
        true
    }
}

/// A number from 0 to 1. The standard library's hash keys are random, which is all the randomness
/// that jitter needs.
fn random() -> f64 {
    RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tries_grow_apart_and_end() {
        let patience = Duration::from_millis(600);
        let began = Instant::now();
        let mut tries = Tries::new(patience);
        let mut waits = 0;

        while tries.again().await {
            waits += 1;
        }
        // 25–50, 50–100, 100–200, 200–400 ms: at least two fit, five never do.
        assert!((2..=4).contains(&waits), "{waits} in {:?}", began.elapsed());
    }
}
