//! Incremental runs: what a run keeps for a later one, and what it reuses of an earlier one.
//!
//! ```text
//! final.xlsx.sheaf/
//!   kept       one entry a file: path, size, time, SHA-256, report, and where its rows are
//!   rows       the rows of all files, slice by slice
//!   journal, streams/   as in the spool: with each unit the digest of all that decides it
//!   earlier/   what the earlier run kept, until this run is finished
//! ```
//!
//! Rows are reused by what decides them: content, recipe, and the path if the rows show it. Segments
//! are reused by what decides them: their rows, and for some formats how many rows are before. So
//! whatever is found is what a fresh run would make, and nothing else has to be compared.
//!
//! * [`settings`]: what the caller asks for. [`fits`]: whether an earlier run has the same recipe.
//! * [`entry`]: a kept file. [`keeper`] writes them, [`earlier`] reads them; [`segments`] reads the
//!   journal and the streams. [`digest`]: the digests.
//! * [`check`]: finds out which files are reused, ahead of the plan. [`answers`]: answers tasks in
//!   place of workers. [`gather`]: keeps what workers extract.

mod answers;
mod check;
mod digest;
mod earlier;
mod entry;
mod fits;
mod gather;
mod keeper;
mod segments;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use sheaf_common::job::JobSpec;
use sheaf_common::numbers::{FileIndex, TaskNumber, UnitNumber};
use sheaf_format::Form;

use crate::discover::Sources;
use crate::run::Contents;
use answers::Answered;
pub use answers::{Answers, SLOT};
pub use check::Checked;
pub use digest::Digest;
use earlier::Earlier;
pub use entry::{ENTRIES, ROWS};
use fits::Fit;
pub use fits::fit;
use keeper::Keeper;
use segments::EarlierSegments;
pub use settings::{Again, Reuse};

/// What a run keeps and reuses. Shared by the parts of the run that prepare tasks, collect outcomes
/// and store units.
pub struct Reuser {
    spec: Arc<JobSpec>,
    sources: Arc<Sources>,
    contents: Contents,
    again: Again,
    /// Earlier runs, the most recent first.
    earlier: Vec<Earlier>,
    segments: Vec<EarlierSegments>,
    keeper: Mutex<Option<Keeper>>,
    /// Whether the segments of a unit depend on how many rows are before it.
    depends_on_place: bool,
    /// When this run began, in nanoseconds since 1970.
    began: i64,
    state: Mutex<State>,
    stop: AtomicBool,
}

/// What is known of files and units that are not committed.
#[derive(Default)]
struct State {
    contents: BTreeMap<FileIndex, Digest>,
    found: BTreeMap<FileIndex, Found>,
    answered: BTreeMap<TaskNumber, Answered>,
    units: BTreeMap<UnitNumber, Digest>,
}

/// Where an earlier run has a file: its place in [`Reuser::earlier`], and the entry.
#[derive(Debug, Clone, Copy)]
struct Found {
    earlier: usize,
    entry: u32,
}

impl Reuser {
    /// For a run of this job. Nothing is kept or reused before [`Reuser::keep_in`] and
    /// [`Reuser::reuse`].
    pub fn new(
        spec: Arc<JobSpec>,
        sources: Arc<Sources>,
        contents: Contents,
        again: Again,
    ) -> Self {
        let forms = spec.renderings.iter().map(Form::of);
        let depends_on_place =
            forms.into_iter().any(|form| form.is_ok_and(|form| form.format.depends_on_place()));

        let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Reuser {
            spec,
            sources,
            contents,
            again,
            earlier: Vec::new(),
            segments: Vec::new(),
            keeper: Mutex::new(None),
            depends_on_place,
            began: i64::try_from(began.as_nanos()).unwrap_or(i64::MAX),
            state: Mutex::default(),
            stop: AtomicBool::new(false),
        }
    }

    /// Reuses what the run of `folder` kept, as far as it fits. `is_own`: it is this run, before it
    /// was interrupted. What cannot be opened is not reused.
    pub fn reuse(&mut self, folder: &Path, is_own: bool, fit: &Fit) {
        if !fit.rows {
            return;
        }

        match Earlier::open(folder, is_own, self.shows_path()) {
            Ok(earlier) if earlier.is_empty() => {}
            Ok(earlier) => self.earlier.push(earlier),
            Err(error) => tracing::debug!(folder = %folder.display(), %error, "no rows are kept"),
        }

        // A file's own workbook is made of its rows, and its segments are not kept.
        let segments = fit.segments && !self.spec.per_file && !is_own;
        if segments {
            match EarlierSegments::open(folder) {
                Ok(segments) => self.segments.push(segments),
                Err(error) => {
                    tracing::debug!(folder = %folder.display(), %error, "no segments are kept");
                }
            }
        }
    }

    /// Keeps from now on what is read, in this folder.
    ///
    /// # Errors
    /// Those of the system.
    pub fn keep_in(&mut self, folder: &Path) -> std::io::Result<()> {
        self.keeper = Mutex::new(Some(Keeper::open(folder)?));
        Ok(())
    }

    /// Whether something may be reused, so that files must be checked before they are planned.
    pub fn has_earlier(&self) -> bool {
        !self.earlier.is_empty()
    }

    /// Notes that the unit is stored, and with it the last rows of all files before `file`. Returns
    /// the digest of all that decides its segments, if that is known.
    pub fn committed(&self, unit: UnitNumber, file: FileIndex) -> Option<Digest> {
        let mut state = self.state();

        state.contents = state.contents.split_off(&file);
        while let Some(first) = state.answered.first_entry()
            && first.get().last < file
        {
            first.remove();
        }

        // Files of tasks that may still have to be answered again stay.
        let least = state.answered.first_key_value().map_or(file, |(_, first)| first.first);
        state.found = state.found.split_off(&least.min(file));

        let later = state.units.split_off(&unit.next());
        std::mem::replace(&mut state.units, later).remove(&unit)
    }

    /// Ends what goes on beside the run.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    fn shows_path(&self) -> bool {
        self.spec.source_column.is_some()
    }

    /// The digest of all that decides the rows of a file, if its content is known.
    fn decides_rows(&self, state: &State, file: FileIndex) -> Option<Digest> {
        let content = *state.contents.get(&file)?;
        let path = self.sources.get(file.index()).path;
        Some(Digest::of_rows(content, &path, self.shows_path()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }

    fn keeper(&self) -> MutexGuard<'_, Option<Keeper>> {
        self.keeper.lock().expect("no holder of this lock panics")
    }
}
