//! Progress as text: a bar that fits the terminal, or a plain line.

use std::time::{Duration, Instant};

use sheaf_common::fit;
use unicode_width::UnicodeWidthStr;

use super::Tally;
use super::measure::{Measure, share};
use crate::human::{Paint, count, number, rate, size, time};

/// The cells of the bar if there is room, and the fewest with which it is shown.
const CELLS: usize = 20;
const FEWEST_CELLS: usize = 6;
const BETWEEN: &str = " · ";

/// A fact as it stands in the line, maybe with colour, and the columns that it takes.
struct Fact {
    text: String,
    width: usize,
}

impl Fact {
    fn new(plain: String) -> Self {
        Fact { width: plain.width(), text: plain }
    }

    fn painted(plain: String, paint: impl FnOnce(&str) -> String) -> Self {
        Fact { width: plain.width(), text: paint(&plain) }
    }
}

/// How far something is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HowFar {
    /// What is being done, if it is not the run itself.
    pub doing: Option<&'static str>,
    pub files: u64,
    pub total_files: u64,
    pub failed: u64,
    pub left: Option<Duration>,
    pub bytes: u64,
    pub total_bytes: u64,
    pub elapsed: Duration,
    /// In bytes a second.
    pub speed: Option<f64>,
    /// `None`: it makes none.
    pub rows: Option<u64>,
}

impl HowFar {
    pub(super) fn of(measure: &Measure, tally: &Tally, now: Instant) -> Self {
        HowFar {
            doing: None,
            files: tally.files,
            total_files: measure.total_files,
            failed: tally.failed,
            left: measure.left(tally, now),
            bytes: measure.bytes(tally),
            total_bytes: measure.total_bytes,
            elapsed: measure.elapsed(now),
            speed: measure.speed(),
            rows: Some(tally.rows),
        }
    }

    /// From 0 to 1.
    fn share(&self) -> f64 {
        share((self.files, self.total_files), (self.bytes, self.total_bytes))
    }
}

/// The facts, the most important first. A narrow terminal leaves out the last ones.
fn facts(how_far: &HowFar, paint: Paint) -> Vec<Fact> {
    let counted = format!("{}/{} files", number(how_far.files), number(how_far.total_files));
    let doing = how_far.doing.map(|doing| Fact::new(doing.into()));
    let mut facts: Vec<_> = doing.into_iter().chain([Fact::new(counted)]).collect();

    // Right after the count: even a narrow terminal must show it.
    if how_far.failed > 0 {
        facts.push(Fact::painted(format!("{} failed", number(how_far.failed)), |text| {
            paint.warning(text)
        }));
    }

    if let Some(left) = how_far.left {
        facts.push(Fact::new(format!("{} left", clock(left))));
    }

    facts.push(Fact::new(size_of(how_far.bytes, how_far.total_bytes)));
    facts.push(Fact::new(format!("{} so far", clock(how_far.elapsed))));
    if let Some(speed) = how_far.speed {
        facts.push(Fact::new(rate(fit::floor(speed), Duration::from_secs(1))));
    }
    if let Some(rows) = how_far.rows {
        facts.push(Fact::new(count(rows, "row")));
    }

    facts
}

/// ` ━━━━━━━━━╸─────────── 43%  1,204/2,800 files · 2 s left · 86.1/200 MB · 3 s so far · 84.2 MB/s · 12,345 rows`
///
/// Never wider than `width`. First the bar gets shorter, then facts are left out, the least
/// important first. No fact is cut.
pub fn bar(how_far: &HowFar, width: usize, paint: Paint) -> String {
    let share = how_far.share();
    let percent = format!("{:>3}%", fit::floor(share * 100.0));
    let facts = facts(how_far, paint);

    let wide = |shown: usize| -> usize {
        facts[..shown]
            .iter()
            .map(|fact| fact.width + BETWEEN.width())
            .sum::<usize>()
            .saturating_sub(BETWEEN.width())
    };

    // The parts are: blank, bar, blank, share, two blanks, facts.
    let room = |shown: usize| width.saturating_sub(1 + 1 + percent.len() + 2 + wide(shown));

    // The most facts beside which a bar can still stand.
    let shown = (0..=facts.len()).rev().find(|shown| room(*shown) >= FEWEST_CELLS).unwrap_or(0);
    let cells = room(shown).min(CELLS);
    if cells < FEWEST_CELLS {
        return if percent.len() <= width { percent } else { String::new() };
    }

    // Counted in half cells, so that the bar moves in small steps.
    let halves = fit::size(fit::floor(share * (cells * 2) as f64));
    let done = format!("{}{}", "━".repeat(halves / 2), if halves % 2 == 1 { "╸" } else { "" });
    let rest = "─".repeat(cells - halves.div_ceil(2));

    let texts: Vec<&str> = facts[..shown].iter().map(|fact| fact.text.as_str()).collect();
    let line = format!(
        " {}{} {percent}  {}",
        paint.good(&done),
        paint.dim(&rest),
        texts.join(&paint.dim(BETWEEN))
    );

    line.trim_end().to_string()
}

