//! Numbers, sizes, times and names as people read them.

use std::fmt::Write;
use std::time::Duration;

/// Whether what is written may hold colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    Plain,
    Colour,
}

impl Paint {
    pub fn error(self, text: &str) -> String {
        self.wrap("1;31", text)
    }

    pub fn hint(self, text: &str) -> String {
        self.wrap("1;36", text)
    }

    pub fn good(self, text: &str) -> String {
        self.wrap("32", text)
    }

    pub fn warning(self, text: &str) -> String {
        self.wrap("33", text)
    }

    pub fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        match self {
            Paint::Plain => text.into(),
            Paint::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

/// A table: a line for each row, under its header, with the columns below each other.
pub fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let lines: Vec<[String; N]> = std::iter::once(header.map(String::from)).chain(rows).collect();
    let mut widths = [0; N];
    for line in &lines {
        line.iter().zip(&mut widths).for_each(|(cell, width)| *width = cell.chars().count().max(*width));
    }
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<String> = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A number with its thousands apart: `1,048,576`.
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
    let (mut value, mut unit) = (bytes as f64 / 1000.0, 0);
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{} {}", three_digits(value), UNITS[unit])
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
    if seconds < 9.995 {
        return format!("{seconds:.2} s");
    }
    if seconds < 59.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match whole {
        0..3600 => format!("{}m {:02}s", whole / 60, whole % 60),
        _ => format!("{}h {:02}m", whole / 3600, whole % 3600 / 60),
    }
}

/// The time of day where this runs: `14:05:09`.
pub fn time_of_day() -> String {
    chrono::Local::now().format("%H:%M:%S").to_string()
}

/// Day and time where this runs: `2026-11-28 14:05:09 +0100`.
pub fn day_and_time() -> String {
    chrono::Local::now().format("%Y-%m-%d %H:%M:%S %z").to_string()
}

/// The seconds since 1970.
pub fn since_1970() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn three_digits(value: f64) -> String {
    match value {
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// A name or reason as it may stand on a terminal: control characters, which could steer the terminal or break the
/// line, are written as escapes (`\n`, `\u{1b}`); bytes that are not UTF-8 become U+FFFD.
pub fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if !text.chars().any(steers_the_terminal) {
        return text.into_owned();
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match steers_the_terminal(c) {
            true => write!(safe, "{}", c.escape_default()).expect("writing to memory does not fail"),
            false => safe.push(c),
        }
    }
    safe
}

/// Whether a terminal would do something else with it than show it: controls, and marks that turn the text's direction.
pub fn steers_the_terminal(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// The one of `choices` that was probably meant by `typed`: at most a third of its letters differ.
pub fn did_you_mean<'a>(typed: &str, choices: &[&'a str]) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    let (distance, choice) = choices.iter().map(|choice| (edits(&typed, choice), *choice)).min_by_key(|(d, _)| *d)?;
    (distance * 3 <= choice.chars().count().max(typed.chars().count())).then_some(choice)
}

/// The number of letters to change, drop, add, or swap with their neighbour, to turn `a` into `b`.
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i][j] = match (i, j) {
                (0, _) => j,
                (_, 0) => i,
                _ => {
                    let changed = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                    let mut best = changed.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
                    if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                        best = best.min(table[i - 2][j - 2] + 1);
                    }
                    best
                }
            };
        }
    }
    table[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (1_048_576, "1,048,576"), (12_345, "12,345")];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
        assert_eq!(count(1, "file"), "1 file");
        assert_eq!(count(0, "row"), "0 rows");
    }

    #[test]
    fn the_columns_of_a_table_stand_below_each_other() {
        let rows = [["a".into(), "1".into()], ["long".into(), "22".into()]];
        assert_eq!(table(["NAME", "N"], rows), "NAME  N\na     1\nlong  22\n");
    }

    #[test]
    fn sizes_have_three_digits() {
        let cases =
            [(999, "999 B"), (1250, "1.25 kB"), (86_100_000, "86.1 MB"), (999_999, "1.00 MB"), (u64::MAX, "18.4 EB")];
        for (bytes, text) in cases {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn times_are_as_precise_as_they_matter() {
        let cases = [(0.4211, "0.42 s"), (12.34, "12.3 s"), (59.96, "1m 00s"), (245.0, "4m 05s"), (7620.0, "2h 07m")];
        for (seconds, text) in cases {
            assert_eq!(time(Duration::from_secs_f64(seconds)), text);
        }
        assert_eq!(rate(5_000_000, Duration::ZERO), "0.00 MB/s");
        assert_eq!(rate(842_000_000, Duration::from_secs(10)), "84.2 MB/s");
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(shown("한국어 😀.html".as_bytes()), "한국어 😀.html");
        assert_eq!(shown(b"a\n\x1b[2J\xff"), "a\\n\\u{1b}[2J\u{fffd}");
        assert_eq!(shown("a\u{202e}b".as_bytes()), "a\\u{202e}b");
    }

    #[test]
    fn what_was_meant_is_near() {
        assert_eq!(did_you_mean("xlxs", &["xlsx", "csv"]), Some("xlsx"));
        assert_eq!(did_you_mean("JSON", &["xlsx", "jsonl"]), Some("jsonl"));
        assert_eq!(did_you_mean("pdf", &["xlsx", "csv"]), None);
    }
}
