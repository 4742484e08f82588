//! Waits for a condition, and shows the last value if it fails.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// The time after which a wait fails. It is long, as the machine may be busy.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Calls `look` until the value is `good`; returns that value.
///
/// # Panics
/// After [`DEADLINE`], with the last value.
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
