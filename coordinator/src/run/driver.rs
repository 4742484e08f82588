//! Decides what a run does next: a state machine around the ledger, with time and interrupts as
//! events.
//!
//! [`Driver::handle`] takes an event and returns commands. It makes no call, reads no clock and
//! writes nothing, so tests can play through whatever can happen to a run. The loop in
//! [`super::drive`] brings the events and carries out the commands. [`answers`] applies what the
//! queue answers.
//!
//! ```text
//! queue ──Collected, …, Ranked───────────▶ ┌────────┐ ──Call: one at a time──────▶ queue
//! queue ──Sized, Lost, Remarked, Why─────▶ │ Driver │ ──Ask: beside the call─────▶ queue
//! shipper ──Shipped, Reused──────────────▶ │ ledger │ ──Push, Slots──────────────▶ shipper
//! clock ──Tick───────────────────────────▶ │ plan   │ ──Commit───────────────────▶ store
//! caller ──Asked, Stopped, Prioritised───▶ └────────┘ ──Notice, Progress, Answer─▶ observer
//!                                              └─────End: the run is over
//! ```

mod answers;
mod events;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use sheaf_common::job::TaskId;
use sheaf_common::numbers::FileIndex;
use sheaf_common::queue::{Priority, QueueError};
use sheaf_common::rows::RowsKey;

use super::failure::DriveError;
use super::large_files::LargeFiles;
use super::waiting::{Say, Waiting};
use super::window::Window;
use crate::discover::Sources;
use crate::ledger::{self, Ledger, Position};
use crate::plan::{Plan, Planned};
use crate::report::{Notice, UnderWay};
use crate::reuse::Checked;
pub use events::{Call, Command, Driven, Event, Moment, Question};

/// The interval of audits, which ask the queue for tasks that it has lost.
pub const AUDIT: Duration = Duration::from_secs(2);
/// The interval at which the settings of the workers are compared with those of this run.
const REMARKS: Duration = Duration::from_secs(10);
/// The shortest interval at which the queue is asked what is wrong, while calls fail.
const TROUBLE: Duration = Duration::from_secs(1);
/// The pause after a call that failed. The engine has its own backoff beneath.
pub const PAUSE: Duration = Duration::from_millis(200);

/// The state machine of this module, for one job.
pub struct Driver<'s> {
    ledger: Ledger,
    sources: &'s Sources,
    /// The files to come; `None` when all are planned.
    plan: Option<Plan<'s>>,
    window: Window,
    /// Whether the capacity of the workers is known. Nothing is planned before.
    is_sized: bool,
    /// The tasks that were given to the shipper and are not on the queue yet.
    on_their_way: HashSet<TaskId>,
    /// Rows that the queue may drop.
    forgettable: Vec<RowsKey>,
    /// The priority that the queue has not heard of yet.
    priority: Option<Priority>,
    large_files: LargeFiles,
    waiting: Waiting,
    is_calling: bool,
    /// The pause before the next call; not zero after a failure.
    pause: Duration,
    /// The questions without an answer yet.
    asked: HashSet<Question>,
    audited: Instant,
    remarked: Instant,
    /// The remarks about workers that were reported.
    remarks: HashSet<String>,
    /// The workers that were lost when it was last asked.
    lost: Vec<String>,
}

impl<'s> Driver<'s> {
    /// Drives the job of `ledger` over `sources`, from `from` on. A run without slots of its own
    /// waits up to `wait_for_workers` for a worker; `None`: for ever.
    pub fn new(
        ledger: Ledger,
        sources: &'s Sources,
        from: Position,
        window: Window,
        wait_for_workers: Option<Duration>,
        now: Instant,
    ) -> Self {
        // A run with slots of its own does not depend on other workers.
        let limit = wait_for_workers.filter(|_| window.is_for_others());

        Driver {
            ledger,
            sources,
            plan: Some(Plan::new(sources, from.file)),
            window,
            is_sized: false,
            on_their_way: HashSet::new(),
            forgettable: Vec::new(),
            priority: None,
            large_files: LargeFiles::new(from),
            waiting: Waiting::new(limit, now),
            is_calling: false,
            pause: Duration::ZERO,
            asked: HashSet::new(),
            audited: now,
            remarked: now,
            remarks: HashSet::new(),
            lost: Vec::new(),
        }
    }

    /// Plans no file before [`Event::Checked`] names it.
    pub fn wait_for_checks(&mut self) {
        if let Some(plan) = &mut self.plan {
            plan.wait_for_checks();
        }
    }

    /// The next file to be planned.
    pub fn position(&self) -> FileIndex {
        let end = FileIndex::at(self.sources.len());
        self.plan.as_ref().map_or(end, Plan::position)
    }

    /// How much is done of files that are not complete.
    pub fn under_way(&self) -> UnderWay {
        self.large_files.under_way()
    }

