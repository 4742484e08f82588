//! Takes outcomes off the queue, without losing one to a lost reply.
//!
//! A call drops only the outcomes that it confirms: those that the call before it showed.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;
use tracing::debug;

use super::connect::Tries;
use super::due::Due;
use super::fault::{Fault, unexpected};
use super::keys::TTL;
use super::limits::{BYTES_AT_ONCE, MOST_AT_ONCE};
use super::of_job::OfJob;
use super::reply;
use super::scripts::{COLLECT, Call, SWEEP};
use super::settings::Timing;
use super::stored::{Place, Shown, Stored, decode, read};
use crate::job::Class;
use crate::outcome::Outcome;
use crate::queue::QueueError;

/// How often the lifetime of a job's keys is renewed to a full [`TTL`].
const RENEW_TTL: Duration = Duration::from_secs(60);

/// How long an outcome waits for others, if there were some lately. A call costs the server about
/// as much as ten outcomes, and so does each call that pushes tasks which follow from them.
const LINGER: Duration = Duration::from_millis(20);
/// After a call that showed this many, the next does not wait: it finds many as well.
const MANY: usize = 16;

/// A consumer that holds nothing is removed when it has been idle for this many sweeps.
const IDLE_SWEEPS: u32 = 10;

/// The state of collecting the outcomes of one job.
pub struct Collecting {
    /// The outcomes that the server showed and the caller does not have yet: an entry has several,
    /// and is shown as a whole.
    shown: VecDeque<Shown>,
    /// The places of outcomes that the caller has, and that are not yet confirmed.
    taken: Vec<Place>,
    /// The last entry of the news, if the last look found no more outcomes: then the next call
    /// listens before it looks.
    heard: Option<String>,
    /// When a call last showed outcomes, and how many.
    lately: Option<(Instant, usize)>,
    /// When the consumers of workers that are gone are removed.
    sweeping: Due,
    /// When the lifetime of the job's keys is renewed.
    renewing: Due,
}

impl Collecting {
    pub fn new(timing: &Timing) -> Self {
        Collecting {
            shown: VecDeque::new(),
            taken: Vec::new(),
            heard: None,
            lately: None,
            sweeping: Due::later(timing.sweep),
            renewing: Due::at_once(RENEW_TTL),
        }
    }

    /// Takes up to `most` outcomes; waits up to `wait` for the first.
    pub async fn collect(
        &mut self,
        job: &OfJob,
        most: usize,
        wait: Duration,
    ) -> Result<Vec<Outcome>, QueueError> {
        let until = Instant::now() + wait;
        if self.sweeping.take() {
            sweep(job).await?;
        }

        let mut tries = Tries::new(job.shared.config.timing.patience);
        loop {
            // Outcomes that were shown already need no call.
            let outcomes = self.hand_out(most);
            if !outcomes.is_empty() {
                return Ok(outcomes);
            }

            // Only after a look that found nothing more: else outcomes may be there already.
            let left = until.saturating_duration_since(Instant::now());
            if let Some(heard) = self.heard.take()
                && !left.is_zero()
                && most > 0
            {
                self.wait_for_news(job, &heard, left, &mut tries).await?;
            }

            let came = self.look(job, most).await?;
            if came == 0 && (most == 0 || Instant::now() >= until) {
                return Ok(Vec::new());
            }
        }
    }

    /// Confirms outcomes to the server, so that it drops their tasks.
    pub async fn confirm(&mut self, job: &OfJob) -> Result<(), QueueError> {
        if self.taken.is_empty() {
            return Ok(());
        }

        // 0: it confirms, and shows no more.
        self.look(job, 0).await.map(|_| ())
    }

    /// The fields of the tasks whose outcomes were shown, but not handed out yet.
    pub fn shown(&self) -> HashSet<&str> {
        self.shown.iter().map(|shown| shown.stood.field.as_str()).collect()
    }

    /// Hands out up to `most` of the outcomes shown. The next look confirms them.
    fn hand_out(&mut self, most: usize) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        while outcomes.len() < most
            && let Some(Shown { outcome, stood }) = self.shown.pop_front()
        {
            self.taken.push(stood);
            outcomes.extend(outcome);
        }

