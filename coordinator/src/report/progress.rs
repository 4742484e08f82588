//! Progress while a run goes on: a bar on a terminal, a plain line every few seconds elsewhere.

use std::io::Write;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Tally;
use crate::human::{Paint, count, number, rate, size, time};

/// How often the bar is drawn: ten times a second is smooth, and calm enough to be read.
const BAR_EVERY: Duration = Duration::from_millis(100);
/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Over how long the speed is smoothed.
const SMOOTH: Duration = Duration::from_secs(10);
/// The cells of the bar.
const CELLS: usize = 20;

/// How progress is shown.
pub enum Mode {
    /// A bar on standard error, which is a terminal.
    Bar(Paint),
    /// Plain lines.
    Lines(Box<dyn Write + Send>),
    /// Problems only.
    Problems(Box<dyn Write + Send>),
}

/// Shows how far a run is. Dropped in the middle, it clears its bar.
pub struct Progress {
    sink: Sink,
    state: State,
    /// When it was shown last.
    shown: Instant,
}

enum Sink {
    Bar(ProgressBar, Paint),
    Lines(Box<dyn Write + Send>),
    Problems(Box<dyn Write + Send>),
}

impl Progress {
    /// Begins now; nothing is shown before the first update.
    pub fn new(total_files: u64, total_bytes: u64, mode: Mode) -> Self {
        let now = Instant::now();
        let sink = match mode {
            Mode::Bar(paint) => {
                // No target while drawing nothing: the first line appears with the first update.
                let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
                bar.set_style(ProgressStyle::with_template("{wide_msg}").expect("the template is fixed"));
                Sink::Bar(bar, paint)
            }
            Mode::Lines(out) => Sink::Lines(out),
            Mode::Problems(out) => Sink::Problems(out),
        };
        Progress { sink, state: State::new(total_files, total_bytes, now), shown: now }
    }

    /// Takes note of how far the run is, and shows it if that was not done just now. Cheap: call it at every turn.
    pub fn update(&mut self, tally: &Tally) {
        self.update_at(tally, Instant::now());
    }

    /// Says something that stays above the bar, as that an earlier run goes on. It goes where progress goes, so not
    /// anywhere with [`Mode::Problems`].
    pub fn say(&mut self, line: &str) {
        match &mut self.sink {
            Sink::Bar(bar, _) => bar.println(line),
            // Progress that cannot be written is no reason to end a run.
            Sink::Lines(out) => drop(writeln!(out, "{line}")),
            Sink::Problems(_) => {}
        }
    }

    /// Says something that must be known, as that the run waits for a worker: above the bar, or in a line of its own.
    pub fn problem(&mut self, line: &str) {
        match &mut self.sink {
            Sink::Problems(out) => drop(writeln!(out, "{line}")),
            Sink::Bar(..) | Sink::Lines(_) => self.say(line),
        }
    }

    /// Clears the bar.
    pub fn finish(self) {
        drop(self);
    }

    fn update_at(&mut self, tally: &Tally, now: Instant) {
        let every = match &self.sink {
            Sink::Bar(..) => BAR_EVERY,
            Sink::Lines(_) => LINE_EVERY,
            Sink::Problems(_) => return,
        };
        if now.duration_since(self.shown) < every {
            return;
        }
        self.shown = now;
        self.state.measure(tally, now);
        match &mut self.sink {
            Sink::Bar(bar, paint) => bar.set_message(self.state.bar(tally, *paint)),
            Sink::Lines(out) => drop(writeln!(out, "{}", self.state.line(tally))),
            Sink::Problems(_) => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Sink::Bar(bar, _) = &self.sink {
            bar.finish_and_clear();
        }
    }
}

/// What is known about the way and the speed.
struct State {
    total_files: u64,
    total_bytes: u64,
    /// When it was measured last, and how many bytes were done then.
    last: (Instant, u64),
    /// Bytes a second, each measurement weighted by its age, and the sum of the weights: 0 before anything is measured.
    /// Their quotient is right from the first moment, where a plain moving average would lean on its start.
    weighted: (f64, f64),
    /// A resumed run begins with what is done already: that is no speed.
    begun: bool,
}

impl State {
    fn new(total_files: u64, total_bytes: u64, now: Instant) -> Self {
        State { total_files, total_bytes, last: (now, 0), weighted: (0.0, 0.0), begun: false }
    }

    fn measure(&mut self, tally: &Tally, now: Instant) {
        let (then, before) = std::mem::replace(&mut self.last, (now, tally.bytes));
        let passed = now.duration_since(then).as_secs_f64();
        // Until the first file is done nothing is known: processes start, and a large file may take a while.
        let begun = std::mem::replace(&mut self.begun, tally.files > 0);
        if !begun || passed <= 0.0 {
            return;
        }
        let speed = tally.bytes.saturating_sub(before) as f64 / passed;
        let weight = 1.0 - (-passed / SMOOTH.as_secs_f64()).exp();
        let (sum, weights) = self.weighted;
        self.weighted = (sum + (speed - sum) * weight, weights + (1.0 - weights) * weight);
    }

    /// Bytes a second; `None` before anything is measured.
    fn speed(&self) -> Option<f64> {
        let (sum, weights) = self.weighted;
        (weights > 0.0).then(|| sum / weights)
    }

    /// From 0 to 1, by bytes; by files where there are no bytes.
    fn share(&self, tally: &Tally) -> f64 {
        let (done, total) =
            if self.total_bytes > 0 { (tally.bytes, self.total_bytes) } else { (tally.files, self.total_files) };
        if total == 0 { 1.0 } else { (done as f64 / total as f64).min(1.0) }
    }

