//! Removes what is old: finished jobs, and contents that no job uses.

use std::time::Duration;

use sheaf_common::fit;
use tracing::{info, warn};

use super::core::Core;
use crate::clock::now_ms;

/// Removes the finished jobs that are older than they are kept, and contents that no job uses.
pub fn clean(core: &Core) {
    if let Some(keep) = core.settings.keep {
        remove_old(core, keep);
    }
}

fn remove_old(core: &Core, keep: Duration) {
    let oldest = now_ms().saturating_sub(fit::millis(keep));

    for (_, record) in core.jobs.records() {
        let is_old =
            record.state.is_finished() && record.finished.is_some_and(|finished| finished < oldest);
        if !is_old {
            continue;
        }

        match core.jobs.remove(&record.id) {
            Ok(()) => info!(id = %record.id, "removed an old job"),
            Err(error) => warn!(id = %record.id, %error, "could not remove an old job"),
        }
    }
}