        outcomes
    }

    async fn wait_for_news(
        &self,
        job: &OfJob,
        heard: &str,
        left: Duration,
        tries: &mut Tries,
    ) -> Result<(), QueueError> {
        match job.shared.blocking.hear(&job.keys.news, heard, left).await {
            // Others may follow within a moment, and one call then takes them all.
            Ok(()) => tokio::time::sleep(self.linger().min(left)).await,
            // Waiting only saves calls, so a failure is no reason to give up.
            Err(fault @ (Fault::Broken(_) | Fault::Busy(_))) if tries.again().await => {
                debug!(?fault, "could not wait for outcomes, looking again");
            }
            Err(fault) => return Err(fault.into()),
        }

        Ok(())
    }

    /// How long an announced outcome waits for others.
    fn linger(&self) -> Duration {
        // After a pause an outcome does not wait: it may be the only one.
        match self.lately {
            Some((at, count)) if count < MANY && at.elapsed() < 4 * LINGER => LINGER,
            Some(_) | None => Duration::ZERO,
        }
    }

    /// Confirms the outcomes taken, and shows up to `most` new ones. Returns how many.
    async fn look(&mut self, job: &OfJob, most: usize) -> Result<usize, QueueError> {
        loop {
            let confirmed = &self.taken[..self.taken.len().min(MOST_AT_ONCE)];
            let count = confirmed.len();
            let is_last = count == self.taken.len();

            // If confirming takes several calls, only the last shows outcomes.
            let most = if is_last { most } else { 0 };
            let call = call(job, confirmed, most, self.renewing.take());

            // If either fails, the next look does both again, which is harmless.
            let confirming = job.shared.small.call(&call);
            let (answer, ()) = tokio::try_join!(confirming, remove(job, confirmed))?;
            self.taken.drain(..count);
            if !is_last {
                continue;
            }

            let (heard, mut stored) =
                read(&answer).ok_or_else(|| unexpected("collect", &answer))?;
            // Freed before the blobs are fetched: both may be large.
            drop(answer);
            fetch(job, &mut stored).await?;

            let came = stored.len();
            if came > 0 {
                self.lately = Some((Instant::now(), came));
            }

            self.heard = heard;
            self.shown.extend(stored.into_iter().map(|stored| decode(job.id, stored)));
            return Ok(came);
        }
    }
}

fn call(job: &OfJob, taken: &[Place], most: usize, renews: bool) -> Call {
    let queue = &job.shared.keys;
    let keys = &job.keys;

    let last = taken.last().map_or("", |taken| taken.entry.as_str());
    let ttl_ms = if renews { TTL.as_millis().to_string() } else { String::new() };

    let mut call = Call::new(&COLLECT)
        .key(&keys.tasks)
        .key(&keys.outcomes)
        .key(&keys.news)
        .key(&keys.addressed)
        .key(queue.versions())
        .key(queue.jobs())
        .key(queue.bell(None))
        .keys(Class::ALL.map(|class| keys.stream(class, None)).iter())
        .argument(ttl_ms)
        .argument(queue.version())
        .argument(&keys.base)
        .argument(most)
        .argument(BYTES_AT_ONCE)
        .argument(last);

    // News have no task that the server could drop.
    let tasks: Vec<&Place> = taken.iter().filter(|taken| !taken.field.is_empty()).collect();
    for group in tasks.chunk_by(|a, b| a.lease_id == b.lease_id) {
        call.push(group[0].lease_id.as_str());
        call.push(group.len().to_string());
        group.iter().for_each(|taken| call.push(taken.field.as_str()));
    }

    call
}

/// Fetches the outcomes that are blobs. The blobs stay until the caller has them, so a lost answer
/// loses nothing.
async fn fetch(job: &OfJob, stored: &mut [Stored]) -> Result<(), QueueError> {
    let mut blobs: Vec<&mut Stored> =
        stored.iter_mut().filter(|stored| stored.stood.is_blob).collect();
    let keys: Vec<String> =
        blobs.iter().map(|stored| job.keys.blob(&stored.stood.name())).collect();

    let bodies = job.shared.blobs.fetch(&keys).await?;
    blobs.iter_mut().zip(bodies).for_each(|(stored, body)| stored.body = body.unwrap_or_default());
    Ok(())
}

/// Removes the blobs of outcomes that were taken.
async fn remove(job: &OfJob, taken: &[Place]) -> Result<(), QueueError> {
    let blobs: Vec<String> = taken.iter().filter(|taken| taken.is_blob).map(Place::name).collect();
    job.shared.blobs.settle(&job.keys, &[], &blobs).await
}

/// Removes the consumers of workers that are gone, which would otherwise pile up.
async fn sweep(job: &OfJob) -> Result<(), QueueError> {
    let idle = job.shared.config.timing.sweep * IDLE_SWEEPS;
    let streams = Class::ALL.map(|class| job.keys.stream(class, None));
    let call = Call::new(&SWEEP).keys(&streams).argument(idle.as_millis());

    let removed = reply::expect_count("sweep", &job.shared.small.call(&call).await?)?;
    if removed > 0 {
        debug!(job = %job.id, removed, "removed consumers that hold nothing");
    }
    Ok(())
}
