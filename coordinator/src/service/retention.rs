//! Removes what is old: finished jobs, and contents that no job uses.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use sheaf_common::fit;
use tracing::{info, warn};

use super::contents::Contents;
use super::core::Core;
use super::inputs::saved_hashes;
use crate::api::Hash;
use crate::clock::now_ms;
use crate::human::{count, size};

/// How long a content stays that no job uses: its client may still be sending the others.
const UNUSED: Duration = Duration::from_secs(24 * 60 * 60);

/// Removes the finished jobs that are older than they are kept, and those of `contents` that no job
/// uses.
pub fn clean(core: &Core, contents: Option<&Arc<Contents>>) {
    if let Some(keep) = core.settings.keep {
        remove_old(core, keep);
    }
    if let Some(contents) = contents {
        remove_unused(core, contents);
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

fn remove_unused(core: &Core, contents: &Contents) {
    let mut in_use: HashSet<Hash> = HashSet::new();
    for (key, record) in core.jobs.records() {
        match saved_hashes(&core.jobs.store().place(key)) {
            Ok(hashes) => in_use.extend(hashes.into_iter().flatten().map(Hash)),
            // Its contents are not known, so none may go.
            Err(error) => {
                warn!(id = %record.id, %error, "could not read the list of a job's files");
                return;
            }
        }
    }

    match contents.collect_garbage(&in_use, UNUSED) {
        Ok(removed) if removed.files > 0 => {
            let contents = count(removed.files, "content");
            let bytes = size(removed.bytes);
            info!("removed {contents} that no job uses, {bytes}");
        }
        Ok(_) => {}
        Err(error) => warn!(%error, "could not remove contents that no job uses"),
    }
}
