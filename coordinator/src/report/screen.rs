//! Where progress is shown: a bar on a terminal, elsewhere a plain line every few seconds.

use std::io::Write;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::bar::{self, HowFar};
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

/// The place where progress is shown. Dropped in the middle, it clears its bar.
pub struct Screen {
    sink: Sink,
    /// When progress was last shown.
    pub(super) shown: Instant,
}

enum Sink {
    Bar(ProgressBar, Paint),
    Lines(Box<dyn Write + Send>),
    Problems(Box<dyn Write + Send>),
}

impl Screen {
    /// Begins now. Nothing is shown before the first [`Screen::show`].
    pub fn new(mode: Mode) -> Self {
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

        Screen { sink, shown: Instant::now() }
    }

    /// Prints a line above the bar, or among the lines; nowhere with [`Mode::Problems`].
    pub fn say(&mut self, line: &str) {
        match &mut self.sink {
            Sink::Bar(bar, _) => bar.println(line),
            // Progress that cannot be written is no reason to end a run.
            Sink::Lines(out) => drop(writeln!(out, "{} {line}", time_of_day())),
            Sink::Problems(_) => {}
        }
    }

    /// Prints a line that must not be missed, with the time of day, in every mode.
    pub fn warn(&mut self, line: &str) {
        let told = format!("{} {line}", time_of_day());
        match &mut self.sink {
            Sink::Bar(bar, _) => bar.println(told),
            // Progress that cannot be written is no reason to end a run.
            Sink::Lines(out) | Sink::Problems(out) => drop(writeln!(out, "{told}")),
        }
    }

    /// Removes the bar.
    pub fn clear(&self) {
        if let Sink::Bar(bar, _) = &self.sink {
            bar.finish_and_clear();
        }
    }

    /// Whether it is time to show progress again. If so, it counts as shown.
    pub fn is_due(&mut self, now: Instant) -> bool {
        let every = match &self.sink {
            Sink::Bar(..) => BAR_EVERY,
            Sink::Lines(_) => LINE_EVERY,
            Sink::Problems(_) => return false,
        };

        let is_due = now.duration_since(self.shown) >= every;
        if is_due {
            self.shown = now;
        }

        is_due
    }

    /// Shows the progress.
    pub fn show(&mut self, how_far: &HowFar) {
        match &mut self.sink {
            Sink::Bar(progress, paint) => {
                // Each time anew, as the user may resize the terminal.
                let (_, columns) = console::Term::stderr().size_checked().unwrap_or((0, COLUMNS));
                progress.set_message(bar::bar(how_far, columns.into(), *paint));
            }
            Sink::Lines(out) => {
                drop(writeln!(out, "{} {}", time_of_day(), bar::line(how_far)));
            }
            Sink::Problems(_) => {}
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.clear();
    }
}
