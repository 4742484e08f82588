//! What a run keeps, and what it reuses.

use std::collections::BTreeSet;
use std::path::PathBuf;

use sheaf_common::problem::ProblemKind;

/// What a run keeps for a later one, and what it reuses of an earlier one.
///
/// A run that keeps, and finds a finished run in its own folder, reuses that one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reuse {
    /// Whether the folder of the run stays at its end, with the rows of all files.
    pub keep: bool,
    /// The folder of another finished run, which is only read. It may be removed meanwhile.
    pub earlier: Option<PathBuf>,
    /// Which of the files that failed in the earlier run are read again.
    pub again: Again,
    /// The number of this attempt. A run goes on with an interrupted one of the same number; one of
    /// another number is an earlier run: this one begins anew, and reuses it.
    pub attempt: u32,
}

/// Which of the files that failed in an earlier run are read again. A file that has changed since is
/// read in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Again {
    #[default]
    AllFailed,
    /// Those that failed with one of these problems. The others keep their reports.
    Kinds(BTreeSet<ProblemKind>),
}

impl Again {
    /// Whether a file that failed with this problem is read again.
    pub fn includes(&self, kind: ProblemKind) -> bool {
        match self {
            Again::AllFailed => true,
            Again::Kinds(kinds) => kinds.contains(&kind),
        }
    }
}
