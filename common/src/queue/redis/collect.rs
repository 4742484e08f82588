//! Taking outcomes off the queue, without losing one to a lost reply.
//!
//! An outcome is dropped only by the next call, which says that this one came through.

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

/// How often the lifetime of a job's keys begins anew, for another [`TTL`].
const RENEW_TTL: Duration = Duration::from_secs(60);

/// How long the first of few outcomes waits for others, if there were some lately: a call costs the
/// server about as much as ten of them, and so do the calls that push what follows from them.
const LINGER: Duration = Duration::from_millis(20);
/// After a call that gave this many, the first outcome of the next waits for no others.
const MANY: usize = 16;

/// A consumer that was idle for this many sweeps, and holds nothing, is removed.
const IDLE_SWEEPS: u32 = 10;

/// The state of collecting the outcomes of one job.
pub struct Collecting {
    /// The outcomes that the server showed, and the caller does not have yet: an entry holds
    /// several.
    shown: VecDeque<Shown>,
    /// Where the outcomes stood that the caller has, and the server still keeps.
    taken: Vec<Place>,
    /// The last of the news that were heard, if nothing more was there: who may wait listens before
    /// the next look.
    heard: Option<String>,
    /// When a call last showed outcomes, and how many.
    lately: Option<(Instant, usize)>,
    /// When consumers without a worker are removed.
    sweeping: Due,
    /// When the lifetime of the job's keys begins anew.
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
            let outcomes = self.hand_out(most);
            if !outcomes.is_empty() {
                return Ok(outcomes);
            }

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

    /// Tells the server which outcomes came through, so that it knows their tasks no more.
    pub async fn confirm(&mut self, job: &OfJob) -> Result<(), QueueError> {
        if self.taken.is_empty() {
            return Ok(());
        }

        // Asks for none: it only says which came.
        self.look(job, 0).await.map(|_| ())
    }

    /// The fields of the tasks whose outcomes came from the server, but were not handed out yet.
    pub fn shown(&self) -> HashSet<&str> {
        self.shown.iter().map(|shown| shown.stood.field.as_str()).collect()
    }

    /// Hands out up to `most` of what was shown. None of it is news for the server until the next
    /// look.
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
            // Others may follow within a moment: one call then takes them all.
            Ok(()) => tokio::time::sleep(self.linger().min(left)).await,
            Err(fault @ (Fault::Broken(_) | Fault::Busy(_))) if tries.again().await => {
                debug!(?fault, "could not wait for outcomes, looking again");
            }
            Err(fault) => return Err(fault.into()),
        }
        Ok(())
    }

    /// How long an outcome that was announced waits for others.
    fn linger(&self) -> Duration {
        match self.lately {
            Some((at, count)) if count < MANY && at.elapsed() < 4 * LINGER => LINGER,
            Some(_) | None => Duration::ZERO,
        }
    }

    /// Drops what was taken, and has the server show up to `most` outcomes. Returns how many came.
    async fn look(&mut self, job: &OfJob, most: usize) -> Result<usize, QueueError> {
        loop {
            let told = &self.taken[..self.taken.len().min(MOST_AT_ONCE)];
            let count = told.len();
            let is_last = count == self.taken.len();

            // If the list takes several calls, only the last shows outcomes.
            let most = if is_last { most } else { 0 };
            let call = call(job, told, most, self.renewing.take());

            // If either fails, the next look says and removes the same once more.
            let (answer, ()) = tokio::try_join!(job.shared.bulk.call(&call), remove(job, told))?;
            self.taken.drain(..count);
            if !is_last {
                continue;
            }

            let (heard, mut stored) =
                read(&answer).ok_or_else(|| unexpected("collect", &answer))?;
            // All that is needed of it has been copied.
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

    // News are about no task that the server could forget.
    let tasks: Vec<&Place> = taken.iter().filter(|taken| !taken.field.is_empty()).collect();
    for group in tasks.chunk_by(|a, b| a.hold == b.hold) {
        call.push(group[0].hold.as_str());
        call.push(group.len().to_string());
        group.iter().for_each(|taken| call.push(taken.field.as_str()));
    }

    call
}

/// Fetches the outcomes that stand apart. They stay until the caller has them: should the answer be
/// lost, they are not.
async fn fetch(job: &OfJob, stored: &mut [Stored]) -> Result<(), QueueError> {
    let mut apart: Vec<&mut Stored> =
        stored.iter_mut().filter(|stored| stored.stood.apart).collect();
    let keys: Vec<String> =
        apart.iter().map(|stored| job.keys.blob(&stored.stood.name())).collect();

    let bodies = job.shared.blobs.fetch(&keys).await?;
    apart.iter_mut().zip(bodies).for_each(|(stored, body)| stored.body = body.unwrap_or_default());
    Ok(())
}

/// Removes outcomes that stood apart, and are taken.
async fn remove(job: &OfJob, taken: &[Place]) -> Result<(), QueueError> {
    let apart: Vec<String> = taken.iter().filter(|taken| taken.apart).map(Place::name).collect();
    job.shared.blobs.settle(&job.keys, &[], &apart).await
}

/// Removes the consumers of workers that are gone.
async fn sweep(job: &OfJob) -> Result<(), QueueError> {
    let idle = job.shared.config.timing.sweep * IDLE_SWEEPS;
    let streams = Class::ALL.map(|class| job.keys.stream(class, None));
    let call = Call::new(&SWEEP).keys(&streams).argument(idle.as_millis());

    let removed = reply::expect_count("sweep", &job.shared.bulk.call(&call).await?)?;
    if removed > 0 {
        debug!(job = %job.id, removed, "removed consumers that hold nothing");
    }
    Ok(())
}
