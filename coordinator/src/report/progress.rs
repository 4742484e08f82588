//! Shows progress during a run: a bar on a terminal, elsewhere a plain line every few seconds.

use std::io::Write;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::measure::{Measure, UnderWay};
use super::observer::{Notice, Observer};
use super::{Tally, bar};
use crate::clock::time_of_day;
use crate::human::Paint;

/// The interval between two drawings of the bar: smooth, and calm enough to be read.
const BAR_EVERY: Duration = Duration::from_millis(100);
/// The interval between two lines if there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// The columns of a terminal that does not say how many it has.
const COLUMNS: u16 = 80;

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
    measure: Measure,
    /// When it was last shown.
    shown: Instant,
}

enum Sink {
    Bar(ProgressBar, Paint),
    Lines(Box<dyn Write + Send>),
    Problems(Box<dyn Write + Send>),
}

impl Progress {
    /// Begins now. Nothing is shown before the first update.
    pub fn new(total_files: u64, total_bytes: u64, mode: Mode) -> Self {
        let now = Instant::now();
        let sink = match mode {
            Mode::Bar(paint) => {
                // Without a length and a message it draws nothing: the bar appears with the first
                // update.
                let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
                bar.set_style(
                    ProgressStyle::with_template("{wide_msg}").expect("the template is fixed"),
                );

                Sink::Bar(bar, paint)
            }
            Mode::Lines(out) => Sink::Lines(out),
            Mode::Problems(out) => Sink::Problems(out),
        };

        let measure = Measure::new(total_files, total_bytes, now);
        Progress { sink, measure, shown: now }
    }

    /// Prints a line above the bar, or among the lines; nowhere with [`Mode::Problems`].
    fn say(&mut self, line: &str) {
        match &mut self.sink {
            Sink::Bar(bar, _) => bar.println(line),
            // Progress that cannot be written is no reason to end a run.
            Sink::Lines(out) => drop(writeln!(out, "{} {line}", time_of_day())),
            Sink::Problems(_) => {}
        }
    }

    /// Prints a line that must not be missed, with the time of day, in every mode.
    fn warn(&mut self, line: &str) {
        let told = format!("{} {line}", time_of_day());
        match &mut self.sink {
            Sink::Bar(bar, _) => bar.println(told),
            // Progress that cannot be written is no reason to end a run.
            Sink::Lines(out) | Sink::Problems(out) => drop(writeln!(out, "{told}")),
        }
    }

    fn clear(&self) {
        if let Sink::Bar(bar, _) = &self.sink {
            bar.finish_and_clear();
        }
    }

    /// Shows the progress, unless it was shown just now.
    fn update_at(&mut self, tally: &Tally, under_way: UnderWay, now: Instant) {
        let every = match &self.sink {
            Sink::Bar(..) => BAR_EVERY,
            Sink::Lines(_) => LINE_EVERY,
            Sink::Problems(_) => return,
        };

        if now.duration_since(self.shown) < every {
            return;
        }

        self.shown = now;
        self.measure.update(tally, under_way, now);

        match &mut self.sink {
            Sink::Bar(progress, paint) => {
                // Each time anew, as the user may resize the terminal.
                let (_, columns) = console::Term::stderr().size_checked().unwrap_or((0, COLUMNS));
                progress.set_message(bar::bar(&self.measure, tally, now, columns.into(), *paint));
            }
            Sink::Lines(out) => {
                drop(writeln!(out, "{} {}", time_of_day(), bar::line(&self.measure, tally, now)));
            }
            Sink::Problems(_) => {}
        }
    }
}

impl Observer for Progress {
    fn progress(&mut self, tally: &Tally, under_way: UnderWay) {
        self.update_at(tally, under_way, Instant::now());
    }

    fn notice(&mut self, notice: &Notice) {
        if notice.is_warning() {
            self.warn(&notice.to_string());
        } else {
            self.say(&notice.to_string());
        }
    }

    fn asked(&mut self, tally: &Tally, under_way: UnderWay) {
        let now = Instant::now();
        self.measure.update(tally, under_way, now);
        self.warn(&bar::line(&self.measure, tally, now));
    }

    fn ended(&mut self, _: &Tally) {
        self.clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::tally::tests::so_far;
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<u8>>>);

    impl Write for Heard {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn periodic_lines_show_the_speed_and_time_left() {
        let heard = Heard::default();
        let mut progress = Progress::new(100, 100_000_000, Mode::Lines(Box::new(heard.clone())));
        let start = progress.shown;
        for second in 0..=10 {
            let (tally, now) =
                (so_far(second * 5, second * 5_000_000), start + Duration::from_secs(second));
            progress.update_at(&tally, UnderWay::default(), now);
        }

        let text = String::from_utf8(heard.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> =
            text.lines().map(|line| line.split_at("14:05:09 ".len()).1).collect();
        let expected = [
            " 25%  25/100 files · 25.0/100 MB · 5 s so far · 50 rows",
            " 50%  50/100 files · 10 s left · 50.0/100 MB · 10 s so far · 5.00 MB/s · 100 rows",
        ];
        assert_eq!(lines, expected);
        assert!(
            text.lines().all(|line| line.as_bytes()[2] == b':' && line.as_bytes()[5] == b':'),
            "{text}"
        );
    }
}
