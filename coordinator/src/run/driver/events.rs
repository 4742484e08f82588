//! What a driver hears, and what it commands.

use std::time::{Duration, Instant};

use sheaf_common::job::TaskId;
use sheaf_common::outcome::Outcome;
use sheaf_common::queue::{Capacity, LostWorker, QueueError};
use sheaf_common::rows::RowsKey;
use sheaf_common::task::Task;
use sheaf_worker::signals::Stop;

use super::super::failure::DriveError;
use crate::ledger::Commit;
use crate::report::Notice;

/// When an event comes.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub now: Instant,
    /// Whether calls of the queue have been failing for longer than a moment.
    pub in_trouble: bool,
}

/// What happened. Answers of the queue are `Err` when a call failed; calls may be made again.
#[derive(Debug)]
pub enum Event {
    /// The run begins. The first event, and it comes once.
    Begun,
    /// Time has passed. Comes several times a second.
    Tick,
    /// Someone wants to know how far the run is.
    Asked,
    /// Someone wants the run to stop.
    Told(Stop),
    /// These tasks are on the queue now.
    Shipped(Vec<TaskId>),
    /// No task can be brought to the queue any more.
    ShippingFailed(QueueError),
    /// Answers [`Call::Collect`].
    Collected(Result<Vec<Outcome>, QueueError>),
    /// Answers [`Call::Audit`]: the tasks that the queue has lost.
    Audited(Result<Vec<TaskId>, QueueError>),
    /// Answers [`Call::Forget`].
    Forgotten(Vec<RowsKey>, Result<(), QueueError>),
    /// Answers [`Question::Capacity`].
    Sized(Result<Capacity, QueueError>),
    /// Answers [`Question::LostWorkers`].
    Lost(Result<Vec<LostWorker>, QueueError>),
    /// Answers [`Question::Remarks`].
    Remarked(Result<Vec<String>, QueueError>),
    /// Answers [`Question::WhyIdle`].
    Why(Result<Option<String>, QueueError>),
}

/// What the loop is to do.
#[derive(Debug)]
pub enum Command {
    /// Bring this task to the queue.
    Push(Task),
    /// There are this many slots now: it decides whether files are compressed on their way.
    Slots(usize),
    /// Store this unit for good.
    Commit(Commit),
    /// Make this call after a pause. The next one is given when this one was answered.
    Call { call: Call, after: Duration },
    /// Ask the queue, beside the call that may be under way.
    Ask(Question),
    /// Log what befell a task: the run goes on.
    Log { task: TaskId, message: &'static str, reason: String },
    /// Tell the observer.
    Notice(Notice),
    /// Tell the observer how far the run is.
    Progress,
    /// Tell it to someone who has asked.
    Answer,
    /// The run is over. The last command.
    End(Result<Driven, DriveError>),
}

/// A call that changes what is on the queue, or takes from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    Collect,
    /// Which of these tasks has the queue lost?
    Audit(Vec<TaskId>),
    /// These rows are needed no more.
    Forget(Vec<RowsKey>),
}

/// A question about the queue and its workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Question {
    /// How much can be done at once?
    Capacity,
    /// Which workers are not heard of?
    LostWorkers,
    /// Which settings of the workers do not fit?
    Remarks,
    /// Why may tasks wait in vain? Other workers are needed if `needs_others`.
    WhyIdle { needs_others: bool },
}

/// How a run ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driven {
    /// Every file is in the store or reported.
    Whole,
    /// It was told to stop; what is stored is whole as far as it goes.
    Interrupted(Stop),
}
