//! Measures how far a run is, how fast, and how long it will take. Prints nothing.

use std::time::{Duration, Instant};

use super::Tally;

/// The time over which the speed is smoothed.
const SMOOTH: Duration = Duration::from_secs(10);
/// If nothing has come for this long, no time left is given.
const STALE: Duration = Duration::from_secs(15);
/// The longest time left that is given. More would not be a forecast.
const LONGEST_LEFT: Duration = Duration::from_secs(100 * 24 * 60 * 60);

/// How much is done of files that are not complete.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnderWay {
    /// Of their sizes when they were discovered.
    pub bytes: u64,
    /// Of their bytes, unpacked.
    pub read: u64,
}

/// The progress and the speed of a run.
#[derive(Debug)]
pub struct Measure {
    pub total_files: u64,
    pub total_bytes: u64,
    began: Instant,
    /// The most bytes that were done so far: progress does not go back when a large file fails.
    bytes: u64,
    /// The start of the first measurement: what a resumed run finds done says nothing about speed.
    first: Option<Mark>,
    /// When something last came, and how far the run was then.
    last: Mark,
    /// Bytes a second by size and as they were read, each measurement weighted by its age.
    sizes: Smoothed,
    read: Smoothed,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    at: Instant,
    /// The sizes of the files that were read. Files that could not be read took no time.
    sizes: u64,
    /// The bytes that were read, unpacked.
    read: u64,
}

impl Mark {
    fn of(tally: &Tally, under_way: UnderWay, at: Instant) -> Self {
        let sizes = tally.bytes - tally.unread_bytes + under_way.bytes;
        Mark { at, sizes, read: tally.read_bytes.saturating_add(under_way.read) }
    }
}

/// An exponential mean: the weighted sum of the measurements, and the sum of the weights. Their
/// quotient is right from the first measurement on, while a plain moving average is biased by its
/// start.
#[derive(Debug, Clone, Copy, Default)]
struct Smoothed {
    sum: f64,
    weights: f64,
}

impl Smoothed {
    fn add(&mut self, value: f64, weight: f64) {
        self.sum += (value - self.sum) * weight;
        self.weights += (1.0 - self.weights) * weight;
    }

    fn value(self) -> Option<f64> {
        (self.weights > 0.0).then(|| self.sum / self.weights)
    }
}

/// The share that is done, from 0 to 1: by bytes, as files differ in size; by files if there are no
/// bytes.
pub fn share(files: (u64, u64), bytes: (u64, u64)) -> f64 {
    let (done, total) = if bytes.1 == 0 { files } else { bytes };
    if total == 0 { 1.0 } else { (done as f64 / total as f64).min(1.0) }
}

impl Measure {
    /// Begins at `now`. `total_bytes`: the sizes of all files when they were discovered.
    pub fn new(total_files: u64, total_bytes: u64, now: Instant) -> Self {
        Measure {
            total_files,
            total_bytes,
            began: now,
            bytes: 0,
            first: None,
            last: Mark { at: now, sizes: 0, read: 0 },
            sizes: Smoothed::default(),
            read: Smoothed::default(),
        }
    }

    /// Adds a measurement.
    pub fn update(&mut self, tally: &Tally, under_way: UnderWay, now: Instant) {
        self.bytes = self.bytes.max(tally.bytes + under_way.bytes);

        let mark = Mark::of(tally, under_way, now);

        // Until something is read, processes are starting: that time is not measured.
        if self.first.is_none() {
            self.last = mark;
            self.first = (tally.files > 0 || under_way.read > 0).then_some(mark);
            return;
        }

        // Without progress the interval goes on: a pause is measured together with what comes after
        // it.
        let passed = now.duration_since(self.last.at).as_secs_f64();
        if (mark.sizes <= self.last.sizes && mark.read <= self.last.read) || passed <= 0.0 {
            return;
        }

        let weight = 1.0 - (-passed / SMOOTH.as_secs_f64()).exp();
        self.sizes.add(mark.sizes.saturating_sub(self.last.sizes) as f64 / passed, weight);
        self.read.add(mark.read.saturating_sub(self.last.read) as f64 / passed, weight);

        self.last = mark;
    }

    /// The bytes that are done: those of complete files, and parts of large ones.
    pub fn bytes(&self, tally: &Tally) -> u64 {
        self.bytes.max(tally.bytes)
    }

    /// Unpacked bytes a second; `None` before the first measurement.
    pub fn speed(&self) -> Option<f64> {
        self.read.value()
    }

