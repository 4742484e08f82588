//! Letting leases go on.

use super::holds::{by_holder, push_hold};
use super::limits::MOST_AT_ONCE;
use super::reply;
use super::scripts::{Call, EXTEND};
use super::state::Shared;
use crate::queue::{Lease, QueueError};

/// Returns the leases that no longer hold their task.
pub async fn extend(shared: &Shared, leases: Vec<Lease>) -> Result<Vec<Lease>, QueueError> {
    let (groups, mut lost) = by_holder(leases, |lease| lease);

    for (stream, holds) in groups {
        let keys = shared.keys.job(stream.job);

        for holds in holds.chunks(MOST_AT_ONCE) {
            let mut call = Call::new(&EXTEND)
                .key(stream.key(&keys))
                .key(&keys.tasks)
                .argument(&stream.consumer);
            holds.iter().for_each(|(lease, token)| push_hold(&mut call, lease, token));

            let answer = shared.pulse.call(&call).await?;
            let extended = reply::expect_flags("extend", &answer, holds.len())?;

            let ended = holds.iter().zip(extended).filter(|(_, extended)| !extended);
            lost.extend(ended.map(|((lease, _), _)| lease.clone()));
        }
    }
    Ok(lost)
}
