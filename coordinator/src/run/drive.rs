//! The loop around the ledger: carries its commands to the queue and to the store, and brings it
//! what comes back.

use std::collections::HashSet;
use std::pin::pin;
use std::time::{Duration, Instant};

use sheaf_common::outcome::{Outcome, TaskResult};
use sheaf_common::queue::{JobQueue, LostWorker, Outlook, QueueError};
use sheaf_worker::run::WorkerError;
use sheaf_worker::signals::Stop;
use tracing::warn;

use super::interrupt::Interrupt;
use super::ship::{Shipper, Shipping};
use super::store::{Store, StoreError};
use super::waiting::{Say, Waiting};
use super::window::Window;
use crate::human::{count, shown, time};
use crate::ledger::{Command, Event, Ledger};
use crate::plan::{Plan, Planned};

/// The most outcomes taken at once, and how long a call waits for the first.
const OUTCOMES: usize = 256;
const WAIT: Duration = Duration::from_millis(200);
/// How often the queue is asked for tasks that it may have lost.
const AUDIT: Duration = Duration::from_secs(2);
/// How often the settings of those who work are held against those of this run.
const REMARKS: Duration = Duration::from_secs(10);
/// How often the queue is checked for trouble while a call waits for its answer.
const TROUBLE: Duration = Duration::from_secs(1);
/// The pause after a queue that did not answer; its engine has a backoff of its own beneath.
const PAUSE: Duration = Duration::from_millis(200);

/// How the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driven {
    /// Every file is in the store or reported.
    Whole,
    /// It was told to stop; what is stored is whole as far as it goes.
    Interrupted(Stop),
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
    #[error("nobody worked on it for {}: {reason}", time(*.waited))]
    NobodyWorks { waited: Duration, reason: String },
}

/// Drives a job to its end: plans, pushes, collects, stores.
///
/// A queue that cannot be reached or is full is tried again until it is.
///
/// # Errors
/// When the store fails (a full disk), the queue is of no use, or the ledger gives up.
pub async fn drive<J: JobQueue>(
    queue: &mut J,
    mut ledger: Ledger,
    plan: Plan<'_>,
    store: &mut Store<'_>,
    limits: (Window, Shipping),
    wait_for_workers: Option<Duration>,
    interrupt: &mut Interrupt,
) -> Result<Driven, DriveError> {
    let (window, shipping) = limits;
    let shipper = Shipper::start(queue.supply(), shipping);

    // A run with slots of its own waits for nobody.
    let limit = wait_for_workers.filter(|_| window.is_for_others());
    let waiting = Waiting::new(limit, Instant::now());

    let mut told = interrupt.clone();
    let mut driver = Driver {
        outlook: queue.outlook(),
        store,
        plan: Some(plan),
        window,
        shipper,
        waiting,
        interrupt,
        remarks: HashSet::new(),
        lost: Vec::new(),
    };

    let driven = tokio::select! {
        driven = driver.drive(queue, &mut ledger) => driven,
        // Whatever the queue does: nothing waits within a step that changes ledger or store.
        stop = told.stopped() => Ok(Driven::Interrupted(stop)),
    };

    // The job is removed next: nothing may arrive after that.
    driver.shipper.stop().await;

    driven
}

struct Driver<'a, 's, O> {
    outlook: O,
    store: &'a mut Store<'s>,
    /// `None` when all files are planned.
    plan: Option<Plan<'a>>,
    window: Window,
    shipper: Shipper,
    waiting: Waiting,
    interrupt: &'a mut Interrupt,
    /// The remarks about workers that the user has seen.
    remarks: HashSet<String>,
    /// The workers that were silent at the last audit.
    lost: Vec<String>,
}