    /// The time left; `None` while it would be a guess.
    ///
    /// Follows from the smoothed speed, or half of the mean speed if that is more: after a pause,
    /// as when a worker is lost, the smoothed speed is too low.
    pub fn left(&self, tally: &Tally, now: Instant) -> Option<Duration> {
        if now.duration_since(self.last.at) > STALE {
            return None;
        }

        let first = self.first?;
        let passed = self.last.at.duration_since(first.at).as_secs_f64();
        let mean = if passed > 0.0 { (self.last.sizes - first.sizes) as f64 / passed } else { 0.0 };
        let speed = self.sizes.value()?.max(mean / 2.0);

        let left = self.total_bytes.saturating_sub(self.bytes(tally)) as f64 / speed;

        // At least 1 s, as the run is not over; without any speed this is `None`.
        let left = Duration::try_from_secs_f64(left.round().max(1.0)).ok()?;

        (left < LONGEST_LEFT).then_some(left)
    }

    /// How long the run has taken so far.
    pub fn elapsed(&self, now: Instant) -> Duration {
        now.duration_since(self.began)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tally::tests::so_far;
    use super::*;

    const NONE: UnderWay = UnderWay { bytes: 0, read: 0 };

    fn share_of(measure: &Measure, tally: &Tally) -> f64 {
        share((tally.files, measure.total_files), (measure.bytes(tally), measure.total_bytes))
    }

    #[test]
    fn what_an_earlier_run_did_is_no_speed() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut measure = Measure::new(10, 1000, start);
        measure.update(&so_far(5, 500), NONE, at(1));
        assert_eq!(measure.speed(), None);
        measure.update(&so_far(6, 600), NONE, at(2));
        assert_eq!(measure.left(&so_far(6, 600), at(2)), Some(Duration::from_secs(4)));
    }

    #[test]
    fn a_slow_start_is_soon_forgotten() {
        let start = Instant::now();
        let mut measure = Measure::new(100, 100_000_000, start);
        let at = |tenths: u64| start + Duration::from_millis(tenths * 100);

        // Nothing for three seconds while processes start, then 10 MB/s.
        (1..=30).for_each(|tenths| measure.update(&so_far(0, 0), NONE, at(tenths)));
        assert_eq!(measure.left(&so_far(0, 0), at(30)), None);
        (31..=40).for_each(|tenths| {
            measure.update(&so_far(tenths, (tenths - 30) * 1_000_000), NONE, at(tenths))
        });

        assert_eq!(measure.left(&so_far(40, 10_000_000), at(40)), Some(Duration::from_secs(9)));
    }

    #[test]
    fn a_pause_makes_no_absurd_time_left() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut measure = Measure::new(1000, 1_000_000, start);

        // 1 kB a second, nothing for half a minute, then a little.
        (0..=100).for_each(|second| {
            measure.update(&so_far(second + 1, second * 1000), NONE, at(second))
        });

        (101..=130).for_each(|second| measure.update(&so_far(101, 100_000), NONE, at(second)));
        assert_eq!(measure.left(&so_far(101, 100_000), at(105)), Some(Duration::from_secs(900)));
        assert_eq!(measure.left(&so_far(101, 100_000), at(130)), None, "nobody knows");
        measure.update(&so_far(102, 100_100), NONE, at(131));
        let left = measure.left(&so_far(102, 100_100), at(131)).unwrap();
        assert!(left < Duration::from_secs(2 * 60 * 60), "{left:?}");
    }

    #[test]
    fn what_was_not_read_is_no_speed() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut measure = Measure::new(10, 1000, start);
        measure.update(&so_far(1, 0), NONE, at(0));
        let refused = Tally { unread_bytes: 900, read_bytes: 10, ..so_far(2, 910) };
        measure.update(&refused, NONE, at(1));
        assert_eq!(measure.speed().map(f64::round), Some(10.0));
        assert_eq!(measure.left(&refused, at(1)), Some(Duration::from_secs(9)));
    }

    #[test]
    fn progress_counts_parsed_bytes_and_never_falls() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let parsed = |bytes| UnderWay { bytes, read: bytes * 4 };
        let mut measure = Measure::new(2, 1000, start);
        measure.update(&so_far(0, 0), parsed(100), at(1));
        measure.update(&so_far(0, 0), parsed(200), at(2));
        let speed = |measure: &Measure| measure.speed().map(f64::round);
        assert_eq!((share_of(&measure, &so_far(0, 0)), speed(&measure)), (0.2, Some(400.0)));
        assert_eq!(measure.left(&so_far(0, 0), at(2)), Some(Duration::from_secs(8)));

        measure.update(&so_far(0, 0), NONE, at(3));
        assert_eq!(share_of(&measure, &so_far(0, 0)), 0.2);
        measure.update(&Tally { unread_bytes: 900, read_bytes: 0, ..so_far(1, 900) }, NONE, at(4));
        assert_eq!(share_of(&measure, &so_far(1, 900)), 0.9);
        assert_eq!(speed(&measure), Some(400.0), "what was not read is no speed");
    }

    #[test]
    fn files_without_bytes_count_as_files() {
        let start = Instant::now();
        assert_eq!(share_of(&Measure::new(4, 0, start), &so_far(1, 0)), 0.25);
        assert_eq!(share_of(&Measure::new(0, 0, start), &so_far(0, 0)), 1.0);
    }
}
