//! The exit codes of jobs.

use crate::api::State;
use crate::errors::Exit;

/// The exit code of a job that ended in this state; [`Exit::Done`] for one that has not ended.
pub fn exit_of(state: State) -> Exit {
    match state {
        State::DoneWithFailures => Exit::SomeFailed,
        State::Cancelled => Exit::Cancelled,
        State::OverBudget => Exit::OverBudget,
        State::Stopped => Exit::CouldNotRun,
        State::Done
        | State::Queued
        | State::Running
        | State::Pausing
        | State::Cancelling
        | State::Paused => Exit::Done,
    }
}

/// The worst of several exit codes.
#[derive(Debug, Clone, Copy)]
pub struct Worst(Exit);

impl Default for Worst {
    fn default() -> Self {
        Worst(Exit::Done)
    }
}

impl Worst {
    /// Takes one more into account.
    pub fn add(&mut self, exit: Exit) {
        if rank(exit) > rank(self.0) {
            self.0 = exit;
        }
    }

    pub fn exit(self) -> Exit {
        self.0
    }
}

/// Which exit code says more: the numbers are not in the order of badness.
fn rank(exit: Exit) -> u8 {
    match exit {
        Exit::Done => 0,
        Exit::SomeFailed => 1,
        Exit::Cancelled => 2,
        Exit::OverBudget => 3,
        // Not known how it ends.
        Exit::Interrupted => 4,
        Exit::CouldNotRun => 5,
        Exit::Usage => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_job_counts() {
        let worst = |states: &[State]| {
            let mut worst = Worst::default();
            states.iter().for_each(|state| worst.add(exit_of(*state)));
            worst.exit() as u8
        };

        assert_eq!(worst(&[]), 0);
        assert_eq!(worst(&[State::Done, State::DoneWithFailures, State::Done]), 1);
        assert_eq!(worst(&[State::Cancelled, State::DoneWithFailures]), 5);
        assert_eq!(worst(&[State::OverBudget, State::Cancelled]), 6);
        assert_eq!(worst(&[State::Stopped, State::OverBudget]), 3);
    }
}
