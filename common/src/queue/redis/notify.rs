//! Sends news of a task that is still being done.

use super::batch::{Batch, HandedIn};
use super::keys::TTL;
use super::reply;
use super::scripts::{Call, NOTIFY};
use super::state::Shared;
use crate::outcome::Outcome;
use crate::queue::QueueError;
use crate::wire;

/// As [`WorkQueue::notify`](crate::queue::WorkQueue::notify).
pub async fn notify(shared: &Shared, news: Outcome) -> Result<(), QueueError> {
    let keys = shared.keys.job(news.task.job);
    let mut call = Call::new(&NOTIFY)
        .key(&keys.tasks)
        .key(&keys.outcomes)
        .key(&keys.news)
        .argument(TTL.as_millis());

    let alone =
        HandedIn { field: String::new(), lease_id: String::new(), body: wire::encode(&news) };
    call.push(wire::encode(&Batch(vec![alone])));

    // The answer says whether the job is still known; news of a closed job may get lost.
    reply::expect_flag("notify", &shared.small.call(&call).await?).map(|_| ())
}
