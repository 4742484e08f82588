//! Reads sizes and times as people type them, with one grammar for both programs.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::fit;

/// The form of a size, for messages.
pub const A_SIZE: &str = "a size such as `512M` or `2GiB`";
/// The form of a time, for messages.
pub const A_TIME: &str = "a time such as `60s`, `2m` or `500ms`, more than zero";

/// Reads a number of bytes: `2GiB`, `512M`, `1.5G`, `100MB`, `4096`; `None` for anything else.
///
/// As with `dd`: `K M G T` and `KiB MiB GiB TiB` are powers of 1024, `kB MB GB TB` powers of 1000;
/// case does not matter.
pub fn bytes(typed: &str) -> Option<u64> {
    let (number, unit) = split(typed)?;

    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return None,
    };

    let bytes = number * factor as f64;
    (bytes < u64::MAX as f64).then(|| fit::floor(bytes))
}

/// Reads a whole number of one or more.
///
/// # Errors
/// A text that says what was expected, for a message with the option and its value.
pub fn at_least_one(typed: &str) -> Result<NonZeroUsize, String> {
    typed.parse().map_err(|_| "expected a whole number, 1 or more".into())
}

/// Reads a time: `60s`, `2m`, `1m30s`, `500ms`, `1.5h`; a bare number is seconds. `None`
/// for zero and for anything else.
pub fn time(typed: &str) -> Option<Duration> {
    let mut rest = typed.trim();
    let mut seconds = 0.0;

    // A sum of numbers, each with its unit: `1m30s`.
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let end =
            rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);

        let (number, unit) = split(&rest[..end])?;
        seconds += number
            * match unit.to_ascii_lowercase().as_str() {
                "ms" => 0.001,
                "" | "s" | "sec" => 1.0,
                "m" | "min" => 60.0,
                "h" => 3600.0,
                "d" => 86400.0,
                "w" => 7.0 * 86400.0,
                _ => return None,
            };

        rest = &rest[end..];
    }

    // Huge numbers do not fit a `Duration`.
    Duration::try_from_secs_f64(seconds).ok().filter(|time| !time.is_zero())
}

/// Splits `2 GiB` into a number that is not negative and a unit.
fn split(typed: &str) -> Option<(f64, &str)> {
    let typed = typed.trim();
    let digits = typed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(typed.len());
    let number = typed[..digits].parse().ok()?;
    Some((number, typed[digits..].trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_things_is_one_or_more() {
        assert_eq!(at_least_one("3").map(NonZeroUsize::get), Ok(3));
        for typed in ["0", "-1", "abc", "", "1.5"] {
            assert!(at_least_one(typed).unwrap_err().contains("1 or more"), "{typed}");
        }
    }

    #[test]
    fn sizes() {
        let cases = [
            ("4096", 4096),
            ("2GiB", 2 << 30),
            ("512M", 512 << 20),
            ("1.5g", 3 << 29),
            ("100MB", 100_000_000),
            (" 1 kB ", 1000),
        ];

        for (typed, expected) in cases {
            assert_eq!(bytes(typed), Some(expected), "{typed}");
        }

        for typed in ["", "M", "-1", "1X", "1..5M", "99999999T", "NaN", "inf"] {
            assert_eq!(bytes(typed), None, "{typed}");
        }
    }

    #[test]
    fn times() {
        let cases = [
            ("60s", 60_000),
            ("2m", 120_000),
            ("500ms", 500),
            ("1m30s", 90_000),
            ("7", 7000),
            ("1.5h", 5_400_000),
            ("2w", 1_209_600_000),
        ];

        for (typed, expected) in cases {
            assert_eq!(time(typed), Some(Duration::from_millis(expected)), "{typed}");
        }

        for typed in ["", "0", "0s", "s", "-1s", "1y", "s1", "1e99s", "99999999999999999999999s"] {
            assert_eq!(time(typed), None, "{typed}");
        }
    }
}
