//! Waiting for something to become true, and saying what was seen last when it does not.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How long anything may take before a test fails: long, as the machine may be busy.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// How often it is looked.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks until `good`, and gives what was seen then.
///
/// # Panics
/// When [`DEADLINE`] has passed, with what was seen last.
pub async fn until<T: Debug>(
    what: &str,
    mut look: impl AsyncFnMut() -> T,
    good: impl Fn(&T) -> bool,
) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        let seen = look().await;
        if good(&seen) {
            return seen;
        }
        assert!(Instant::now() < end, "{what}: did not come true; last seen: {seen:?}");
        tokio::time::sleep(PAUSE).await;
    }
}