/// ` 43%  1,204/2,800 files · …`
pub fn line(how_far: &HowFar) -> String {
    let facts = facts(how_far, Paint::Plain);
    let texts: Vec<&str> = facts.iter().map(|fact| fact.text.as_str()).collect();
    format!("{:>3}%  {}", fit::floor(how_far.share() * 100.0), texts.join(BETWEEN))
}

/// A size out of another, with a common unit only once: `86.1/200 MB`.
fn size_of(part: u64, whole: u64) -> String {
    let part = size(part);
    let whole = size(whole);
    match (part.split_once(' '), whole.split_once(' ')) {
        (Some((number, unit)), Some((_, of))) if unit == of => format!("{number}/{whole}"),
        _ => format!("{part}/{whole}"),
    }
}

/// A duration in whole seconds, as fractions would flicker.
fn clock(duration: Duration) -> String {
    if duration.as_secs() < 60 { format!("{} s", duration.as_secs()) } else { time(duration) }
}

#[cfg(test)]
mod tests {
    use super::super::measure::UnderWay;
    use super::super::tally::tests::so_far;
    use super::*;

    fn bar(measure: &Measure, tally: &Tally, now: Instant, width: usize, paint: Paint) -> String {
        super::bar(&HowFar::of(measure, tally, now), width, paint)
    }

    fn line(measure: &Measure, tally: &Tally, now: Instant) -> String {
        super::line(&HowFar::of(measure, tally, now))
    }

    #[test]
    fn what_is_done_comes_first() {
        let how_far = HowFar { doing: Some("sending"), total_files: 2, ..HowFar::default() };
        assert_eq!(super::line(&how_far), "  0%  sending · 0/2 files · 0/0 B · 0 s so far");
    }

    fn measured(start: Instant) -> Measure {
        let mut measure = Measure::new(2800, 200_000_000, start);
        measure.update(&so_far(1, 1_000_000), UnderWay::default(), start);
        measure.update(
            &so_far(1204, 86_100_000),
            UnderWay::default(),
            start + Duration::from_secs(2),
        );

        measure
    }

    #[test]
    fn a_line_tells_everything() {
        let (start, tally) = (Instant::now(), so_far(1204, 86_100_000));
        let line = line(&measured(start), &tally, start + Duration::from_secs(2));
        let expected = " 43%  1,204/2,800 files · 3 s left · 86.1/200 MB · 2 s so far · 42.5 MB/s · 2,408 rows";
        assert_eq!(line, expected);
    }

    #[test]
    fn failed_files_are_told_early() {
        let (start, tally) = (Instant::now(), Tally { failed: 2, ..so_far(3, 300) });
        let line = line(&Measure::new(10, 1000, start), &tally, start);
        assert_eq!(line, " 30%  3/10 files · 2 failed · 300 B/1.00 kB · 0 s so far · 6 rows");
    }

    #[test]
    fn the_bar_fits_every_width_without_cutting_facts() {
        let (start, tally) = (Instant::now(), so_far(1204, 86_100_000));
        let now = start + Duration::from_secs(2);
        let whole = bar(&measured(start), &tally, now, 200, Paint::Plain);
        let all: Vec<&str> = whole.split_once("%  ").unwrap().1.split(BETWEEN).collect();
        assert_eq!(all.len(), 6, "{whole}");
        let mut shortest = CELLS;
        for width in 0..=200 {
            let bar = bar(&measured(start), &tally, now, width, Paint::Plain);
            assert!(bar.width() <= width, "{width}: {bar}");
            let Some((head, facts)) = bar.split_once("%  ") else { continue };
            let shown: Vec<&str> = facts.split(BETWEEN).collect();
            assert_eq!(shown, all[..shown.len()], "{width}: {bar}");
            let cells = head.chars().filter(|c| "━╸─".contains(*c)).count();
            assert!((FEWEST_CELLS..=CELLS).contains(&cells), "{width}: {bar}");

            // The facts that were left out have no room beside the shortest bar.
            if let Some(next) = all.get(shown.len()) {
                assert!(
                    bar.width() - (cells - FEWEST_CELLS) + BETWEEN.width() + next.width() > width,
                    "{width}: {bar}"
                );
            }

            shortest = shortest.min(cells);
        }

        assert_eq!(shortest, FEWEST_CELLS, "the bar shrinks");
    }

    #[test]
    fn the_bar_is_as_long_whatever_the_share() {
        let start = Instant::now();
        let measure = Measure::new(1000, 1000, start);
        for bytes in 0..=1000 {
            let bar = bar(&measure, &so_far(1, bytes), start, 120, Paint::Plain);
            assert_eq!(bar.chars().filter(|c| "━╸─".contains(*c)).count(), CELLS, "{bar}");
        }

        let done = bar(&measure, &so_far(1000, 1000), start, 120, Paint::Plain);
        assert!(done.starts_with(&format!(" {} 100%  ", "━".repeat(CELLS))), "{done}");
        assert!(!done.contains('\x1b'));
    }

    #[test]
    fn colour_takes_no_room() {
        let (start, tally) = (Instant::now(), Tally { failed: 1, ..so_far(3, 300) });
        let measure = Measure::new(10, 1000, start);
        let coloured = bar(&measure, &tally, start, 60, Paint::Colour);
        assert_eq!(
            console::strip_ansi_codes(&coloured),
            bar(&measure, &tally, start, 60, Paint::Plain)
        );
    }
}
