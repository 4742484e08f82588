//! The life of a job: a pure state machine.
//!
//! ```text
//!              ┌────────────────── Resume ◀────────── paused
//!              ▼                                        ▲ Ended, Recovered
//!  create ─▶ queued ── Start ─▶ running ── Pause ─▶ pausing ── Cancel ─┐
//!              │ ▲ ▲               │ │                                 ▼
//!              │ │ └── DiskFull ───┤ └──────────────── Cancel ──▶ cancelling
//!              │ │                 │ Ended                             │ Ended, Recovered
//!              │ │                 ├─▶ done                            ▼
//!              │ │                 ├─▶ done-with-failures          cancelled
//!              │ └───── Retry ──── ├─▶ over-budget                     │
//!              │ │                 └─▶ stopped ── Resume ─▶ queued     │
//!              │ └───────────────────────── Retry ─────────────────────┘
//!              └─ Pause ─▶ paused;  Cancel (queued, paused, stopped) ─▶ cancelled
//! ```
//!
//! When the service starts again, `Recovered` brings a job that was under way back to a state in
//! which nothing is under way.

use crate::api::State;

/// What happens to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The service begins to run it.
    Start,
    /// A user wants it to rest.
    Pause,
    /// A user wants it to end.
    Cancel,
    /// A user wants it to go on.
    Resume,
    /// A user wants its failed files to be read again.
    Retry,
    /// Its run is over.
    Ended(Ended),
    /// The service was started again.
    Recovered,
}

/// How the run of a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The outputs are written. `whole`: no file failed, and some file has a record.
    Written { whole: bool },
    /// It was interrupted, as the service was told to.
    Interrupted,
    /// It was interrupted, as too many files failed.
    OverBudget,
    /// The disk is full. It goes on when there is room again.
    DiskFull,
    /// It could not go on.
    Failed,
}

/// A move that the state of a job does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a job that is {} cannot be {}", .state.word(), done(*.event))]
pub struct Illegal {
    pub state: State,
    pub event: Event,
}

/// The state after an event.
///
/// # Errors
/// [`Illegal`]: nothing happens then.
pub fn after(state: State, event: Event) -> Result<State, Illegal> {
    match event {
        Event::Start => start(state),
        Event::Pause => pause(state),
        Event::Cancel => cancel(state),
        Event::Resume => resume(state),
        Event::Retry => retry(state),
        Event::Ended(ended) => end(state, ended),
        Event::Recovered => Some(recovered(state)),
    }
    .ok_or(Illegal { state, event })
}

fn start(state: State) -> Option<State> {
    (state == State::Queued).then_some(State::Running)
}

fn pause(state: State) -> Option<State> {
    match state {
        State::Queued => Some(State::Paused),
        State::Running => Some(State::Pausing),
        // Nothing is left to do.
        State::Pausing | State::Paused => Some(state),
        _ => None,
    }
}

fn cancel(state: State) -> Option<State> {
    match state {
        State::Queued | State::Paused | State::Stopped => Some(State::Cancelled),
        State::Running | State::Pausing => Some(State::Cancelling),
        State::Cancelling | State::Cancelled => Some(state),
        _ => None,
    }
}

fn resume(state: State) -> Option<State> {
    match state {
        State::Paused | State::Stopped => Some(State::Queued),
        State::Queued | State::Running => Some(state),
        _ => None,
    }
}

fn retry(state: State) -> Option<State> {
    match state {
        State::DoneWithFailures | State::OverBudget | State::Stopped | State::Cancelled => {
            Some(State::Queued)
        }
        _ => None,
    }
}

fn end(state: State, ended: Ended) -> Option<State> {
    match (state, ended) {
        // Written before the wish was heard: the result is there, so it counts.
        (State::Running | State::Pausing | State::Cancelling, Ended::Written { whole }) => {
            Some(if whole { State::Done } else { State::DoneWithFailures })
        }

        (State::Cancelling, _) => Some(State::Cancelled),
        (State::Running | State::Pausing, Ended::OverBudget) => Some(State::OverBudget),
        (State::Running | State::Pausing, Ended::Failed) => Some(State::Stopped),
        (State::Pausing, Ended::Interrupted | Ended::DiskFull) => Some(State::Paused),

        // Interrupted without a wish of a user: the service is stopping, or makes room.
        (State::Running, Ended::Interrupted | Ended::DiskFull) => Some(State::Queued),
        _ => None,
    }
}

