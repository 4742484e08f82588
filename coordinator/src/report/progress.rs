//! Shows progress during a run.

use std::time::Instant;

use super::bar::{self, HowFar};
use super::measure::{Measure, UnderWay};
use super::observer::{Notice, Observer};
use super::{Mode, Screen, Tally};

/// Shows how far a run is.
pub struct Progress {
    screen: Screen,
    measure: Measure,
}

impl Progress {
    /// Begins now. Nothing is shown before the first update.
    pub fn new(total_files: u64, total_bytes: u64, mode: Mode) -> Self {
        let measure = Measure::new(total_files, total_bytes, Instant::now());
        Progress { screen: Screen::new(mode), measure }
    }

    /// Shows the progress, unless it was shown just now.
    fn update_at(&mut self, tally: &Tally, under_way: UnderWay, now: Instant) {
        if self.screen.is_due(now) {
            self.measure.update(tally, under_way, now);
            self.screen.show(&HowFar::of(&self.measure, tally, now));
        }
    }
}

impl Observer for Progress {
    fn progress(&mut self, tally: &Tally, under_way: UnderWay) {
        self.update_at(tally, under_way, Instant::now());
    }

    fn notice(&mut self, notice: &Notice) {
        if notice.is_warning() {
            self.screen.warn(&notice.to_string());
        } else {
            self.screen.say(&notice.to_string());
        }
    }

    fn asked(&mut self, tally: &Tally, under_way: UnderWay) {
        let now = Instant::now();
        self.measure.update(tally, under_way, now);
        self.screen.warn(&bar::line(&HowFar::of(&self.measure, tally, now)));
    }

    fn ended(&mut self, _: &Tally) {
        self.screen.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::tally::tests::so_far;
    use super::*;
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

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
        let start = progress.screen.shown;
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
