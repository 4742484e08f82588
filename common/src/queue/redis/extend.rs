//! Extends leases.

use super::by_stream::{by_stream, push_lease};
use super::limits::MOST_AT_ONCE;
use super::reply;
use super::scripts::{Call, EXTEND};
use super::state::Shared;
use crate::queue::{Lease, QueueError};

/// Extends leases to a full length from now. Returns those that no longer hold their task.
pub async fn extend(shared: &Shared, leases: Vec<Lease>) -> Result<Vec<Lease>, QueueError> {
    let (groups, mut lost) = by_stream(leases, |lease| lease);

    for (stream, leases) in groups {
        let keys = shared.keys.job(stream.job);

        for leases in leases.chunks(MOST_AT_ONCE) {
            let mut call = Call::new(&EXTEND)
                .key(stream.key(&keys))
                .key(&keys.tasks)
                .argument(&stream.consumer);
            leases.iter().for_each(|(lease, token)| push_lease(&mut call, lease, token));

            let answer = shared.small.call(&call).await?;
            let extended = reply::expect_flags("extend", &answer, leases.len())?;

            let ended = leases.iter().zip(extended).filter(|(_, extended)| !extended);
            lost.extend(ended.map(|((lease, _), _)| lease.clone()));
        }
    }
    Ok(lost)
}