impl<O: Outlook> Driver<'_, '_, O> {
    async fn drive(
        &mut self,
        queue: &mut impl JobQueue,
        ledger: &mut Ledger,
    ) -> Result<Driven, DriveError> {
        let mut audited = Instant::now();
        let mut remarked = Instant::now();
        self.fit(ledger).await?;

        loop {
            self.plan(ledger)?;
            if ledger.is_done() {
                if self.waiting.came(Instant::now()) == Say::GoesOn {
                    self.store.progress.goes_on();
                }

                return Ok(Driven::Whole);
            }

            let collected = self.answered(queue.collect(OUTCOMES, WAIT)).await?;
            self.look_at_the_queue().await?;
            match collected {
                Ok(outcomes) => {
                    if !outcomes.is_empty() {
                        self.heard();
                    }

                    for outcome in outcomes {
                        self.store.heard(&outcome);
                        self.say_what_is_read_alone(&outcome);
                        self.carry_out(ledger.handle(Event::Came(outcome)))?;
                    }
                }
                Err(error) => pause(error).await?,
            }

            self.forget(queue).await?;
            self.shipper.check().await?;
            self.store.tick();

            if self.waiting.is_due(Instant::now()) {
                self.say_why_it_waits().await?;
            }

            if audited.elapsed() >= AUDIT {
                audited = Instant::now();
                self.audit(queue, ledger).await?;
                self.fit(ledger).await?;
            }

            if remarked.elapsed() >= REMARKS {
                remarked = Instant::now();
                self.remark().await?;
            }
        }
    }

    /// Waits for an answer of the queue; says meanwhile what is wrong with it, and answers who asks
    /// how far the run is. One call, whatever is asked meanwhile: what a call has taken off the
    /// queue is not given again.
    ///
    /// # Errors
    /// When it has waited for as long as it may.
    async fn answered<T>(&mut self, answer: impl Future<Output = T>) -> Result<T, DriveError> {
        let mut answer = pin!(answer);
        loop {
            tokio::select! {
                answer = &mut answer => return Ok(answer),
                () = self.interrupt.asked() => self.store.tell(),
                () = tokio::time::sleep(TROUBLE) => self.look_at_the_queue().await?,
            }
        }
    }

    /// Takes note that an outcome came.
    fn heard(&mut self) {
        let now = Instant::now();
        if self.outlook.is_in_trouble() {
            // It came from another server than the one that is in trouble.
            self.waiting.heard(now);
        } else if self.waiting.came(now) == Say::GoesOn {
            self.store.progress.goes_on();
        }
    }

    /// Tells the user what is wrong with the queue, if anything is; but not more often than every
    /// [`TROUBLE`].
    async fn look_at_the_queue(&mut self) -> Result<(), DriveError> {
        if self.outlook.is_in_trouble() && self.waiting.looked_ago(Instant::now()) >= TROUBLE {
            return self.say_why_it_waits().await;
        }

        Ok(())
    }

    /// Plans files as long as the window has room.
    fn plan(&mut self, ledger: &mut Ledger) -> Result<(), DriveError> {
        while let Some(plan) = &mut self.plan {
            if !self.window.has_room(ledger.outstanding_bytes(), ledger.pending_extracts()) {
                break;
            }

            let event = match plan.next() {
                Some(Planned::Task { files }) => Event::Planned(files),
                Some(Planned::Problem { sequence, reason, .. }) => {
                    Event::Unreadable { sequence, reason }
                }
                None => {
                    self.plan = None;
                    Event::PlanEnded
                }
            };

            self.carry_out(ledger.handle(event))?;
        }

        Ok(())
    }

    /// Fits window and tasks to the slots that there are now.
    async fn fit(&mut self, ledger: &mut Ledger) -> Result<(), DriveError> {
        if self.plan.is_none() {
            return Ok(());
        }

        let outlook = self.outlook.clone();
        let capacity = self.answered(outlook.capacity()).await?;
        let Some(plan) = &mut self.plan else { return Ok(()) };

        match capacity {
            Ok(capacity) => {
                self.window.fit(capacity);
                self.shipper.fit(self.window.slots());
                ledger.size_tasks(plan.size_tasks(self.window.task_bytes()));
            }
            // Window and tasks stay as they are.
            Err(error) => warn!(%error, "could not ask who works"),
        }

        Ok(())
    }

