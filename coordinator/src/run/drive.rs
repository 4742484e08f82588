//! The loop around the driver: brings it events, and carries out its commands.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use sheaf_common::queue::{JobQueue, Outlook};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{Instant, MissedTickBehavior};
use tracing::warn;

use super::DriveError;
use super::callers::{Requests, callers};
use super::contents::Contents;
use super::driver::{Command, Driven, Driver, Event, Moment};
use super::interrupt::Interrupt;
use super::ship::{Shipper, Shipping};
use super::store::{Commits, StoreError};
use crate::report::Observer;
use crate::reuse::Reuser;

/// The interval of [`Event::Tick`].
const TICK: Duration = Duration::from_millis(200);

/// Everything that a driver's commands act on.
pub struct Drive<'a, J, S> {
    pub queue: &'a mut J,
    pub shipping: Shipping,
    pub contents: Contents,
    /// What is kept and reused, if anything is.
    pub reuser: Option<Arc<Reuser>>,
    pub store: &'a mut S,
    pub observer: &'a mut dyn Observer,
    pub interrupt: &'a Interrupt,
}

impl<J: JobQueue, S: Commits> Drive<'_, J, S> {
    /// Drives a job to its end.
    ///
    /// A queue that cannot be reached, or is full, is tried again until it answers. An interrupt
    /// ends the loop at once, and drops the call in flight.
    ///
    /// # Errors
    /// When the store fails (a full disk), the queue cannot be used, or the driver gives up.
    pub async fn run(self, mut driver: Driver<'_>) -> Result<Driven, DriveError> {
        let Drive { queue, shipping, contents, reuser, store, observer, interrupt } = self;
        let (events_in, mut events) = unbounded_channel();
        let outlook = queue.outlook();
        let _checking = check(&mut driver, reuser.clone(), &events_in);
        let (supply, for_shipper) = (queue.supply(), reuser.clone());
        let shipper = Shipper::start(supply, shipping, contents, for_shipper, events_in.clone());
        let (callers, requests) = callers(queue, reuser, &events_in);
        let mut executor = Executor { store, observer, requests, shipper };

        let mut ticks = tokio::time::interval(TICK);

        // After a pause of the process, one tick says as much as many.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);

        let mut stop = interrupt.clone();
        let mut asked = interrupt.clone();
        let mut prioritised = interrupt.clone();

        // Cannot fail: the receiver is in this function.
        let _ = events_in.send(Event::Begun);

        let mut callers = pin!(callers);
        let driven = loop {
            let event = tokio::select! {
                // An interrupt comes first, however many events wait.
                biased;
                cause = stop.stopped() => Event::Stopped(cause),
                () = asked.asked() => Event::Asked,
                priority = prioritised.prioritised() => Event::Prioritised(priority),
                Some(event) = events.recv() => event,
                _ = ticks.tick() => Event::Tick,
                never = &mut callers => match never {},
            };

            let now = Instant::now().into_std();
            let moment = Moment { now, in_trouble: outlook.is_in_trouble() };
            let commands = driver.handle(moment, event);

            match executor.carry_out(commands, &driver) {
                Ok(None) => {}
                Ok(Some(driven)) => break driven,
                Err(error) => break Err(error.into()),
            }
        };

        // The job is removed next: no task may reach the queue after that.
        executor.shipper.stop().await;

        driven
    }
}

/// Has files checked that an earlier run may have, ahead of the plan. Dropping the result ends that.
fn check(
    driver: &mut Driver<'_>,
    reuser: Option<Arc<Reuser>>,
    events: &UnboundedSender<Event>,
) -> Option<Checking> {
    let reuser = reuser.filter(|reuser| reuser.has_earlier())?;
    driver.wait_for_checks();

    let (first, events) = (driver.position(), events.clone());
    let checking = Arc::clone(&reuser);
    tokio::task::spawn_blocking(move || {
        checking.check(first, |checked| drop(events.send(Event::Checked(checked))));
    });

    Some(Checking(reuser))
}

struct Checking(Arc<Reuser>);

impl Drop for Checking {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Carries out the commands of a driver.
struct Executor<'a, S> {
    store: &'a mut S,
    observer: &'a mut dyn Observer,
    requests: Requests,
    shipper: Shipper,
}

impl<S: Commits> Executor<'_, S> {
    /// Carries out commands in their order; returns the end of the run, if one of them is it.
    fn carry_out(
        &mut self,
        commands: Vec<Command>,
        driver: &Driver<'_>,
    ) -> Result<Option<Result<Driven, DriveError>>, StoreError> {
        for command in commands {
            match command {
                Command::Push(task) => self.shipper.send(task),
                Command::Slots(slots) => self.shipper.fit(slots),
                // The only command that can fail: the disk may be full.
                Command::Commit(commit) => self.store.commit(commit)?,
                Command::Call { call, after } => self.requests.call(call, after),
                Command::Ask(question) => self.requests.ask(question),
                Command::Log { task, message, reason } => warn!(%task, reason, "{message}"),
                Command::Notice(notice) => self.observer.notice(&notice),
                Command::Progress => {
                    self.observer.progress(self.store.tally(), driver.under_way());
                }
                Command::Answer => self.observer.asked(self.store.tally(), driver.under_way()),
                Command::End(driven) => return Ok(Some(driven)),
            }
        }

        Ok(None)
    }
}

#[cfg(test)]
mod tests;
