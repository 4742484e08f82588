//! Waits for a server that is not there yet.

use std::time::Duration;

use sheaf_common::queue::{QueueError, RedisConfig, RedisQueue};
use tokio::time::Instant;
use tracing::warn;

/// The first wait after a try that failed; doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How often it is said again that the server is still not there.
const SAY_AGAIN: Duration = Duration::from_secs(60);

/// Tries until the server can be used.
///
/// # Errors
/// [`QueueError::Unusable`], when waiting is of no use.
pub async fn connect(config: &RedisConfig) -> Result<RedisQueue, QueueError> {
    let mut wait = FIRST_WAIT;
    let mut said: Option<Instant> = None;
    loop {
        match RedisQueue::connect(config.clone()).await {
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
