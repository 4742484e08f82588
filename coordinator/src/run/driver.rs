//! What a run does next: a state machine around the ledger, with time and interruption as events.
//!
//! [`Driver::handle`] takes an event and gives commands. It makes no call, reads no clock and
//! writes nothing, so whatever can happen to a run is tested without a process. The loop in
//! [`super::drive`] brings the events and carries out the commands.
//!
//! ```text
//! queue ──Collected, Audited, Forgotten──▶ ┌────────┐ ──Call: one at a time──────▶ queue
//! queue ──Sized, Lost, Remarked, Why─────▶ │ Driver │ ──Ask: beside the call─────▶ queue
//! shipper ──Shipped──────────────────────▶ │ ledger │ ──Push, Slots──────────────▶ shipper
//! clock ──Tick───────────────────────────▶ │ plan   │ ──Commit───────────────────▶ store
//! signals ──Asked, Told──────────────────▶ └────────┘ ──Notice, Progress, Answer─▶ observer
//!                                              └─────End: the run is over
//! ```

mod events;
mod questions;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use sheaf_common::job::TaskId;
use sheaf_common::numbers::FileIndex;
use sheaf_common::outcome::{Outcome, TaskResult};
use sheaf_common::queue::{Capacity, LostWorker, QueueError};
use sheaf_common::rows::RowsKey;

use super::failure::DriveError;
use super::large_files::LargeFiles;
use super::waiting::{Say, Waiting};
use super::window::Window;
use crate::discover::Sources;
use crate::ledger::{self, Ledger, Position};
use crate::plan::{Plan, Planned};
use crate::report::{Notice, UnderWay};
pub use events::{Call, Command, Driven, Event, Moment, Question};
use questions::Questions;

/// How often the queue is asked for tasks that it may have lost.
pub const AUDIT: Duration = Duration::from_secs(2);
/// How often the settings of the workers are compared with those of this run.
const REMARKS: Duration = Duration::from_secs(10);
/// How often at most the queue is asked what is wrong, while its calls are failing.
const TROUBLE: Duration = Duration::from_secs(1);
/// The pause before the next call after one that failed; the engine has its own backoff beneath.
pub const PAUSE: Duration = Duration::from_millis(200);

/// Drives one job: see the module's page.
pub struct Driver<'s> {
    ledger: Ledger,
    sources: &'s Sources,
    /// `None` when all files are planned.
    plan: Option<Plan<'s>>,
    window: Window,
    /// Whether it is known how much can be done at once: nothing is planned before.
    is_sized: bool,
    /// The tasks that are on their way to the queue.
    on_their_way: HashSet<TaskId>,
    /// Rows that the queue may drop.
    forgettable: Vec<RowsKey>,
    large_files: LargeFiles,
    waiting: Waiting,
    calling: bool,
    /// The pause before the next call.
    pause: Duration,
    questions: Questions,
    audited: Instant,
    remarked: Instant,
    /// The remarks about workers that were told.
    remarks: HashSet<String>,
    /// The workers that were lost at the last look.
    lost: Vec<String>,
}

impl<'s> Driver<'s> {
    /// Drives the job of `ledger` over `sources`, going on at `from`. A run without slots of its
    /// own waits for others for as long as `wait_for_workers`; `None`: for ever.
    pub fn new(
        ledger: Ledger,
        sources: &'s Sources,
        from: Position,
        window: Window,
        wait_for_workers: Option<Duration>,
        now: Instant,
    ) -> Self {
        // A run with slots of its own waits for nobody.
        let limit = wait_for_workers.filter(|_| window.is_for_others());

        Driver {
            ledger,
            sources,
            plan: Some(Plan::new(sources, from.file)),
            window,
            is_sized: false,
            on_their_way: HashSet::new(),
            forgettable: Vec::new(),
            large_files: LargeFiles::new(from),
            waiting: Waiting::new(limit, now),
            calling: false,
            pause: Duration::ZERO,
            questions: Questions::default(),
            audited: now,
            remarked: now,
            remarks: HashSet::new(),
            lost: Vec::new(),
        }
    }

    /// How much is done of files that are not done as a whole.
    pub fn under_way(&self) -> UnderWay {
        self.large_files.under_way()
    }

    /// Takes note of an event; the commands are to be carried out in their order.
    pub fn handle(&mut self, moment: Moment, event: Event) -> Vec<Command> {
        let mut commands = Vec::new();

        let done = match self.take(moment, event, &mut commands) {
            Ok(None) => self.go_on(moment, &mut commands),
            ended => ended,
        };

        match done {
            Ok(None) => {}
            Ok(Some(driven)) => commands.push(Command::End(Ok(driven))),
            Err(error) => commands.push(Command::End(Err(error))),
        }

        commands
    }

