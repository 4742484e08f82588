//! The signs of life that a coordinator gives for its job.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tracing::{debug, warn};

use super::due::Due;
use super::keys::TTL;
use super::of_job::OfJob;
use super::reply;
use super::scripts::{Call, SIGN};
use super::settings::Timing;
use crate::queue::QueueError;

/// How many signs of life a coordinator gives in the time after which a silent job is parked.
pub const SIGNS: u32 = 6;

/// The signs of life for one job.
pub struct Signs {
    due: Due,
    /// A sign that is being sent in the background.
    under_way: Option<JoinHandle<()>>,
}

impl Signs {
    pub fn new(timing: &Timing) -> Self {
        Signs { due: Due::at_once(timing.abandoned / SIGNS), under_way: None }
    }

    /// Gives the first sign, which announces the job and its owner.
    pub async fn first(&mut self, job: &OfJob) -> Result<(), QueueError> {
        self.due.done();
        sign(job).await
    }

    /// Gives a sign in the background if one is due. A sign that gets lost does no harm: the next
    /// one follows soon.
    pub fn give_beside(&mut self, job: &Arc<OfJob>) {
        let is_on_its_way = self.under_way.as_ref().is_some_and(|sign| !sign.is_finished());
        if is_on_its_way || !self.due.take() {
            return;
        }

        let job = Arc::clone(job);
        self.under_way = Some(tokio::spawn(async move {
            if let Err(error) = sign(&job).await {
                debug!(job = %job.id, %error, "could not give a sign of life");
            }
        }));
    }

    /// Gives a sign now, as the priority of the job has changed. One that is on its way carries the
    /// old priority, so it goes first.
    pub async fn give_now(&mut self, job: &OfJob) -> Result<(), QueueError> {
        self.settle().await;
        sign(job).await
    }

    /// Waits until no sign is on its way: it would bring a closed job back.
    pub async fn end(&mut self) {
        self.settle().await;
        self.due.reset();
    }

    async fn settle(&mut self) {
        if let Some(sign) = &mut self.under_way {
            let _ = sign.await;
            self.under_way = None;
        }
    }
}

async fn sign(job: &OfJob) -> Result<(), QueueError> {
    let keys = &job.shared.keys;
    let owner = serde_json::to_string(&job.owner()).expect("texts and numbers are JSON");

    let call = Call::new(&SIGN)
        .key(keys.alive())
        .key(keys.owners())
        .key(keys.versions())
        .key(keys.jobs())
        .key(&job.keys.tasks)
        .key(keys.bell(None))
        .argument(job.id)
        .argument(owner)
        .argument(keys.version())
        .argument(TTL.as_millis())
        .argument(job.level());

    // The job was parked if this process, or its connection, was asleep for too long.
    let is_back = reply::expect_flag("sign", &job.shared.small.call(&call).await?)?;
    if is_back {
        warn!(job = %job.id, "this run had been silent for so long that its tasks were set aside; they are back");
    }
    Ok(())
}
