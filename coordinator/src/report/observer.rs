//! Observers of a run, the notices that they get, and the words for these.

use std::fmt;

use sheaf_common::queue::LostWorker;

use super::{Tally, UnderWay};
use crate::human::{count, shown, time};

/// Observes a run: on the terminal ([`super::Progress`]), or for the status file
/// ([`super::StatusFile`]).
///
/// A run calls these methods from its loop, so none of them may wait.
pub trait Observer: Send {
    /// Takes the progress: what is stored, and what is done of incomplete files. Called several
    /// times a second.
    fn progress(&mut self, tally: &Tally, under_way: UnderWay);

    /// Takes a notice.
    fn notice(&mut self, notice: &Notice);

    /// Takes the progress because the user asked for it, and wants an answer now.
    fn asked(&mut self, tally: &Tally, under_way: UnderWay) {
        self.progress(tally, under_way);
    }

    /// The run is over: complete or interrupted. Not called when it fails.
    fn ended(&mut self, tally: &Tally);
}

/// Several observers, called in their order.
impl Observer for Vec<Box<dyn Observer>> {
    fn progress(&mut self, tally: &Tally, under_way: UnderWay) {
        self.iter_mut().for_each(|observer| observer.progress(tally, under_way));
    }

    fn notice(&mut self, notice: &Notice) {
        self.iter_mut().for_each(|observer| observer.notice(notice));
    }

    fn asked(&mut self, tally: &Tally, under_way: UnderWay) {
        self.iter_mut().for_each(|observer| observer.asked(tally, under_way));
    }

    fn ended(&mut self, tally: &Tally) {
        self.iter_mut().for_each(|observer| observer.ended(tally));
    }
}

/// An incident of a run. Displayed as a line for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The inputs have changed since the interrupted run, in these words.
    InputsChanged(String),
    /// This run begins anew, as the interrupted one was another job, for these reasons.
    StartsOver(Vec<String>),
    /// Nothing is reused of an earlier run that was kept, for these reasons.
    NothingReused(Vec<String>),
    /// This run goes on with an interrupted one.
    Resumed { files_done: u64, files: u64 },
    /// Workers vanished while they read the files of a task, so its files are read one by one.
    ReadAlone { vanished: u32, files: u32, first: String },
    /// The settings of a worker do not fit this run, in these words.
    Remark(String),
    /// A worker is no longer heard of.
    WorkerLost(LostWorker),
    /// The run waits, for this reason.
    Waits(String),
    /// It waits no longer.
    GoesOn,
}

impl Notice {
    /// Whether it is shown even with `--quiet`.
    pub fn is_warning(&self) -> bool {
        match self {
            Notice::WorkerLost(_) | Notice::Waits(_) | Notice::GoesOn => true,
            Notice::InputsChanged(_)
            | Notice::StartsOver(_)
            | Notice::NothingReused(_)
            | Notice::Resumed { .. }
            | Notice::ReadAlone { .. }
            | Notice::Remark(_) => false,
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::InputsChanged(what) => {
                write!(f, "the inputs have changed since the interrupted run: {what}")
            }
            Notice::StartsOver(differences) => {
                let differences = differences.join("; ");
                write!(f, "starting over, as the interrupted run was another one: {differences}")
            }
            Notice::NothingReused(differences) => {
                let differences = differences.join("; ");
                write!(f, "nothing of the earlier run can be reused: {differences}")
            }
            Notice::Resumed { files_done, files } => {
                write!(f, "going on after {files_done} of {files} files")
            }
            Notice::ReadAlone { vanished, files, first } => {
                let files = count(u64::from(*files), "file");
                let first = shown(first.as_bytes());
                write!(
                    f,
                    "{vanished} workers vanished with {files} (`{first}` is the first): reading \
                     each alone, to find out which it is"
                )
            }
            Notice::Remark(remark) => write!(f, "note: {remark}"),
            Notice::WorkerLost(LostWorker { worker, silent, tasks, left }) => {
                let worker = shown(worker.as_bytes());
                let silent = time(*silent);
                let tasks = count(*tasks, "task");

                write!(
                    f,
                    "worker {worker} not heard of for {silent}; its {tasks} are taken over "
                )?;

                // The lease may already have ended.
                match left.as_secs() {
                    0 => write!(f, "now"),
                    seconds => write!(f, "in {seconds} s"),
                }
            }
            Notice::Waits(reason) => write!(f, "waiting: {reason}"),
            Notice::GoesOn => write!(f, "going on"),
        }
    }
}
