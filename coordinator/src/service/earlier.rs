//! Finds the job whose rows a new job can use again.

use std::collections::HashSet;
use std::path::PathBuf;

use super::core::Core;
use super::inputs::saved_hashes;
use super::record::Record;
use super::submit::Work;
use crate::api::JobOptions;
use crate::run::Sha256;

/// How many jobs are looked at, the most recent first.
const CANDIDATES: usize = 20;

/// The folder of the job that has most of these files, with the same recipe; `None`: there is none.
/// `hashes`: those of the files' contents; `None`: the files are at their paths, and a job with the
/// same paths is looked for.
pub fn pick(core: &Core, record: &Record, hashes: Option<&Vec<Sha256>>) -> Option<PathBuf> {
    let records = core.jobs.records();
    let candidates = records.iter().rev().filter(|(_, other)| {
        other.id != record.id
            && other.state.has_outputs()
            && same_rows(&other.options, &record.options)
            && other.paths.is_some() == record.paths.is_some()
    });
    let mut candidates = candidates.take(CANDIDATES);

    let Some(hashes) = hashes else {
        let (key, other) = candidates.find(|(_, other)| other.paths == record.paths)?;
        return work_folder(core, *key, other);
    };

    let wanted: HashSet<&Sha256> = hashes.iter().collect();
    let shared = |key| {
        // A list that cannot be read has nothing to offer.
        let theirs = saved_hashes(&core.jobs.store().place(key)).ok().flatten()?;
        let shared = theirs.iter().filter(|hash| wanted.contains(hash)).count();
        (shared > 0).then_some(shared)
    };

    let mut best: Option<(usize, PathBuf)> = None;
    for (key, other) in candidates {
        let Some(shared) = shared(*key) else { continue };
        let Some(folder) = work_folder(core, *key, other) else { continue };

        // The most recent of equal ones.
        if best.as_ref().is_none_or(|(most, _)| shared > *most) {
            best = Some((shared, folder));
        }

        // Nothing can be better.
        if shared >= hashes.len() {
            break;
        }
    }

    best.map(|(_, folder)| folder)
}

/// Whether two jobs get the same rows of the same file.
fn same_rows(one: &JobOptions, other: &JobOptions) -> bool {
    (&one.record, &one.columns, &one.source_column, &one.encoding)
        == (&other.record, &other.columns, &other.source_column, &other.encoding)
}

fn work_folder(core: &Core, key: super::store::Key, record: &Record) -> Option<PathBuf> {
    let work = Work::of(&record.options).ok()?;
    let extension = work.outputs.first()?.form.extension();
    let folder = core.jobs.store().place(key).work(&extension);
    folder.is_dir().then_some(folder)
}
