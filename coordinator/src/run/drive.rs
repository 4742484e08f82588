//! The loop around the ledger: carries its commands to the queue and to the store, and brings it what comes back.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use sheaf_common::outcome::{Outcome, TaskResult};
use sheaf_common::queue::{Queue, QueueError};
use sheaf_common::said::Said;
use sheaf_worker::run::WorkerError;
use tokio::sync::watch;
use tracing::warn;

use super::ship::{Shipper, Shipping};
use super::store::{Store, StoreError};
use super::window::Window;
use crate::human::{count, shown};
use crate::ledger::{Command, Event, Ledger};
use crate::plan::{Plan, Planned};

/// The most outcomes taken at once, and how long a call waits for the first.
const OUTCOMES: usize = 256;
const WAIT: Duration = Duration::from_millis(200);
/// How often the queue is asked for tasks that it may have lost.
const AUDIT: Duration = Duration::from_secs(5);
/// After so long without an outcome the user is told, if nobody is there to work.
const SILENCE: Duration = Duration::from_secs(3);
/// How often it is looked whether those who work were told something else than this run.
const REMARKS: Duration = Duration::from_secs(10);
/// The pause after a queue that did not answer; its engine has a backoff of its own beneath.
const PAUSE: Duration = Duration::from_millis(200);

/// How the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driven {
    /// Every file is in the store or reported.
    Whole,
    /// The user asked to stop; what is stored is whole as far as it goes.
    Interrupted,
}

/// Why a job cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Worker(#[from] WorkerError),
    #[error("{0}")]
    GaveUp(String),
}

/// Drives a job to its end: plans, pushes, collects, stores.
///
/// A queue that cannot be reached or is full is tried again until it is.
///
/// # Errors
/// When the store fails (a full disk), the queue is of no use, or the ledger gives up.
pub async fn drive<Q: Queue>(
    queue: &Q,
    mut ledger: Ledger,
    plan: Plan<'_>,
    store: &mut Store<'_>,
    limits: (Window, Shipping),
    mut interrupted: watch::Receiver<bool>,
) -> Result<Driven, DriveError> {
    let (window, shipping) = limits;
    let shipper = Shipper::start(queue.clone(), shipping);
    let (said, remarks) = (Said::default(), HashSet::new());
    let mut driver = Driver { queue, store, plan: Some(plan), window, shipper, said, remarks };
    let (mut audited, mut heard, mut remarked) = (Instant::now(), Instant::now(), Instant::now());
    driver.fit(&mut ledger).await;
    loop {
        driver.plan(&mut ledger)?;
        if ledger.is_done() {
            return Ok(Driven::Whole);
        }
        let collected = tokio::select! {
            outcomes = queue.collect(ledger.job(), OUTCOMES, WAIT) => outcomes,
            _ = interrupted.wait_for(|interrupted| *interrupted) => return Ok(Driven::Interrupted),
        };
        match collected {
            Ok(outcomes) => {
                if !outcomes.is_empty() {
                    heard = Instant::now();
                }
                for outcome in outcomes {
                    driver.say_what_is_read_alone(&outcome);
                    driver.carry_out(ledger.handle(Event::Came(outcome)))?;
                }
            }
            Err(error) => pause(error).await?,
        }
        driver.forget().await?;
        driver.shipper.check().await?;
        driver.store.tick();
        if heard.elapsed() >= SILENCE {
            heard = Instant::now();
            driver.say_why_idle().await;
        }
        if audited.elapsed() >= AUDIT {
            audited = Instant::now();
            driver.audit(&mut ledger).await?;
            driver.fit(&mut ledger).await;
        }
        if remarked.elapsed() >= REMARKS {
            remarked = Instant::now();
            driver.remark().await;
        }
    }
}

struct Driver<'a, 's, Q> {
    queue: &'a Q,
    store: &'a mut Store<'s>,
    /// `None` when all files are planned.
    plan: Option<Plan<'a>>,
    window: Window,
    shipper: Shipper,
    /// What was said of why nothing comes.
    said: Said,
    /// What was said of those who work.
    remarks: HashSet<String>,
}

