//! Times for people and programs.

use std::time::{SystemTime, UNIX_EPOCH};

use sheaf_common::fit;
use tz::{DateTime, TimeZone, UtcDateTime};

/// The local time of day: `14:05:09`.
pub fn time_of_day() -> String {
    let now = here(since_1970());
    format!("{:02}:{:02}:{:02}", now.hour(), now.minute(), now.second())
}

/// The local day and time: `2026-11-28 14:05:09 +0100`.
pub fn day_and_time() -> String {
    with_zone(&here(since_1970()))
}

/// The local day and time of a moment in seconds since 1970.
pub fn day_and_time_of(seconds: u64) -> String {
    with_zone(&here(seconds))
}

/// The milliseconds since 1970 of a time such as [`rfc3339`] writes; `None` for anything else, and
/// for times in another zone than UTC.
pub fn ms_of_rfc3339(text: &str) -> Option<u64> {
    let time = humantime::parse_rfc3339(text).ok()?;
    time.duration_since(UNIX_EPOCH).ok().map(fit::millis)
}

/// The seconds since 1970.
pub fn since_1970() -> u64 {
    now_ms() / 1000
}

/// The milliseconds since 1970.
pub fn now_ms() -> u64 {
    fit::millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// A time in milliseconds since 1970 as `2024-02-29T23:59:59.999Z`. Times after the year 9999
/// become its last second.
pub fn rfc3339(ms: u64) -> String {
    const LAST: i64 = 253_402_300_799;

    let seconds = i64::try_from(ms / 1000).unwrap_or(LAST).min(LAST);
    let time = UtcDateTime::from_timespec(seconds, 0).expect("years up to 9999 have dates");

    let day = format!("{:04}-{:02}-{:02}", time.year(), time.month(), time.month_day());
    let hour = format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    format!("{day}T{hour}.{:03}Z", ms % 1000)
}

fn with_zone(time: &DateTime) -> String {
    let day = format!("{:04}-{:02}-{:02}", time.year(), time.month(), time.month_day());
    let hour = format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());

    let offset = time.local_time_type().ut_offset();
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.abs() / 60;
    format!("{day} {hour} {sign}{:02}{:02}", minutes / 60, minutes % 60)
}

/// A time in the zone that `TZ` names, or else in that of this machine; in UTC if the zone cannot
/// be read.
fn here(seconds: u64) -> DateTime {
    let seconds = i64::try_from(seconds).unwrap_or_default();
    let in_zone = |zone: TimeZone| DateTime::from_timespec(seconds, 0, zone.as_ref()).ok();

    let zone = match std::env::var("TZ") {
        // Named zones and POSIX rules alike.
        Ok(name) if !name.is_empty() => TimeZone::from_posix_tz(&name),
        Ok(_) => Ok(TimeZone::utc()), // As in the C library.
        Err(_) => TimeZone::local(),
    };

    let local = zone.ok().and_then(in_zone);
    local.unwrap_or_else(|| in_zone(TimeZone::utc()).expect("this century has dates"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339_wants_them() {
        let times = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (u64::MAX - u64::MAX % 1000, "9999-12-31T23:59:59.000Z"),
        ];

        for back in
            ["2100-03-01T00:00:00Z", "2100-03-01T00:00:00.0Z", "2100-03-01T00:00:00.000999Z"]
        {
            assert_eq!(ms_of_rfc3339(back), Some(4_107_542_400_000), "{back}");
        }
        for wrong in ["", "2100-03-01", "2100-03-01T00:00:00+01:00", "2100-13-01T00:00:00Z"] {
            assert_eq!(ms_of_rfc3339(wrong), None, "{wrong}");
        }

        for (ms, expected) in times {
            assert_eq!(ms_of_rfc3339(expected), Some(ms.min(253_402_300_799_000)));
            assert_eq!(rfc3339(ms), expected);
            assert_eq!(ms_of_rfc3339(expected).unwrap() / 1000, ms.min(253_402_300_799_999) / 1000);
        }
    }

    #[test]
    fn zones_east_and_west_are_told_apart() {
        let at = |zone: &str| {
            let zone = TimeZone::from_posix_tz(zone).unwrap();
            with_zone(&DateTime::from_timespec(1_764_335_109, 0, zone.as_ref()).unwrap())
        };

        assert_eq!(at("UTC0"), "2025-11-28 13:05:09 +0000");
        assert_eq!(at("CET-1"), "2025-11-28 14:05:09 +0100");
        assert_eq!(at("NST3:30"), "2025-11-28 09:35:09 -0330");
    }
}
