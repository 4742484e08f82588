//! Sizes, times and ranges as people type them.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::UsageError;

/// Reads a number of bytes: `2GiB`, `512M`, `1.5G`, `100MB`, `4096`.
///
/// As with `dd`: `K M G T` and `KiB MiB GiB TiB` are powers of 1024, `kB MB GB TB` powers of 1000; case does not matter.
pub fn bytes(option: &'static str, typed: &str) -> Result<u64, UsageError> {
    let wrong = || value(option, typed, "a size such as `512M` or `2GiB`");
    let (number, unit) = split(typed).ok_or_else(wrong)?;
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
        _ => return Err(wrong()),
    };
    let bytes = number * factor as f64;
    if bytes >= u64::MAX as f64 { Err(wrong()) } else { Ok(bytes as u64) }
}

/// Reads a time: `60s`, `2m`, `1m30s`, `500ms`, `1.5h`; a bare number is seconds. Never zero.
pub fn time(option: &'static str, typed: &str) -> Result<Duration, UsageError> {
    let wrong = || value(option, typed, "a time such as `60s`, `2m` or `500ms`, more than zero");
    let (mut rest, mut seconds) = (typed.trim(), 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let end = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
        let (number, unit) = split(&rest[..end]).ok_or_else(wrong)?;
        seconds += number
            * match unit.to_ascii_lowercase().as_str() {
                "ms" => 0.001,
                "" | "s" | "sec" => 1.0,
                "m" | "min" => 60.0,
                "h" => 3600.0,
                "d" => 86400.0,
                _ => return Err(wrong()),
            };
        rest = &rest[end..];
    }
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => Err(wrong()),
    }
}

/// Reads a range of seconds, both ends included: `1..9`, `1..=9`, `1-9`, `0.1..0.5`, or `3` for just that.
pub fn seconds(option: &'static str, typed: &str) -> Result<RangeInclusive<Duration>, UsageError> {
    let wrong = || value(option, typed, "a range of seconds such as `1..9` or `0.1..0.5`");
    let (from, to) = typed
        .split_once("..=")
        .or_else(|| typed.split_once(".."))
        .or_else(|| typed.split_once('-'))
        .unwrap_or((typed, typed));
    let end = |text: &str| {
        let text = text.trim();
        if !text.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return None; // `f64` would also read `inf`, `NaN` and signs.
        }
        Duration::try_from_secs_f64(text.trim_end_matches('s').parse().ok()?).ok()
    };
    match (end(from), end(to)) {
        (Some(from), Some(to)) if from <= to => Ok(from..=to),
        _ => Err(wrong()),
    }
}

/// The error that says what was expected of a value.
pub fn value(option: &'static str, typed: &str, expected: &str) -> UsageError {
    UsageError::Value { option, value: typed.into(), expected: expected.into() }
}

/// Parts `2 GiB` into a number that is not negative and a unit.
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
            assert_eq!(bytes("--x", typed).unwrap(), expected, "{typed}");
        }
        for typed in ["", "M", "-1", "1X", "1..5M", "99999999T", "NaN", "inf"] {
            assert!(bytes("--x", typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn times() {
        let cases =
            [("60s", 60_000), ("2m", 120_000), ("500ms", 500), ("1m30s", 90_000), ("7", 7000), ("1.5h", 5_400_000)];
        for (typed, expected) in cases {
            assert_eq!(time("--x", typed).unwrap(), Duration::from_millis(expected), "{typed}");
        }
        for typed in ["", "0", "0s", "s", "-1s", "1y", "s1", "1e99s", "99999999999999999999999s"] {
            assert!(time("--x", typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn ranges() {
        let range = |from, to| Duration::from_millis(from)..=Duration::from_millis(to);
        let cases = [
            ("1..9", range(1000, 9000)),
            ("1-9", range(1000, 9000)),
            ("1..=9", range(1000, 9000)),
            ("0.1..0.5s", range(100, 500)),
            ("3", range(3000, 3000)),
            ("0..0", range(0, 0)),
        ];
        for (typed, expected) in cases {
            assert_eq!(seconds("--x", typed).unwrap(), expected, "{typed}");
        }
        for typed in ["", "9..1", "a..b", "1..", "..9", "-1..2", "1..inf"] {
            assert!(seconds("--x", typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn an_error_names_option_value_and_expectation() {
        let text = bytes("--memory-limit", "2 lightyears").unwrap_err().to_string();
        assert_eq!(text, "invalid value `2 lightyears` for `--memory-limit`: expected a size such as `512M` or `2GiB`");
    }
}