    /// The time that is left by the smoothed speed; `None` while that would be a guess.
    fn left(&self, tally: &Tally) -> Option<Duration> {
        let speed = self.speed().filter(|speed| *speed > 0.0)?;
        let left = self.total_bytes.saturating_sub(tally.bytes) as f64 / speed;
        Duration::try_from_secs_f64(left.round().max(1.0)).ok()
    }

    /// What counts, the most important first: a narrow terminal cuts the end.
    fn facts(&self, tally: &Tally, paint: Paint) -> Vec<String> {
        let mut facts = vec![format!("{}/{} files", number(tally.files), number(self.total_files))];
        if tally.failed > 0 {
            facts.push(paint.warning(&format!("{} failed", number(tally.failed))));
        }
        facts.push(size_of(tally.bytes, self.total_bytes));
        if let Some(left) = self.left(tally) {
            facts.push(format!("{} left", clock(left)));
        }
        if let Some(speed) = self.speed() {
            facts.push(rate(speed as u64, Duration::from_secs(1)));
        }
        facts.push(count(tally.rows, "row"));
        facts
    }

    /// ` ━━━━━━━━━╸─────────── 43%  1,204/2,800 files · 86.1/200 MB · 2 s left · 84.2 MB/s · 12,345 rows`
    fn bar(&self, tally: &Tally, paint: Paint) -> String {
        let share = self.share(tally);
        let halves = (share * (CELLS * 2) as f64) as usize;
        let done = format!("{}{}", "━".repeat(halves / 2), if halves % 2 == 1 { "╸" } else { "" });
        let rest = "─".repeat(CELLS - halves.div_ceil(2));
        let facts = self.facts(tally, paint).join(&paint.dim(" · "));
        format!(" {}{} {:>3}%  {facts}", paint.good(&done), paint.dim(&rest), (share * 100.0) as u32)
    }

    /// ` 43%  1,204/2,800 files · …`
    fn line(&self, tally: &Tally) -> String {
        format!("{:>3}%  {}", (self.share(tally) * 100.0) as u32, self.facts(tally, Paint::Plain).join(" · "))
    }
}

/// A size out of another, with the unit once where it is the same: `86.1/200 MB`.
fn size_of(part: u64, whole: u64) -> String {
    let (part, whole) = (size(part), size(whole));
    match (part.split_once(' '), whole.split_once(' ')) {
        (Some((number, unit)), Some((_, of))) if unit == of => format!("{number}/{whole}"),
        _ => format!("{part}/{whole}"),
    }
}

/// A time that is counted down: whole seconds.
fn clock(left: Duration) -> String {
    if left.as_secs() < 60 { format!("{} s", left.as_secs()) } else { time(left) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<u8>>>);

    impl Write for Heard {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn tally(files: u64, bytes: u64) -> Tally {
        Tally { files, bytes, rows: files * 2, ..Tally::default() }
    }

    #[test]
    fn lines_come_every_few_seconds_with_speed_and_time_left() {
        let heard = Heard::default();
        let mut progress = Progress::new(100, 100_000_000, Mode::Lines(Box::new(heard.clone())));
        let start = progress.shown;
        for second in 0..=10 {
            progress.update_at(&tally(second * 5, second * 5_000_000), start + Duration::from_secs(second));
        }
        let text = String::from_utf8(heard.0.lock().unwrap().clone()).unwrap();
        let expected = " 25%  25/100 files · 25.0/100 MB · 50 rows\n \
            50%  50/100 files · 50.0/100 MB · 10 s left · 5.00 MB/s · 100 rows\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_an_earlier_run_did_is_no_speed() {
        let start = Instant::now();
        let mut state = State::new(10, 1000, start);
        state.measure(&tally(5, 500), start + Duration::from_secs(1));
        assert_eq!(state.speed(), None);
        state.measure(&tally(6, 600), start + Duration::from_secs(2));
        assert_eq!(state.left(&tally(6, 600)), Some(Duration::from_secs(4)));
    }

    #[test]
    fn a_slow_start_is_soon_forgotten() {
        let start = Instant::now();
        let mut state = State::new(100, 100_000_000, start);
        let at = |tenths: u64| start + Duration::from_millis(tenths * 100);
        // Nothing for three seconds while processes start, then 10 MB/s.
        (1..=30).for_each(|tenths| state.measure(&tally(0, 0), at(tenths)));
        assert_eq!(state.left(&tally(0, 0)), None);
        (31..=40).for_each(|tenths| state.measure(&tally(tenths, (tenths - 30) * 1_000_000), at(tenths)));
        assert_eq!(state.left(&tally(40, 10_000_000)), Some(Duration::from_secs(9)));
    }

    #[test]
    fn the_bar_is_as_long_whatever_the_share() {
        let state = State::new(1000, 1000, Instant::now());
        for bytes in 0..=1000 {
            let bar = state.bar(&tally(1, bytes), Paint::Plain);
            let cells = bar.chars().filter(|c| "━╸─".contains(*c)).count();
            assert_eq!(cells, CELLS, "{bar}");
        }
        assert!(state.bar(&tally(1000, 1000), Paint::Plain).starts_with(&format!(" {} 100%  ", "━".repeat(CELLS))));
        assert!(!state.bar(&tally(1, 2), Paint::Plain).contains('\x1b'));
    }

    #[test]
    fn files_without_bytes_count_as_files() {
        let state = State::new(4, 0, Instant::now());
        assert_eq!(state.share(&tally(1, 0)), 0.25);
        assert_eq!(State::new(0, 0, Instant::now()).share(&tally(0, 0)), 1.0);
    }

    #[test]
    fn failed_files_are_told_early() {
        let state = State::new(10, 1000, Instant::now());
        let line = state.line(&Tally { failed: 2, ..tally(3, 300) });
        assert_eq!(line, " 30%  3/10 files · 2 failed · 300 B/1.00 kB · 6 rows");
    }
}
