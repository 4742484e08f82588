//! Waits for a server that is not up yet.

use std::time::Duration;

use sheaf_common::queue::{QueueError, RedisConfig, RedisQueue};
use tokio::time::Instant;
use tracing::warn;

/// The wait after the first failed attempt; doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The interval at which the log repeats that the server is not up.
const SAY_AGAIN: Duration = Duration::from_secs(60);

/// Connects; retries until the server can be used.
///
/// # Errors
/// [`QueueError::Unusable`], as waiting would not help; [`QueueError::Here`], as the server is not
/// to blame.
pub async fn connect(config: &RedisConfig) -> Result<RedisQueue, QueueError> {
    let mut wait = FIRST_WAIT;
    let mut said: Option<Instant> = None;
    loop {
        match RedisQueue::connect(config.clone()).await {
            // A server that is still starting gives these errors.
            Err(
                error @ (QueueError::Unreachable(_) | QueueError::Refused(_) | QueueError::Full(_)),
            ) => {
                if said.is_none_or(|at| at.elapsed() >= SAY_AGAIN) {
                    said = Some(Instant::now());
                    let redis = config.address();
                    warn!(redis, %error, hint = error.hint(), "waiting for Redis");
                }

                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
            connected_or_hopeless => return connected_or_hopeless,
        }
    }
}
