//! The loop around the driver: brings it what happens, and carries out what it commands.

use std::pin::pin;
use std::time::Duration;

use sheaf_common::queue::{JobQueue, Outlook};
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
pub struct Drive<'a, J, S> {
    pub queue: &'a mut J,
    pub shipping: Shipping,
    pub store: &'a mut S,
    pub observer: &'a mut dyn Observer,
    pub interrupt: &'a Interrupt,
}

impl<J: JobQueue, S: Commits> Drive<'_, J, S> {
    /// Drives a job to its end.
    ///
    /// A queue that cannot be reached or is full is tried again until it is there. An interrupt
    /// waits for nobody: a call that is under way is dropped.
    ///
    /// # Errors
    /// When the store fails (a full disk), the queue is of no use, or the driver gives up.
    pub async fn run(self, mut driver: Driver<'_>) -> Result<Driven, DriveError> {
        let Drive { queue, shipping, store, observer, interrupt } = self;
        let (events_in, mut events) = unbounded_channel();
        let outlook = queue.outlook();
        let shipper = Shipper::start(queue.supply(), shipping, events_in.clone());
        let (callers, lines) = callers(queue, &events_in);
        let mut hands = Hands { store, observer, lines, shipper };

        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);

        let mut told = interrupt.clone();
        let mut asked = interrupt.clone();

        // Fails only when the other end is gone, which is here.
        let _ = events_in.send(Event::Begun);

        let mut callers = pin!(callers);
        let driven = loop {
            let event = tokio::select! {
                biased;
                stop = told.stopped() => Event::Told(stop),
                () = asked.asked() => Event::Asked,
                Some(event) = events.recv() => event,
                _ = ticks.tick() => Event::Tick,
                never = &mut callers => match never {},
            };

            let now = Instant::now().into_std();
            let moment = Moment { now, in_trouble: outlook.is_in_trouble() };
            let commands = driver.handle(moment, event);

            match hands.carry_out(commands, &driver) {
                Ok(None) => {}
                Ok(Some(driven)) => break driven,
                Err(error) => break Err(error.into()),
            }
        };

        // The job is removed next: nothing may arrive after that.
        hands.shipper.stop().await;

        driven
    }
}

/// What carries out the commands of a driver.
struct Hands<'a, S> {
    store: &'a mut S,
    observer: &'a mut dyn Observer,
    lines: Lines,
    shipper: Shipper,
}

impl<S: Commits> Hands<'_, S> {
    /// Carries out commands in their order; `Some` if the run is over.
    fn carry_out(
        &mut self,
        commands: Vec<Command>,
        driver: &Driver<'_>,
    ) -> Result<Option<Result<Driven, DriveError>>, StoreError> {
        for command in commands {
            match command {
                Command::Push(task) => self.shipper.send(task),
                Command::Slots(slots) => self.shipper.fit(slots),
                Command::Commit(commit) => self.store.commit(commit)?,
                Command::Call { call, after } => self.lines.call(call, after),
                Command::Ask(question) => self.lines.ask(question),
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