    /// Applies an event. The caller must carry out the commands in their order.
    pub fn handle(&mut self, moment: Moment, event: Event) -> Vec<Command> {
        let mut commands = Vec::new();

        // The end of a run is its last command: nothing is added after it.
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

    /// Applies an event; returns how the run ended, if this event ends it.
    fn take(
        &mut self,
        moment: Moment,
        event: Event,
        commands: &mut Vec<Command>,
    ) -> Result<Option<Driven>, DriveError> {
        match event {
            Event::Begun => self.ask(Question::Capacity, commands),
            Event::Tick => commands.push(Command::Progress),
            Event::Asked => commands.push(Command::Answer),
            Event::Stopped(stop) => return Ok(Some(Driven::Interrupted(stop))),
            Event::Prioritised(priority) => self.priority = Some(priority),
            Event::Shipped(tasks) => {
                for task in tasks {
                    self.on_their_way.remove(&task);
                }
            }
            Event::ShippingFailed(error) => return Err(error.into()),
            Event::Checked(Checked { before, reused }) => {
                if let Some(plan) = &mut self.plan {
                    plan.checked(before, reused);
                }
            }
            Event::Reused(outcomes) => self.apply(outcomes, commands)?,

            Event::Collected(answer) => self.collected(moment, answer, commands)?,
            Event::Audited(answer) => {
                let lost = self.answered(answer)?.unwrap_or_default();
                if !lost.is_empty() {
                    self.feed(ledger::Event::Lost(lost), commands)?;
                }
            }
            Event::Forgotten(rows, answer) => {
                // Dropped with the next call, together with newer ones.
                if self.answered(answer)?.is_none() {
                    self.forgettable.extend(rows);
                }
            }

            Event::Ranked(priority, answer) => {
                // Tried again, unless another priority came meanwhile.
                if self.answered(answer)?.is_none() {
                    self.priority.get_or_insert(priority);
                }
            }

            Event::Sized(answer) => self.sized(answer, commands)?,
            Event::Lost(answer) => self.lost(answer, commands),
            Event::Remarked(answer) => self.remarked(answer, commands),
            Event::Why(answer) => self.why(moment, answer, commands)?,
        }

        Ok(None)
    }

    /// Adds the commands that are due: new tasks, the next call, questions. Returns how the run
    /// ended, if everything is committed.
    fn go_on(
        &mut self,
        moment: Moment,
        commands: &mut Vec<Command>,
    ) -> Result<Option<Driven>, DriveError> {
        if self.is_sized {
            self.plan(commands)?;
        }

        // Commands of the last commit are already in `commands`, and come before the end.
        if self.ledger.is_done() {
            if self.waiting.came(moment.now) == Say::GoesOn {
                commands.push(Command::Notice(Notice::GoesOn));
            }
            return Ok(Some(Driven::Whole));
        }

        self.ask_what_is_due(moment, commands);

        // Before the capacity is known nothing is pushed, so there is nothing to collect.
        if self.is_sized && !self.is_calling {
            let call = self.next_call(moment.now);
            let after = std::mem::take(&mut self.pause);

            self.is_calling = true;
            commands.push(Command::Call { call, after });
        }

        Ok(None)
    }

    /// Plans files while the window has room.
    fn plan(&mut self, commands: &mut Vec<Command>) -> Result<(), DriveError> {
        while let Some(plan) = &mut self.plan {
            if plan.waits() {
                break;
            }

            // Asked again for each task, as planning fills the window.
            let outstanding = self.ledger.outstanding_bytes();
            if !self.window.has_room(outstanding, self.ledger.pending_extracts()) {
                break;
            }

            let event = match plan.next() {
                Some(Planned::Task { files }) => ledger::Event::Planned(files),
                Some(Planned::Problem { sequence, problem }) => {
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
        if let Some(priority) = self.priority.take() {
            return Call::Prioritise(priority);
        }

        if !self.forgettable.is_empty() {
            // First, as this frees memory of the queue.
            return Call::Forget(std::mem::take(&mut self.forgettable));
        }

        if now.duration_since(self.audited) >= AUDIT {
            self.audited = now;

            // A task that is not on the queue yet is not lost.
            let mut pending = self.ledger.pending();
            pending.retain(|task| !self.on_their_way.contains(task));
            return Call::Audit(pending);
        }

        Call::Collect
    }

    fn ask_what_is_due(&mut self, moment: Moment, commands: &mut Vec<Command>) {
        let Moment { now, in_trouble } = moment;

        // With each audit, look after the workers. Capacity matters only while files are planned.
        if self.is_sized && !self.is_calling && now.duration_since(self.audited) >= AUDIT {
            self.ask(Question::LostWorkers, commands);
            if self.plan.is_some() {
                self.ask(Question::Capacity, commands);
            }
        }

        if now.duration_since(self.remarked) >= REMARKS {
            self.remarked = now;
            self.ask(Question::Remarks, commands);
        }

        // While calls fail, the one in flight may take long. The user hears before it ends what is
        // wrong.
        let is_wrong = in_trouble && self.waiting.since_look(now) >= TROUBLE;
        if is_wrong || self.waiting.is_due(now) {
            self.ask(self.why_idle(), commands);
        }
    }

    /// Asks a question, unless it has no answer yet: that one will do.
    fn ask(&mut self, question: Question, commands: &mut Vec<Command>) {
        if self.asked.insert(question) {
            commands.push(Command::Ask(question));
        }
    }

    fn why_idle(&self) -> Question {
        Question::WhyIdle { needs_others: self.window.is_for_others() }
    }

    /// Notes that a call was answered; returns `None` if it failed in a way that may pass.
    fn answered<T>(&mut self, answer: Result<T, QueueError>) -> Result<Option<T>, QueueError> {
        self.is_calling = false;

        match answer {
            Ok(answer) => Ok(Some(answer)),
            // A queue that can never be used: trying again is of no use.
            Err(error @ QueueError::Unusable { .. }) => Err(error),
            Err(_) => {
                self.pause = PAUSE;
                Ok(None)
            }
        }
    }

    /// Gives the ledger an event and translates its commands.
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
                // The commands before it are still carried out: what is committed counts.
                ledger::Command::GiveUp { reason } => return Err(DriveError::GaveUp(reason)),
            }
        }

        Ok(())
    }
}

#[cfg(test)]
mod tests;
