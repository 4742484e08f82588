//! Reads sizes, times and ranges as people type them.

use std::ops::RangeInclusive;
use std::time::Duration;

use sheaf_common::units;

use super::UsageError;

/// Reads a number of bytes: [`units::bytes`].
pub fn bytes(option: &'static str, typed: &str) -> Result<u64, UsageError> {
    units::bytes(typed).ok_or_else(|| value(option, typed, units::A_SIZE))
}

/// Reads a time: [`units::time`].
pub fn time(option: &'static str, typed: &str) -> Result<Duration, UsageError> {
    units::time(typed).ok_or_else(|| value(option, typed, units::A_TIME))
}

/// Reads a range of seconds, both ends included: `1..9`, `1..=9`, `1-9`, `0.1..0.5`, or `3` for
/// exactly that.
pub fn seconds(option: &'static str, typed: &str) -> Result<RangeInclusive<Duration>, UsageError> {
    let wrong = || value(option, typed, "a range of seconds such as `1..9` or `0.1..0.5`");

    // The longest separator first, as `..=` contains `..`.
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

/// An error that says what was expected instead of a value.
pub fn value(option: &'static str, typed: &str, expected: &str) -> UsageError {
    UsageError::Value { option, value: typed.into(), expected: expected.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(
            text,
            "invalid value `2 lightyears` for `--memory-limit`: expected a size such as `512M` or `2GiB`"
        );
    }
}