    /// Takes note of an event; `Some` if it ends the run.
    fn take(
        &mut self,
        moment: Moment,
        event: Event,
        commands: &mut Vec<Command>,
    ) -> Result<Option<Driven>, DriveError> {
        match event {
            Event::Begun => self.questions.want(Question::Capacity),
            Event::Tick => commands.push(Command::Progress),
            Event::Asked => commands.push(Command::Answer),
            Event::Told(stop) => return Ok(Some(Driven::Interrupted(stop))),
            Event::Shipped(tasks) => {
                for task in tasks {
                    self.on_their_way.remove(&task);
                }
            }
            Event::ShippingFailed(error) => return Err(error.into()),

            Event::Collected(answer) => self.collected(moment, answer, commands)?,
            Event::Audited(answer) => {
                let lost = self.answered(answer)?.unwrap_or_default();
                if !lost.is_empty() {
                    self.feed(ledger::Event::Lost(lost), commands)?;
                }
            }
            Event::Forgotten(rows, answer) => {
                // They are tried again with the next ones.
                if self.answered(answer)?.is_none() {
                    self.forgettable.extend(rows);
                }
            }

            Event::Sized(answer) => self.sized(answer, commands)?,
            Event::Lost(answer) => self.lost(answer, commands),
            Event::Remarked(answer) => self.remarked(answer, commands),
            Event::Why(answer) => self.why(moment, answer, commands)?,
        }

        Ok(None)
    }

    /// Gives the commands that are due: files to be planned, the next call, questions.
    fn go_on(
        &mut self,
        moment: Moment,
        commands: &mut Vec<Command>,
    ) -> Result<Option<Driven>, DriveError> {
        if self.is_sized {
            self.plan(commands)?;
        }

        if self.ledger.is_done() {
            if self.waiting.came(moment.now) == Say::GoesOn {
                commands.push(Command::Notice(Notice::GoesOn));
            }
            return Ok(Some(Driven::Whole));
        }

        self.ask_what_is_due(moment);

        if self.is_sized && !self.calling {
            let call = self.next_call(moment.now);
            let after = std::mem::take(&mut self.pause);

            self.calling = true;
            commands.push(Command::Call { call, after });
        }

        commands.extend(self.questions.next().into_iter().map(Command::Ask));
        Ok(None)
    }

    /// Plans files as long as the window has room.
    fn plan(&mut self, commands: &mut Vec<Command>) -> Result<(), DriveError> {
        while let Some(plan) = &mut self.plan {
            let outstanding = self.ledger.outstanding_bytes();
            if !self.window.has_room(outstanding, self.ledger.pending_extracts()) {
                break;
            }

            let event = match plan.next() {
                Some(Planned::Task { files }) => ledger::Event::Planned(files),
                Some(Planned::Problem { sequence, problem, .. }) => {
                    ledger::Event::Unreadable { sequence, problem }
                }
                None => {
                    self.plan = None;
                    ledger::Event::PlanEnded
                }
            };

            self.feed(event, commands)?;
        }

        Ok(())
    }

    fn next_call(&mut self, now: Instant) -> Call {
        if !self.forgettable.is_empty() {
            return Call::Forget(std::mem::take(&mut self.forgettable));
        }

        if now.duration_since(self.audited) >= AUDIT {
            self.audited = now;

            // Tasks that are still on their way to the queue are not lost.
            let mut pending = self.ledger.pending();
            pending.retain(|task| !self.on_their_way.contains(task));
            return Call::Audit(pending);
        }

        Call::Collect
    }

    fn ask_what_is_due(&mut self, moment: Moment) {
        let Moment { now, in_trouble } = moment;

        // An audit is due: then it is time to look who works, too.
        if self.is_sized && !self.calling && now.duration_since(self.audited) >= AUDIT {
            self.questions.want(Question::LostWorkers);
            if self.plan.is_some() {
                self.questions.want(Question::Capacity);
            }
        }

        if now.duration_since(self.remarked) >= REMARKS {
            self.remarked = now;
            self.questions.want(Question::Remarks);
        }

        // In trouble, calls may take long: what is wrong is said meanwhile.
        let is_wrong = in_trouble && self.waiting.looked_ago(now) >= TROUBLE;
        if is_wrong || self.waiting.is_due(now) {
            self.questions.want(Question::WhyIdle { needs_others: self.window.is_for_others() });
        }
    }

