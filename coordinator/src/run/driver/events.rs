//! The events and commands of a driver.

use std::time::{Duration, Instant};

use sheaf_common::job::TaskId;
use sheaf_common::outcome::Outcome;
use sheaf_common::queue::{Capacity, LostWorker, Priority, QueueError};
use sheaf_common::rows::RowsKey;
use sheaf_common::task::Task;

use super::super::failure::DriveError;
use super::super::interrupt::Cause;
use crate::ledger::Commit;
use crate::report::Notice;
use crate::reuse::Checked;

/// The circumstances of an event.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub now: Instant,
    /// Whether calls to the queue have been failing for a while.
    pub in_trouble: bool,
}

/// What happened. An answer of the queue is `Err` if the call failed.
#[derive(Debug)]
pub enum Event {
    /// The run begins. Comes first, and once.
    Begun,
    /// Time has passed. Comes several times a second.
    Tick,
    /// The user asks how far the run is.
    Asked,
    /// The run must stop.
    Stopped(Cause),
    /// The job has this priority from now on.
    Prioritised(Priority),
    /// These tasks are on the queue now.
    Shipped(Vec<TaskId>),
    /// The shipper gave up: no more tasks reach the queue.
    ShippingFailed(QueueError),
    /// Files were checked: they may be planned.
    Checked(Checked),
    /// These tasks, or parts of them, are answered from an earlier run.
    Reused(Vec<Outcome>),
    /// Answers [`Call::Collect`].
    Collected(Result<Vec<Outcome>, QueueError>),
    /// Answers [`Call::Audit`]: the tasks that the queue has lost.
    Audited(Result<Vec<TaskId>, QueueError>),
    /// Answers [`Call::Forget`].
    Forgotten(Vec<RowsKey>, Result<(), QueueError>),
    /// Answers [`Call::Prioritise`].
    Ranked(Priority, Result<(), QueueError>),
    /// Answers [`Question::Capacity`].
    Sized(Result<Capacity, QueueError>),
    /// Answers [`Question::LostWorkers`].
    Lost(Result<Vec<LostWorker>, QueueError>),
    /// Answers [`Question::Remarks`].
    Remarked(Result<Vec<String>, QueueError>),
    /// Answers [`Question::WhyIdle`].
    Why(Result<Option<String>, QueueError>),
}

/// What the loop must do.
#[derive(Debug)]
pub enum Command {
    /// Give this task to the shipper.
    Push(Task),
    /// Tell the shipper how many slots there are: that decides whether files are compressed.
    Slots(usize),
    /// Store this unit for good.
    Commit(Commit),
    /// Make this call after a pause. The next call comes only after its answer.
    Call { call: Call, after: Duration },
    /// Ask the queue, while a call may be in flight.
    Ask(Question),
    /// Log a problem with a task. The run goes on.
    Log { task: TaskId, message: &'static str, reason: String },
    /// Pass this to the observer.
    Notice(Notice),
    /// Tell the observer how far the run is.
    Progress,
    /// Answer [`Event::Asked`], through the observer.
    Answer,
    /// End the run. Comes last.
    End(Result<Driven, DriveError>),
}

/// A call that changes the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    Collect,
    /// Find out which of these tasks the queue has lost.
    Audit(Vec<TaskId>),
    /// Drop these rows, which are no longer needed.
    Forget(Vec<RowsKey>),
    /// Give the job this priority.
    Prioritise(Priority),
}

/// A question about the queue and its workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Question {
    /// How many slots are there, and how much may the queue hold?
    Capacity,
    /// Which workers are lost?
    LostWorkers,
    /// Which settings of workers do not fit this run?
    Remarks,
    /// Why does nothing come? `needs_others`: this process has no slots.
    WhyIdle { needs_others: bool },
}

/// The end of a run that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driven {
    /// Every file is in the store or reported.
    Whole,
    /// It was interrupted. What is stored is whole.
    Interrupted(Cause),
}
