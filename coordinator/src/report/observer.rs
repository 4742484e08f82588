//! Who watches a run: what it is told, and the words for it.

use std::fmt;

use sheaf_common::queue::LostWorker;

use super::{Tally, UnderWay};
use crate::human::{count, shown, time};

/// Watches a run. The terminal is one ([`super::Progress`]), the status file another
/// ([`super::StatusFile`]).
///
/// A run calls it from its loop, so no method may wait for anybody.
pub trait Observer: Send {
    /// The run is this far: what is stored, and what is done of files under way. Called several
    /// times a second.
    fn progress(&mut self, tally: &Tally, under_way: UnderWay);

    /// Something happened that people want to know.
    fn notice(&mut self, notice: &Notice);

    /// Someone has asked how far the run is, and wants an answer now.
    fn asked(&mut self, tally: &Tally, under_way: UnderWay) {
        self.progress(tally, under_way);
    }

    /// The run goes no further: it is whole, or was told to stop. Not called when it fails.
    fn ended(&mut self, tally: &Tally);
}

/// Several observers, told in their order.
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

/// Something that happens in a run beside its progress. Displayed, it is a line for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The inputs are others than those of the interrupted run, in these words.
    InputsChanged(String),
    /// The interrupted run was another one, for these reasons: this one begins anew.
    StartsOver(Vec<String>),
    /// An interrupted run is gone on with.
    Resumed { files_done: u64, files: u64 },
    /// Workers vanished with the files of a task, so each file is read by itself.
    ReadAlone { vanished: u32, files: u32, first: String },
    /// The settings of a worker do not fit this run, in these words.
    Remark(String),
    /// A worker is not heard of.
    WorkerLost(LostWorker),
    /// The run waits, for this reason.
    Waits(String),
    /// It waits no longer.
    GoesOn,
}

impl Notice {
    /// Whether it must not be missed, even by those who want to hear of problems only.
    pub fn is_warning(&self) -> bool {
        match self {
            Notice::WorkerLost(_) | Notice::Waits(_) | Notice::GoesOn => true,
            Notice::InputsChanged(_)
            | Notice::StartsOver(_)
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