impl<Q: Queue> Driver<'_, '_, Q> {
    /// Plans files as long as the window has room.
    fn plan(&mut self, ledger: &mut Ledger) -> Result<(), DriveError> {
        while let Some(plan) = &mut self.plan {
            if !self.window.has_room(ledger.outstanding_bytes(), ledger.pending_extracts()) {
                break;
            }
            let event = match plan.next() {
                Some(Planned::Task { files }) => Event::Planned(files),
                Some(Planned::Problem { sequence, reason, .. }) => Event::Unreadable { sequence, reason },
                None => {
                    self.plan = None;
                    Event::PlanEnded
                }
            };
            self.carry_out(ledger.handle(event))?;
        }
        Ok(())
    }

    /// Fits window and tasks to who works now.
    async fn fit(&mut self, ledger: &mut Ledger) {
        let Some(plan) = &mut self.plan else { return };
        match self.queue.capacity().await {
            Ok(capacity) => {
                self.window.fit(capacity);
                self.shipper.fit(self.window.slots());
                ledger.size_tasks(plan.size_tasks(self.window.task_bytes()));
            }
            Err(error) => warn!(%error, "could not ask who works"), // They stay as they are.
        }
    }

    /// Asks the queue for what it must hold, and pushes again what it has lost.
    async fn audit(&mut self, ledger: &mut Ledger) -> Result<(), DriveError> {
        let pending = self.shipper.arrived(ledger.pending());
        match self.queue.missing(pending).await {
            Ok(lost) if lost.is_empty() => Ok(()),
            Ok(lost) => {
                warn!(tasks = lost.len(), "the queue has lost tasks, pushing them again");
                self.carry_out(ledger.handle(Event::Lost(lost)))
            }
            Err(error) => Ok(pause(error).await?),
        }
    }

    /// Tells the user what the run waits for: what the queue refuses, or that nobody works on it.
    async fn say_why_idle(&mut self) {
        let reason = match self.queue.why_idle(self.window.is_for_others()).await {
            Ok(reason) => reason,
            Err(error) => Some(error.to_string()),
        };
        if let Some(reason) = reason.filter(|reason| self.said.is_due(reason)) {
            self.store.progress.problem(&format!("waiting: {reason}"));
        }
    }

    /// Tells the user, once, what is wrong with those who work.
    async fn remark(&mut self) {
        match self.queue.remarks().await {
            Ok(remarks) => {
                for remark in remarks {
                    if !self.remarks.contains(&remark) {
                        self.store.progress.say(&format!("note: {remark}"));
                        self.remarks.insert(remark);
                    }
                }
            }
            Err(error) => warn!(%error, "could not ask what the workers were told"),
        }
    }

    /// Tells the user of files with which workers vanish.
    fn say_what_is_read_alone(&mut self, outcome: &Outcome) {
        if let TaskResult::ReadAlone { vanished, files, first } = &outcome.result {
            let (first, files) = (shown(first.as_bytes()), count(u64::from(*files), "file"));
            self.store.progress.say(&format!(
                "{vanished} workers vanished with {files} (`{first}` is the first): reading each alone, to find out which \
                it is"
            ));
        }
    }

    fn carry_out(&mut self, commands: Vec<Command>) -> Result<(), DriveError> {
        for command in commands {
            match command {
                Command::Push(task) => self.shipper.send(task),
                Command::Commit(commit) => self.store.commit(commit)?,
                Command::Forget(rows) => self.store.forget_later(rows),
                Command::GiveUp { reason } => return Err(DriveError::GaveUp(reason)),
            }
        }
        Ok(())
    }

    /// Has the queue drop the rows that are in the store now.
    async fn forget(&mut self) -> Result<(), DriveError> {
        let rows = self.store.take_forgettable();
        if rows.is_empty() {
            return Ok(());
        }
        match self.queue.forget(rows.clone()).await {
            Ok(()) => Ok(()),
            Err(error) => {
                self.store.forget_later(rows);
                Ok(pause(error).await?)
            }
        }
    }
}

/// Waits a little after an error that may pass.
pub async fn pause(error: QueueError) -> Result<(), QueueError> {
    if matches!(error, QueueError::Unusable { .. }) {
        return Err(error);
    }
    warn!(%error, "the queue did not answer, trying again");
    tokio::time::sleep(PAUSE).await;
    Ok(())
}