    /// Takes note that a call was answered; `None` if it failed in a way that may pass.
    fn answered<T>(&mut self, answer: Result<T, QueueError>) -> Result<Option<T>, QueueError> {
        self.calling = false;

        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error @ QueueError::Unusable { .. }) => Err(error),
            Err(_) => {
                self.pause = PAUSE;
                Ok(None)
            }
        }
    }

    fn collected(
        &mut self,
        moment: Moment,
        answer: Result<Vec<Outcome>, QueueError>,
        commands: &mut Vec<Command>,
    ) -> Result<(), DriveError> {
        let outcomes = self.answered(answer)?.unwrap_or_default();
        if !outcomes.is_empty() {
            self.heard(moment, commands);
        }

        for outcome in outcomes {
            let sources = self.sources;
            self.large_files.heard(&outcome, |sequence| size_of(sources, sequence));

            if let TaskResult::ReadAlone { vanished, files, first } = &outcome.result {
                let (vanished, files, first) = (*vanished, *files, first.clone());
                commands.push(Command::Notice(Notice::ReadAlone { vanished, files, first }));
            }

            self.feed(ledger::Event::Came(outcome), commands)?;
        }

        commands.push(Command::Progress);
        Ok(())
    }

    /// Takes note that something came.
    fn heard(&mut self, moment: Moment, commands: &mut Vec<Command>) {
        if moment.in_trouble {
            // It came from another server than the one that is in trouble.
            self.waiting.heard(moment.now);
        } else if self.waiting.came(moment.now) == Say::GoesOn {
            commands.push(Command::Notice(Notice::GoesOn));
        }
    }

    /// Fits window and tasks to the slots that there are now. If nobody can say, they stay as they
    /// are.
    fn sized(
        &mut self,
        answer: Result<Capacity, QueueError>,
        commands: &mut Vec<Command>,
    ) -> Result<(), DriveError> {
        self.questions.answered();
        self.is_sized = true;

        let Ok(capacity) = answer else { return Ok(()) };
        let Some(plan) = &mut self.plan else { return Ok(()) };

        self.window.fit(capacity);
        commands.push(Command::Slots(self.window.slots()));

        let bytes = plan.size_tasks(self.window.task_bytes());
        self.feed(ledger::Event::Sized { bytes }, commands)
    }

    /// Tells once of each worker that is not heard of.
    fn lost(&mut self, answer: Result<Vec<LostWorker>, QueueError>, commands: &mut Vec<Command>) {
        self.questions.answered();
        let Ok(lost) = answer else { return };

        // A worker that comes back and is lost again is named again.
        let before = std::mem::take(&mut self.lost);
        for worker in lost {
            self.lost.push(worker.worker.clone());
            if !before.contains(&worker.worker) {
                commands.push(Command::Notice(Notice::WorkerLost(worker)));
            }
        }
    }

    /// Tells once of each thing that does not fit.
    fn remarked(&mut self, answer: Result<Vec<String>, QueueError>, commands: &mut Vec<Command>) {
        self.questions.answered();

        for remark in answer.unwrap_or_default() {
            if self.remarks.insert(remark.clone()) {
                commands.push(Command::Notice(Notice::Remark(remark)));
            }
        }
    }

    /// Tells what the run waits for: what the queue refuses, or that nobody works on it.
    ///
    /// # Errors
    /// When it has waited for as long as it may, or waiting is of no use.
    fn why(
        &mut self,
        moment: Moment,
        answer: Result<Option<String>, QueueError>,
        commands: &mut Vec<Command>,
    ) -> Result<(), DriveError> {
        self.questions.answered_why();

        let reason = match answer {
            Ok(reason) => reason,
            Err(error @ QueueError::Unusable { .. }) => return Err(error.into()),
            // A queue that cannot say why nothing comes is the reason itself.
            Err(error) => Some(error.to_string()),
        };

        match self.waiting.looked(reason.as_deref(), moment.now) {
            Say::Nothing => {}
            Say::Waits => commands.push(Command::Notice(Notice::Waits(reason.unwrap_or_default()))),
            Say::GoesOn => commands.push(Command::Notice(Notice::GoesOn)),
            Say::GiveUp => {
                let waited = self.waiting.for_so_long(moment.now);
                return Err(DriveError::NobodyWorks { waited, reason: reason.unwrap_or_default() });
            }
        }

        Ok(())
    }

    /// Gives the ledger an event, and passes its commands on.
    fn feed(
        &mut self,
        event: ledger::Event,
        commands: &mut Vec<Command>,
    ) -> Result<(), DriveError> {
        for command in self.ledger.handle(event) {
            match command {
                ledger::Command::Push(task) => {
                    self.on_their_way.insert(task.id);
                    commands.push(Command::Push(task));
                }
                ledger::Command::Commit(mut commit) => {
                    self.forgettable.append(&mut commit.forget);
                    self.large_files.stored(commit.end);
                    commands.push(Command::Commit(commit));
                }
                ledger::Command::Forget(rows) => self.forgettable.extend(rows),
                ledger::Command::Warn { task, message, reason } => {
                    commands.push(Command::Log { task, message, reason });
                }
                ledger::Command::GiveUp { reason } => return Err(DriveError::GaveUp(reason)),
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

#[cfg(test)]
mod tests;
