//! Numbers put into types that hold less. What is too large becomes the largest that there is, and
//! never another number: for counts and times that are said, or that bound something. Where that
//! would be wrong, `try_from` says so.

use std::time::Duration;

/// A time in whole milliseconds.
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A time in whole microseconds.
pub fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// How many things there are.
pub fn count(things: usize) -> u32 {
    u32::try_from(things).unwrap_or(u32::MAX)
}

/// A size in memory.
pub fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// The whole number at or below `number`; 0 for what is below 0, or no number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` gives the nearest number that the type has"
)]
pub fn floor(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_becomes_the_largest() {
        assert_eq!((millis(Duration::from_micros(1999)), millis(Duration::MAX)), (1, u64::MAX));
        assert_eq!((micros(Duration::from_nanos(1999)), micros(Duration::MAX)), (1, u64::MAX));
        assert_eq!((count(7), count(1 << 40)), (7, u32::MAX));
        assert_eq!([-1.5, f64::NAN, 2.9, 1e300].map(floor), [0, 0, 2, u64::MAX]);
    }
}
