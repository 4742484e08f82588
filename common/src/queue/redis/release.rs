//! Hands tasks back.

use super::by_stream::{by_stream, push_lease};
use super::keys::TTL;
use super::limits::MOST_AT_ONCE;
use super::reply;
use super::scripts::{Call, RELEASE};
use super::state::Shared;
use crate::queue::{Lease, QueueError};

/// Hands tasks back, to be leased by any worker at once.
pub async fn release(shared: &Shared, leases: Vec<Lease>) -> Result<(), QueueError> {
    // A lease that this engine did not give holds no task.
    let (groups, _stale) = by_stream(leases, |lease| lease);

    for (stream, leases) in groups {
        let keys = shared.keys.job(stream.job);
        let bell = shared.keys.bell(stream.addressee());

        for leases in leases.chunks(MOST_AT_ONCE) {
            let mut call = Call::new(&RELEASE)
                .key(stream.key(&keys))
                .key(&keys.tasks)
                .key(&bell)
                .argument(TTL.as_millis());

            leases.iter().for_each(|(lease, token)| push_lease(&mut call, lease, token));
            reply::expect_count("release", &shared.small.call(&call).await?)?;
        }
    }
    Ok(())
}
