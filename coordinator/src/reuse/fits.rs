//! Whether what an earlier run kept can be used.

use std::fs;
use std::path::Path;

use crate::run::Identity;

/// What of an earlier run can be used.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fit {
    /// The rows of files.
    pub rows: bool,
    /// The segments of units, too.
    pub segments: bool,
    /// Why rows cannot be used, in words for the user.
    pub differences: Vec<String>,
}

/// Compares the job of the earlier run in `folder` with this one.
pub fn fit(now: &Identity, folder: &Path) -> Fit {
    let then = fs::read(folder.join(crate::spool::JOB)).ok();
    let Some(then) = then.and_then(|saved| Identity::decode(&saved)) else {
        let differences = vec!["it was begun by another version of Sheaf".into()];
        return Fit { differences, ..Fit::default() };
    };

    let differences = now.rows_differ(&then);
    let rows = differences.is_empty();
    Fit { rows, segments: rows && now.has_segments_of(&then), differences }
}
