//! Handing tasks back.

use super::holds::{by_holder, push_hold};
use super::keys::TTL;
use super::limits::MOST_AT_ONCE;
use super::reply;
use super::scripts::{Call, RELEASE};
use super::state::Shared;
use crate::queue::{Lease, QueueError};

pub async fn release(shared: &Shared, leases: Vec<Lease>) -> Result<(), QueueError> {
    // A lease that this engine did not give holds nothing that could be released.
    let (groups, _stale) = by_holder(leases, |lease| lease);

    for (stream, holds) in groups {
        let keys = shared.keys.job(stream.job);
        let bell = shared.keys.bell(stream.addressee());

        for holds in holds.chunks(MOST_AT_ONCE) {
            let mut call = Call::new(&RELEASE)
                .key(stream.key(&keys))
                .key(&keys.tasks)
                .key(&bell)
                .argument(TTL.as_millis());

            holds.iter().for_each(|(lease, token)| push_hold(&mut call, lease, token));
            reply::expect_count("release", &shared.pulse.call(&call).await?)?;
        }
    }
    Ok(())
}
