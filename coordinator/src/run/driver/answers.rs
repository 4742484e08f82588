//! Applies the answers of the queue.

use sheaf_common::numbers::FileIndex;
use sheaf_common::outcome::{Outcome, TaskResult};
use sheaf_common::queue::{Capacity, LostWorker, QueueError};

use super::super::failure::DriveError;
use super::super::waiting::Say;
use super::Driver;
use super::events::{Command, Moment, Question};
use crate::discover::Sources;
use crate::ledger;
use crate::report::Notice;

impl Driver<'_> {
    /// Applies collected outcomes.
    pub(super) fn collected(
        &mut self,
        moment: Moment,
        answer: Result<Vec<Outcome>, QueueError>,
        commands: &mut Vec<Command>,
    ) -> Result<(), DriveError> {
        let outcomes = self.answered(answer)?.unwrap_or_default();
        if !outcomes.is_empty() {
            self.heard(moment, commands);
        }

        self.apply(outcomes, commands)
    }

    /// Applies outcomes, wherever they came from.
    pub(super) fn apply(
        &mut self,
        outcomes: Vec<Outcome>,
        commands: &mut Vec<Command>,
    ) -> Result<(), DriveError> {
        for outcome in outcomes {
            let sources = self.sources;

            // Before the ledger, which consumes the outcome.
            self.large_files.heard(&outcome, |sequence| size_of(sources, sequence));

            if let TaskResult::ReadAlone { vanished, files, first } = &outcome.result {
                let (vanished, files, first) = (*vanished, *files, first.clone());
                commands.push(Command::Notice(Notice::ReadAlone { vanished, files, first }));
            }

            self.feed(ledger::Event::Collected(outcome), commands)?;
        }

        commands.push(Command::Progress);
        Ok(())
    }

    /// Ends the wait: something came.
    fn heard(&mut self, moment: Moment, commands: &mut Vec<Command>) {
        if moment.in_trouble {
            // It came from a server other than the failing one: the trouble is not over.
            self.waiting.heard(moment.now);
        } else if self.waiting.came(moment.now) == Say::GoesOn {
            commands.push(Command::Notice(Notice::GoesOn));
        }
    }

    /// Fits the window and the size of tasks to the current slots. After an error they stay as they
    /// are.
    pub(super) fn sized(
        &mut self,
        answer: Result<Capacity, QueueError>,
        commands: &mut Vec<Command>,
    ) -> Result<(), DriveError> {
        self.asked.remove(&Question::Capacity);

        // Even after an error: the run begins with the slots that it knows.
        self.is_sized = true;

        let Ok(capacity) = answer else { return Ok(()) };
        let Some(plan) = &mut self.plan else { return Ok(()) };

        self.window.fit(capacity);
        commands.push(Command::Slots(self.window.slots()));

        let bytes = plan.size_tasks(self.window.task_bytes());
        self.feed(ledger::Event::Sized { bytes }, commands)
    }

    /// Reports each lost worker once.
    pub(super) fn lost(
        &mut self,
        answer: Result<Vec<LostWorker>, QueueError>,
        commands: &mut Vec<Command>,
    ) {
        self.asked.remove(&Question::LostWorkers);
        let Ok(lost) = answer else { return };

        // Compared with the last answer only: a worker that came back and is lost again is reported
        // again.
        let before = std::mem::take(&mut self.lost);
        for worker in lost {
            self.lost.push(worker.worker.clone());
            if !before.contains(&worker.worker) {
                commands.push(Command::Notice(Notice::WorkerLost(worker)));
            }
        }
    }

    /// Reports each remark once.
    pub(super) fn remarked(
        &mut self,
        answer: Result<Vec<String>, QueueError>,
        commands: &mut Vec<Command>,
    ) {
        self.asked.remove(&Question::Remarks);

        for remark in answer.unwrap_or_default() {
            if self.remarks.insert(remark.clone()) {
                commands.push(Command::Notice(Notice::Remark(remark)));
            }
        }
    }

    /// Reports why nothing comes: the queue refuses something, or no worker is there.
    ///
    /// # Errors
    /// When the limit of the wait is reached, or the queue can never be used.
    pub(super) fn why(
        &mut self,
        moment: Moment,
        answer: Result<Option<String>, QueueError>,
        commands: &mut Vec<Command>,
    ) -> Result<(), DriveError> {
        let question = self.why_idle();
        self.asked.remove(&question);

        let reason = match answer {
            Ok(reason) => reason,
            Err(error @ QueueError::Unusable { .. }) => return Err(error.into()),
            // If the question fails, its failure is the reason.
            Err(error) => Some(error.to_string()),
        };

        match self.waiting.looked(reason.as_deref(), moment.now) {
            Say::Nothing => {}
            Say::Waits => commands.push(Command::Notice(Notice::Waits(reason.unwrap_or_default()))),
            Say::GoesOn => commands.push(Command::Notice(Notice::GoesOn)),
            Say::GiveUp => {
                let waited = self.waiting.waited(moment.now);
                return Err(DriveError::NobodyWorks { waited, reason: reason.unwrap_or_default() });
            }
        }

        Ok(())
    }
}

/// The size of a file as it was discovered; `None` if there is no such file.
fn size_of(sources: &Sources, sequence: FileIndex) -> Option<u64> {
    let index = Some(sequence.index()).filter(|index| *index < sources.len())?;
    Some(sources.get(index).size)
}
