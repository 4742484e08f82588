//! The loop around the driver: brings it what happens, and carries out what it commands.

use std::pin::pin;
use std::time::Duration;

use sheaf_common::job::JobId;
use sheaf_common::queue::Queue;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::{Instant, MissedTickBehavior};
use tracing::warn;

use super::DriveError;
use super::callers::{Lines, callers};
use super::driver::{Command, Driven, Driver, Event, Moment};
use super::interrupt::Interrupt;
use super::ship::{Shipper, Shipping};
use super::store::{Commits, StoreError};
use crate::report::Observer;

/// How often the driver hears that time has passed.
const TICK: Duration = Duration::from_millis(200);

/// What a run works with while it is driven.
pub struct Drive<'a, Q, S> {
    pub queue: &'a Q,
    pub job: JobId,
    pub shipping: Shipping,
    pub store: &'a mut S,
    pub observer: &'a mut dyn Observer,
    pub interrupt: &'a Interrupt,
}

impl<Q: Queue, S: Commits> Drive<'_, Q, S> {
    /// Drives a job to its end.
    ///
    /// A queue that cannot be reached or is full is tried again until it is there. An interrupt
    /// waits for nobody: a call that is under way is dropped.
    ///
    /// # Errors
    /// When the store fails (a full disk), the queue is of no use, or the driver gives up.
    pub async fn run(mut self, mut driver: Driver<'_>) -> Result<Driven, DriveError> {
        let (events_in, mut events) = unbounded_channel();
        let (callers, lines) = callers(self.queue, self.job, &events_in);
        let mut shipper = Shipper::start(self.queue.clone(), self.shipping, events_in.clone());

        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);

        let mut told = self.interrupt.clone();
        let mut asked = self.interrupt.clone();

        // Fails only when the other end is gone, which is here.
        let _ = events_in.send(Event::Begun);

        let driven = {
            let mut callers = pin!(callers);
            loop {
                let event = tokio::select! {
                    biased;
                    stop = told.stopped() => Event::Told(stop),
                    () = asked.asked() => Event::Asked,
                    Some(event) = events.recv() => event,
                    _ = ticks.tick() => Event::Tick,
                    never = &mut callers => match never {},
                };

                let in_trouble = self.queue.is_in_trouble();
                let moment = Moment { now: Instant::now().into_std(), in_trouble };
                let commands = driver.handle(moment, event);

                match self.carry_out(commands, &driver, &lines, &mut shipper) {
                    Ok(None) => {}
                    Ok(Some(driven)) => break driven,
                    Err(error) => break Err(error.into()),
                }
            }
        };

        // The job is removed next: nothing may arrive after that.
        shipper.stop().await;

        driven
    }

    /// Carries out commands in their order; `Some` if the run is over.
    fn carry_out(
        &mut self,
        commands: Vec<Command>,
        driver: &Driver<'_>,
        lines: &Lines,
        shipper: &mut Shipper,
    ) -> Result<Option<Result<Driven, DriveError>>, StoreError> {
        for command in commands {
            match command {
                Command::Push(task) => shipper.send(task),
                Command::Slots(slots) => shipper.fit(slots),
                Command::Commit(commit) => self.store.commit(commit)?,
                Command::Call { call, after } => lines.call(call, after),
                Command::Ask(question) => lines.ask(question),
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
