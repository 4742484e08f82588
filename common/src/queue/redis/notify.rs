//! News of a task that goes on.

use super::batch::{Batch, HandedIn};
use super::keys::TTL;
use super::reply;
use super::scripts::{Call, NOTIFY};
use super::state::Shared;
use crate::outcome::Outcome;
use crate::queue::QueueError;
use crate::wire;

pub async fn notify(shared: &Shared, news: Outcome) -> Result<(), QueueError> {
    let keys = shared.keys.job(news.task.job);
    let mut call = Call::new(&NOTIFY)
        .key(&keys.tasks)
        .key(&keys.outcomes)
        .key(&keys.news)
        .argument(TTL.as_millis());

    let alone = HandedIn { field: String::new(), hold: String::new(), body: wire::encode(&news) };
    call.push(wire::encode(&Batch(vec![alone])));

    // Whether the job is still known matters to nobody.
    reply::expect_flag("notify", &shared.pulse.call(&call).await?).map(|_| ())
}