    /// Asks the queue for what it must hold, and pushes again what it has lost.
    async fn audit(
        &mut self,
        queue: &mut impl JobQueue,
        ledger: &mut Ledger,
    ) -> Result<(), DriveError> {
        self.say_who_is_lost().await?;

        // Tasks that are still on their way to the queue are not lost.
        let pending = self.shipper.arrived(ledger.pending());
        match self.answered(queue.missing(pending)).await? {
            Ok(lost) if lost.is_empty() => Ok(()),
            Ok(lost) => {
                warn!(
                    tasks = lost.len(),
                    first = %lost[0],
                    "the queue has lost tasks, pushing them again"
                );
                tracing::debug!(?lost);
                self.carry_out(ledger.handle(Event::Lost(lost)))
            }
            Err(error) => Ok(pause(error).await?),
        }
    }

    /// Tells the user what the run waits for: what the queue refuses, or that nobody works on it.
    /// Gives up when it has waited for as long as it may.
    async fn say_why_it_waits(&mut self) -> Result<(), DriveError> {
        let began = Instant::now();
        let reason = match self.outlook.why_idle(self.window.is_for_others()).await {
            Ok(reason) => reason,
            Err(error @ QueueError::Unusable { .. }) => return Err(error.into()),
            // A queue that cannot say why nothing comes is the reason itself.
            Err(error) => Some(error.to_string()),
        };

        match self.waiting.looked(reason.as_deref(), Instant::now()) {
            Say::Nothing => {}
            Say::Waits => self.store.progress.waits_for(reason.as_deref().unwrap_or_default()),
            Say::GoesOn => self.store.progress.goes_on(),
            Say::GiveUp => {
                let waited = self.waiting.for_so_long(began);
                return Err(DriveError::NobodyWorks { waited, reason: reason.unwrap_or_default() });
            }
        }

        Ok(())
    }

    /// Tells the user of workers that do not fit this run: once of each thing.
    async fn remark(&mut self) -> Result<(), DriveError> {
        let outlook = self.outlook.clone();
        match self.answered(outlook.remarks()).await? {
            Ok(remarks) => {
                for remark in remarks {
                    if !self.remarks.contains(&remark) {
                        self.store.progress.say(&format!("note: {remark}"));
                        self.remarks.insert(remark);
                    }
                }
            }
            Err(error) => warn!(%error, "could not ask for the settings of the workers"),
        }

        Ok(())
    }

    /// Tells the user which workers are not heard of: once of each.
    async fn say_who_is_lost(&mut self) -> Result<(), DriveError> {
        let outlook = self.outlook.clone();
        let Ok(lost) = self.answered(outlook.lost()).await? else { return Ok(()) };

        for one in &lost {
            if !self.lost.contains(&one.worker) {
                let LostWorker { worker, silent, tasks, left } = one;
                let silent = time(*silent);
                let tasks = count(*tasks, "task");
                let when = match left.as_secs() {
                    0 => "are taken over now".into(),
                    seconds => format!("are taken over in {seconds} s"),
                };

                let said = format!(
                    "worker {} not heard of for {silent}; its {tasks} {when}",
                    shown(worker.as_bytes())
                );

                self.store.progress.warn(&said);
            }
        }

        // A worker that comes back and is lost again is named again.
        self.lost = lost.into_iter().map(|one| one.worker).collect();

        Ok(())
    }

    /// Tells the user of files with which workers vanish.
    fn say_what_is_read_alone(&mut self, outcome: &Outcome) {
        if let TaskResult::ReadAlone { vanished, files, first } = &outcome.result {
            let first = shown(first.as_bytes());
            let files = count(u64::from(*files), "file");
            self.store.progress.say(&format!(
                "{vanished} workers vanished with {files} (`{first}` is the first): reading each \
                 alone, to find out which it is"
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
    async fn forget(&mut self, queue: &mut impl JobQueue) -> Result<(), DriveError> {
        let rows = self.store.take_forgettable();
        if rows.is_empty() {
            return Ok(());
        }

        match self.answered(queue.forget(rows.clone())).await? {
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
