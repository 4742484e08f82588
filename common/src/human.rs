//! Numbers, sizes and times for people, in one form in both programs.
//!
//! Measured sizes have decimal units, like disks, networks and MB/s: [`size`]. Limits are shown as
//! they were typed, mostly in binary units: [`limit`].

use std::time::Duration;

use crate::fit;

/// A number with separated thousands: `1,048,576`.
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);

    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }

    text
}

/// A number and its noun, which takes an `s` unless the number is one: `1 file`, `2,800 files`.
pub fn count(value: u64, noun: &str) -> String {
    format!("{} {noun}{}", number(value), if value == 1 { "" } else { "s" })
}

/// A size in decimal units with about three digits: `999 B`, `1.25 kB`, `86.1 MB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];

    if bytes < 1000 {
        return format!("{bytes} B");
    }

    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{} {}", three_digits(value), UNITS[unit])
}

/// A limit, as [`crate::units::bytes`] read it: `2 GiB`, `512 MiB`, `1.5 GiB`. One that no binary
/// unit shows exactly with one decimal is shown as a [`size`]: `100 MB`.
pub fn limit(bytes: u64) -> String {
    const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let exact = UNITS.iter().find_map(|(unit, shift)| {
        let tenths = u128::from(bytes) * 10;
        let whole = tenths >> shift;
        let is_exact = whole >= 10 && whole << shift == tenths;

        is_exact.then(|| match whole % 10 {
            0 => format!("{} {unit}", whole / 10),
            tenth => format!("{}.{tenth} {unit}", whole / 10),
        })
    });

    exact.unwrap_or_else(|| size(bytes))
}

/// A rate in megabytes (10⁶) a second: `84.2 MB/s`; a time of zero gives `0.00 MB/s`.
pub fn rate(bytes: u64, time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let rate = if seconds > 0.0 { bytes as f64 / 1e6 / seconds } else { 0.0 };
    format!("{} MB/s", three_digits(rate))
}

/// A time with the precision that matters: `0.42 s`, `12.3 s`, `4m 05s`, `2h 07m`.
pub fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    // The bounds are below 10 and 60, where rounding would already show these.
    if seconds < 9.995 {
        return format!("{seconds:.2} s");
    }
    if seconds < 59.95 {
        return format!("{seconds:.1} s");
    }

    let whole = fit::floor(seconds.round());
    match whole {
        0..3600 => format!("{}m {:02}s", whole / 60, whole % 60),
        _ => format!("{}h {:02}m", whole / 3600, whole % 3600 / 60),
    }
}

fn three_digits(value: f64) -> String {
    match value {
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units;

    #[test]
    fn numbers_are_grouped() {
        let cases =
            [(0, "0"), (999, "999"), (1000, "1,000"), (1_048_576, "1,048,576"), (12_345, "12,345")];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }

        assert_eq!(count(1, "file"), "1 file");
        assert_eq!(count(0, "row"), "0 rows");
    }

    #[test]
    fn sizes_have_three_digits() {
        let cases = [
            (999, "999 B"),
            (1250, "1.25 kB"),
            (86_100_000, "86.1 MB"),
            (999_999, "1.00 MB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn limits_are_said_as_they_are_typed() {
        let typed = [
            ("2GiB", "2 GiB"),
            ("1.5G", "1.5 GiB"),
            ("512M", "512 MiB"),
            ("1000MiB", "1000 MiB"),
            ("64k", "64 KiB"),
            ("100MB", "100 MB"),
            ("1.23GiB", "1.32 GB"),
            ("17", "17 B"),
        ];
        for (typed, said) in typed {
            assert_eq!(limit(units::bytes(typed).unwrap()), said, "{typed}");
        }

        assert_eq!(limit(u64::MAX), "18.4 EB");
    }

    #[test]
    fn times_are_as_precise_as_they_matter() {
        let cases = [
            (0.4211, "0.42 s"),
            (12.34, "12.3 s"),
            (59.96, "1m 00s"),
            (245.0, "4m 05s"),
            (7620.0, "2h 07m"),
        ];
        for (seconds, text) in cases {
            assert_eq!(time(Duration::from_secs_f64(seconds)), text);
        }

        assert_eq!(rate(5_000_000, Duration::ZERO), "0.00 MB/s");
        assert_eq!(rate(842_000_000, Duration::from_secs(10)), "84.2 MB/s");
    }
}
