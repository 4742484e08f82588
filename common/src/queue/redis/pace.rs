//! Measures how fast bytes arrive.

use std::sync::Mutex;
use std::time::Duration;

use redis::Value;

use crate::fit;

/// Transfers below this many bytes do not count: they measure the round trip, not the pace.
const LEAST: usize = 64 << 10;

/// The weight of the latest transfer in the average.
const SHARE: f64 = 0.4;

/// The pace of the last few transfers.
#[derive(Debug, Default)]
pub struct Pace(Mutex<Option<Measured>>);

#[derive(Debug, Clone, Copy)]
struct Measured {
    bytes_a_second: f64,
    /// The bytes of a value.
    length: f64,
}

impl Pace {
    /// Notes a transfer.
    pub fn note(&self, values: &[Value], took: Duration) {
        let length =
            |value: &Value| if let Value::BulkString(bytes) = value { bytes.len() } else { 0 };
        self.note_bytes(values.iter().map(length).sum(), values.len(), took);
    }

    fn note_bytes(&self, bytes: usize, values: usize, took: Duration) {
        if bytes < LEAST {
            return;
        }

        let now = Measured {
            bytes_a_second: bytes as f64 / took.as_secs_f64().max(1e-3),
            length: bytes as f64 / values.max(1) as f64,
        };

        // A moving average follows the link, but not a single slow transfer.
        let mut measured = self.0.lock().expect("no holder panics");
        let nearer = |before: f64, now: f64| before + SHARE * (now - before);
        *measured = Some(measured.map_or(now, |before| Measured {
            bytes_a_second: nearer(before.bytes_a_second, now.bytes_a_second),
            length: nearer(before.length, now.length),
        }));
    }

    /// Bytes a second; `None`: no transfer yet.
    pub fn bytes_a_second(&self) -> Option<f64> {
        self.0.lock().expect("no holder panics").map(|measured| measured.bytes_a_second)
    }

    /// How many bytes arrive in that time, and how many values these are, at least one; `None`: no
    /// transfer yet.
    pub fn in_time(&self, time: Duration) -> Option<(u64, usize)> {
        let measured = (*self.0.lock().expect("no holder panics"))?;
        let bytes = measured.bytes_a_second * time.as_secs_f64();
        let values = fit::floor(bytes / measured.length).max(1);
        Some((fit::floor(bytes), fit::size(values)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_follows_recent_transfers_ignoring_small_ones() {
        let pace = Pace::default();
        pace.note_bytes(100, 1, Duration::from_secs(1));
        assert_eq!(pace.bytes_a_second(), None);

        pace.note_bytes(10 << 20, 1, Duration::from_secs(1));
        for _ in 0..20 {
            pace.note_bytes(1 << 20, 4, Duration::from_secs(1));
        }

        let now = pace.bytes_a_second().unwrap();
        assert!((1e6..1.2e6).contains(&now), "{now}");
        assert!(matches!(pace.in_time(Duration::from_secs(1)), Some((1_000_000.., 3 | 4))));
        assert_eq!(pace.in_time(Duration::ZERO), Some((0, 1)));
    }
}
