//! Repeats messages about a lasting state: when it begins, when it changes, and once a minute.

use std::time::{Duration, Instant};

/// How long an unchanged message is not repeated.
const AGAIN: Duration = Duration::from_secs(60);

/// The last text that was said, and when.
#[derive(Debug, Default)]
pub struct Said(Option<(String, Instant)>);

impl Said {
    /// Whether this text is to be said now; if so, it counts as said. A text with other digits only
    /// is unchanged.
    pub fn is_due(&mut self, text: &str) -> bool {
        self.is_due_at(text, Instant::now())
    }

    /// The same at `now`.
    pub fn is_due_at(&mut self, text: &str, now: Instant) -> bool {
        // Sizes and counts grow all the time, and would make every text a new one.
        let words: String = text.chars().filter(|c| !c.is_ascii_digit()).collect();
        let is_known = self
            .0
            .as_ref()
            .is_some_and(|(said, at)| *said == words && now.duration_since(*at) < AGAIN);

        if !is_known {
            self.0 = Some((words, now));
        }
        !is_known
    }

    /// Notes that the state is over, so that the next text is new. Returns whether anything was
    /// said.
    pub fn is_over(&mut self) -> bool {
        self.0.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_repeat_on_change_or_after_a_while() {
        let mut said = Said::default();
        let now = Instant::now();
        let second = |count| now + Duration::from_secs(count);
        let told = [
            ("full: 80 MB", 0),
            ("full: 81 MB", 3),
            ("gone", 6),
            ("full: 80 MB", 9),
            ("full: 7 MB", 70),
        ];

        let due = told.map(|(text, at)| said.is_due_at(text, second(at)));
        assert_eq!(due, [true, false, true, true, true]);
        assert_eq!([said.is_over(), said.is_over()], [true, false]);

        assert!(said.is_due_at("full: 7 MB", second(71)), "it is news again");
    }
}