fn recovered(state: State) -> State {
    match state {
        State::Running => State::Queued,
        State::Pausing => State::Paused,
        State::Cancelling => State::Cancelled,
        others => others,
    }
}

/// What users can do with a job in a state, as the words of the commands.
pub fn possible(state: State) -> Vec<&'static str> {
    let events = [
        (Event::Pause, "pause"),
        (Event::Resume, "resume"),
        (Event::Cancel, "cancel"),
        (Event::Retry, "retry"),
    ];

    let changes = |event| after(state, event).is_ok_and(|next| next != state);
    let words = events.into_iter().filter(|(event, _)| changes(*event)).map(|(_, word)| word);
    words.chain(state.is_finished().then_some("remove")).collect()
}

/// The participle for a message: "a job that is done cannot be …".
fn done(event: Event) -> &'static str {
    match event {
        Event::Start => "started",
        Event::Pause => "paused",
        Event::Cancel => "cancelled",
        Event::Resume => "resumed",
        Event::Retry => "retried",
        Event::Ended(_) => "ended",
        Event::Recovered => "recovered",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Event = Event::Ended(Ended::Written { whole: true });
    const EVENTS: [Event; 11] = [
        Event::Start,
        Event::Pause,
        Event::Cancel,
        Event::Resume,
        Event::Retry,
        WHOLE,
        Event::Ended(Ended::Written { whole: false }),
        Event::Ended(Ended::Interrupted),
        Event::Ended(Ended::OverBudget),
        Event::Ended(Ended::Failed),
        Event::Recovered,
    ];

    fn through(events: &[Event]) -> State {
        events.iter().fold(State::Queued, |state, event| after(state, *event).unwrap())
    }

    #[test]
    fn a_job_ends_as_its_run_does() {
        let ended = |ended| through(&[Event::Start, Event::Ended(ended)]);

        assert_eq!(ended(Ended::Written { whole: true }), State::Done);
        assert_eq!(ended(Ended::Written { whole: false }), State::DoneWithFailures);
        assert_eq!(ended(Ended::OverBudget), State::OverBudget);
        assert_eq!(ended(Ended::Failed), State::Stopped);
        assert_eq!([ended(Ended::Interrupted), ended(Ended::DiskFull)], [State::Queued; 2]);
    }

    #[test]
    fn cancelling_wins_over_every_other_end() {
        let ends = [Ended::Interrupted, Ended::OverBudget, Ended::Failed, Ended::DiskFull];
        for end in ends {
            let events = [Event::Start, Event::Pause, Event::Cancel, Event::Ended(end)];
            assert_eq!(through(&events), State::Cancelled, "{end:?}");
        }

        let written = [Event::Start, Event::Cancel, WHOLE];
        assert_eq!(through(&written), State::Done, "the outputs are there");
    }

    #[test]
    fn a_wish_may_be_repeated() {
        let paused = [Event::Pause, Event::Pause];
        assert_eq!(through(&paused), State::Paused);

        let pausing = [Event::Start, Event::Pause, Event::Pause];
        assert_eq!(through(&pausing), State::Pausing);

        let cancelled = [Event::Cancel, Event::Cancel];
        assert_eq!(through(&cancelled), State::Cancelled);

        let running = [Event::Start, Event::Resume];
        assert_eq!(through(&running), State::Running);
    }

    #[test]
    fn after_a_restart_nothing_is_under_way() {
        for state in State::ALL {
            let recovered = after(state, Event::Recovered).unwrap();
            let is_under_way =
                matches!(recovered, State::Running | State::Pausing | State::Cancelling);

            assert!(!is_under_way, "{state:?}");
            assert_eq!(state.is_finished(), state.is_finished() && recovered == state);
        }
    }

    #[test]
    fn what_is_done_stays_done() {
        for event in EVENTS {
            let next = after(State::Done, event);
            assert!(next.is_err() || next == Ok(State::Done), "{event:?}");
        }

        let refused = after(State::Done, Event::Retry).unwrap_err();
        assert_eq!(refused.to_string(), "a job that is done cannot be retried");
    }

    #[test]
    fn the_possible_commands_follow_the_state() {
        assert_eq!(possible(State::Queued), ["pause", "cancel"]);
        assert_eq!(possible(State::Paused), ["resume", "cancel"]);
        assert_eq!(possible(State::Done), ["remove"]);
        assert_eq!(possible(State::Stopped), ["resume", "cancel", "retry", "remove"]);
        assert_eq!(possible(State::DoneWithFailures), ["retry", "remove"]);
    }
}
