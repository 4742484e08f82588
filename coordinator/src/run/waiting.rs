//! Decides when a run says what it waits for, and when it gives up.

use std::time::{Duration, Instant};

use sheaf_common::said::Said;

/// The interval at which a run asks why nothing comes.
const LOOK: Duration = Duration::from_secs(3);

/// How long nothing has come, and why.
#[derive(Debug)]
pub struct Waiting {
    /// How long the run may wait; `None`: for ever.
    limit: Option<Duration>,
    /// When something last came, or the run began.
    came: Instant,
    looked: Instant,
    /// The reason that was last reported to the user.
    said: Said,
}

/// What to report to the user.
#[derive(Debug, PartialEq, Eq)]
pub enum Say {
    Nothing,
    /// What the run waits for.
    Waits,
    /// That it waits no longer.
    GoesOn,
    /// That the limit is reached: the run must end.
    GiveUp,
}

impl Waiting {
    /// Begins to wait at `now`, for at most `limit`; `None`: for ever.
    pub fn new(limit: Option<Duration>, now: Instant) -> Self {
        Waiting { limit, came: now, looked: now, said: Said::default() }
    }

    /// Notes that something came, although the trouble may not be over.
    pub fn heard(&mut self, now: Instant) {
        self.came = now;
    }

    /// Notes that something came, or that nothing is in the way any longer.
    pub fn came(&mut self, now: Instant) -> Say {
        self.came = now;
        self.looked = now;

        if self.said.is_over() { Say::GoesOn } else { Say::Nothing }
    }

    /// How long nothing has come.
    pub fn waited(&self, now: Instant) -> Duration {
        now.duration_since(self.came)
    }

    /// How long ago the run asked why, or something came.
    pub fn since_look(&self, now: Instant) -> Duration {
        now.duration_since(self.looked)
    }

    /// Whether it is time to ask why.
    pub fn is_due(&self, now: Instant) -> bool {
        now.duration_since(self.looked) >= self.limit.map_or(LOOK, |limit| limit.min(LOOK))
    }

    /// Notes why nothing comes; `None`: nothing is in the way, and work just takes its time.
    pub fn looked(&mut self, reason: Option<&str>, now: Instant) -> Say {
        self.looked = now;

        let Some(reason) = reason else {
            // Someone works, so the limit counts from now on.
            return self.came(now);
        };

        if self.limit.is_some_and(|limit| now.duration_since(self.came) >= limit) {
            return Say::GiveUp;
        }

        if self.said.is_due_at(reason, now) { Say::Waits } else { Say::Nothing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn waiting_is_announced_on_change_and_every_minute() {
        let start = Instant::now();
        let mut waiting = Waiting::new(None, start);
        let mut said = Vec::new();
        for second in 1..=200_u32 {
            let now = start + S * second;
            if waiting.is_due(now) {
                let reason = if second < 100 { "no worker" } else { "another version" };
                match waiting.looked(Some(reason), now) {
                    Say::Nothing => {}
                    say => said.push((second, say)),
                }
            }
        }

        let waits = |second| (second, Say::Waits);
        assert_eq!(said, [waits(3), waits(63), waits(102), waits(162)]);
    }

    #[test]
    fn going_on_is_announced_once_after_waiting() {
        let start = Instant::now();
        let mut waiting = Waiting::new(None, start);
        assert_eq!(waiting.came(start + S), Say::Nothing);
        assert_eq!(waiting.looked(Some("no worker"), start + S * 4), Say::Waits);
        assert_eq!(waiting.came(start + S * 5), Say::GoesOn);
        assert_eq!(waiting.came(start + S * 6), Say::Nothing);
        assert_eq!(
            waiting.looked(Some("no worker"), start + S * 9),
            Say::Waits,
            "it is news again"
        );

        assert_eq!(waiting.looked(None, start + S * 12), Say::GoesOn);
    }

    #[test]
    fn waiting_ends_when_its_limit_is_reached() {
        let start = Instant::now();
        let mut waiting = Waiting::new(Some(S * 10), start);
        assert_eq!(waiting.looked(Some("no worker"), start + S * 9), Say::Waits);
        assert_eq!(waiting.looked(None, start + S * 12), Say::GoesOn);
        assert_eq!(waiting.looked(Some("no worker"), start + S * 21), Say::Waits);
        assert_eq!(waiting.looked(Some("no worker"), start + S * 22), Say::GiveUp);
        assert!(
            Waiting::new(Some(S), start).is_due(start + S),
            "a short limit is looked at in time"
        );
    }
}
