//! Observes a run from outside: the growth of its outputs, and its messages.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::job::size;
use crate::run::Heard;

/// The pause between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Watches one run, over all restarts of its coordinator.
pub struct Watch {
    seen: Arc<Seen>,
    stop: Arc<AtomicBool>,
    looker: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    timeline: Mutex<Timeline>,
    coordinator: Mutex<Option<Heard>>,
}

/// The times of all events so far.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    /// When the outputs grew.
    pub grown: Vec<Instant>,
    /// When the coordinator said something other than progress.
    pub said: Vec<Instant>,
    /// The bytes of the outputs now, including unfinished ones.
    pub bytes: u64,
}

impl Watch {
    /// Watches the outputs in `folder`.
    pub fn start(folder: PathBuf) -> Self {
        let seen = Arc::new(Seen::default());
        let stop = Arc::new(AtomicBool::new(false));
        let looker = std::thread::spawn({
            let seen = Arc::clone(&seen);
            let stop = Arc::clone(&stop);
            move || look(&folder, &seen, &stop)
        });
        Watch { seen, stop, looker: Some(looker) }
    }

    /// Switches to this coordinator.
    pub fn listen(&self, coordinator: Heard) {
        *self.seen.coordinator.lock().expect("no looker panics") = Some(coordinator);
    }

    pub fn timeline(&self) -> Timeline {
        self.seen.timeline.lock().expect("no looker panics").clone()
    }

    pub fn bytes(&self) -> u64 {
        self.seen.timeline.lock().expect("no looker panics").bytes
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(looker) = self.looker.take() {
            let _ = looker.join();
        }
    }
}

fn look(folder: &std::path::Path, seen: &Seen, stop: &AtomicBool) {
    let mut words = 0;
    while !stop.load(Ordering::Relaxed) {
        let bytes = size(folder);
        let heard = seen
            .coordinator
            .lock()
            .expect("nobody panics")
            .as_ref()
            .map(|heard| count_words(&heard.so_far()));
        let now = Instant::now();

        let mut timeline = seen.timeline.lock().expect("nobody panics");
        if bytes > timeline.bytes {
            timeline.grown.push(now);
        }
        timeline.bytes = bytes;
        if heard.is_some_and(|heard| heard > words) {
            timeline.said.push(now);
        }
        words = heard.unwrap_or(words);
        drop(timeline);

        std::thread::sleep(LOOK);
    }
}

/// The number of lines without those of progress, which begin with a percentage.
fn count_words(text: &str) -> usize {
    let is_progress = |line: &str| {
        line.trim_start().split_once('%').is_some_and(|(number, _)| number.parse::<u8>().is_ok())
    };
    text.lines().filter(|line| !line.trim().is_empty() && !is_progress(line)).count()
}

impl Timeline {
    /// The longest time without progress between `from` and `to`. Time after the last progress does
    /// not count, as the work is done by then.
    pub fn longest_silence(&self, from: Instant, to: Instant) -> Duration {
        self.silences(from, to).map(|(began, ended)| ended - began).max().unwrap_or_default()
    }

    /// Whether the coordinator said something in each time without progress of more than `limit`,
    /// between `from` and `to`.
    pub fn explains_silences(&self, from: Instant, to: Instant, limit: Duration) -> bool {
        let long = |&(began, ended): &(Instant, Instant)| ended - began > limit;
        let explained = |(began, ended): (Instant, Instant)| {
            self.said.iter().any(|said| (began..=ended).contains(said))
        };
        self.silences(from, to).filter(long).all(explained)
    }

    /// The times between one progress and the next, as far as they are within `from..=to`.
    fn silences(
        &self,
        from: Instant,
        to: Instant,
    ) -> impl Iterator<Item = (Instant, Instant)> + '_ {
        let within = self.grown.iter().copied().filter(move |&grown| from <= grown && grown <= to);
        // Progress after `to` shows that the work went on, so the time until `to` counts, too.
        let next = self.grown.iter().copied().find(|&grown| grown > to).map(|_| to);
        let ends = within.chain(next);
        ends.scan(from, |began, ended| Some((std::mem::replace(began, ended), ended)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(grown: &[u64], said: &[u64]) -> (Instant, Timeline) {
        let zero = Instant::now();
        let at = |seconds: &u64| zero + Duration::from_secs(*seconds);
        let timeline = Timeline {
            grown: grown.iter().map(at).collect(),
            said: said.iter().map(at).collect(),
            bytes: 0,
        };
        (zero, timeline)
    }

    #[test]
    fn silence_is_measured_between_progress_and_within_bounds() {
        let (zero, timeline) = timeline(&[1, 2, 10, 11, 40], &[]);
        let silence = |from, to| {
            timeline
                .longest_silence(zero + Duration::from_secs(from), zero + Duration::from_secs(to))
                .as_secs()
        };
        assert_eq!(silence(1, 20), 9, "from 11 to 20 it is as long as from 2 to 10, and one more");
        assert_eq!(silence(2, 11), 8);
        assert_eq!(silence(5, 11), 5);
        assert_eq!(silence(11, 60), 29, "after the last progress nothing counts");
        assert_eq!(silence(41, 60), 0);
    }

    #[test]
    fn a_long_silence_needs_a_word_in_it() {
        let (zero, timeline) = timeline(&[1, 30, 31], &[20]);
        let from = zero + Duration::from_secs(1);
        let limit = Duration::from_secs(15);
        assert!(timeline.explains_silences(from, zero + Duration::from_secs(40), limit));
        let silent = Timeline { said: vec![zero + Duration::from_secs(31)], ..timeline };
        assert!(!silent.explains_silences(from, zero + Duration::from_secs(40), limit));
    }

    #[test]
    fn progress_is_no_message() {
        assert_eq!(count_words(" 43%  1,204/2,800 files · 2 s left\n\n"), 0);
        assert_eq!(count_words(" 43%  1,204/2,800 files\nno worker is connected\n"), 1);
    }
}
