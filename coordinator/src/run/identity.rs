//! Compares the job of an interrupted run with that of this one.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sheaf_common::job::JobSpec;
use sheaf_common::wire;

use crate::config::RunConfig;
use crate::discover::Sources;

/// The identity of a job, which a run saves. Together with the list of sources, it decides the
/// bytes of the outputs.
#[derive(Debug, Serialize, Deserialize)]
pub struct Identity {
    version: String,
    spec: JobSpec,
    outputs: Vec<Vec<u8>>,
    per_file: Option<Vec<u8>>,
    /// See [`crate::reuse::Reuse::attempt`].
    attempt: u32,
}

/// How a saved job differs from this one.
#[derive(Debug, PartialEq, Eq)]
pub enum Comparison {
    Same,
    /// Only the inputs differ.
    OtherInputs {
        /// The changes, in words for the user.
        what: String,
        /// How many files at the front are the same, and how many files the saved job had.
        same: u64,
        listed: u64,
    },
    /// Rows or outputs would differ, for these reasons, in words for the user.
    AnotherJob(Vec<String>),
}

impl Identity {
    /// The identity of the job of these settings.
    pub fn of(config: &RunConfig) -> Self {
        let bytes = |path: &PathBuf| path.as_os_str().as_bytes().to_vec();
        Identity {
            version: sheaf_common::VERSION.into(),
            spec: config.spec.clone(),
            outputs: config.outputs.iter().map(|output| bytes(&output.path)).collect(),
            per_file: config.per_file.as_ref().map(bytes),
            attempt: config.reuse.attempt,
        }
    }

    /// Its bytes, as [`Identity::compare`] reads them.
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// The identity that [`Identity::encode`] made; `None` if another version did.
    pub fn decode(saved: &[u8]) -> Option<Self> {
        wire::decode(saved).ok()
    }

    /// Whether both are the same attempt at their job.
    pub fn is_attempt_of(&self, old: &Identity) -> bool {
        self.attempt == old.attempt
    }

    /// The differences in everything that decides the rows of a file, in words for the user.
    pub fn rows_differ(&self, old: &Identity) -> Vec<String> {
        // How the rows of long cells are counted.
        let long_cells = self.spec.long_cells != old.spec.long_cells;
        let long_cells = (long_cells, "--long-cells was different".into());

        let all = [self.in_version(old)].into_iter();
        let all = all.chain(in_extraction(&self.spec, &old.spec)).chain([long_cells]);
        all.filter(|(differs, _)| *differs).map(|(_, words)| words).collect()
    }

    /// Whether equal rows give equal segments in both jobs.
    pub fn has_segments_of(&self, old: &Identity) -> bool {
        let decides = |spec: &JobSpec| {
            let JobSpec { compression, sheet_name, csv, renderings, .. } = spec.clone();
            (compression, sheet_name, csv, renderings)
        };

        self.rows_differ(old).is_empty() && decides(&self.spec) == decides(&old.spec)
    }

    fn in_version(&self, old: &Identity) -> (bool, String) {
        (self.version != old.version, format!("it was begun by version {}", old.version))
    }

    /// Compares this job with the saved one.
    ///
    /// Limits of a file may differ: a run that stopped because of them can go on with others.
    pub fn compare(&self, sources: &Sources, saved: &(Vec<u8>, Vec<u8>)) -> Comparison {
        // Another version may encode jobs differently, so nothing more can be compared.
        let Ok(old) = wire::decode::<Identity>(&saved.0) else {
            return Comparison::AnotherJob(vec!["it was begun by another version of Sheaf".into()]);
        };

        let mut differences = self.differences(&old);
        let Ok(then) = Sources::load(&saved.1) else {
            // If the versions differ, that is reason enough.
            if self.version == old.version {
                differences.push("its list of inputs cannot be read".into());
            }

            return Comparison::AnotherJob(differences);
        };

        let changes = sources.diff(&then);
        match (differences.is_empty(), changes.is_empty()) {
            (true, true) => Comparison::Same,
            (true, false) => {
                let same = sources.same_front(&then);
                let listed = then.len() as u64;
                Comparison::OtherInputs { what: changes.to_string(), same, listed }
            }
            (false, true) => Comparison::AnotherJob(differences),
            (false, false) => {
                differences.push(format!("of its inputs, {changes}"));
                Comparison::AnotherJob(differences)
            }
        }
    }

    /// The differences in everything but the inputs, in words for the user.
    fn differences(&self, old: &Identity) -> Vec<String> {
        let all = [self.in_version(old)].into_iter();
        let all = all.chain(in_extraction(&self.spec, &old.spec)).chain(self.in_writing(old));
        all.filter(|(differs, _)| *differs).map(|(_, words)| words).collect()
    }

    /// Everything that decides how and where rows are written: whether it differs, and the words
    /// for it.
    fn in_writing(&self, old: &Identity) -> [(bool, String); 9] {
        let now = &self.spec;
        let then = &old.spec;

        let outputs = old.outputs.iter().map(|path| Path::new(OsStr::from_bytes(path)));
        let outputs: Vec<String> = outputs.map(|path| path.display().to_string()).collect();
        let outputs = outputs.join("`, `");

        [
            (now.long_cells != then.long_cells, "--long-cells was different".into()),
            (now.csv.bom != then.csv.bom, "--csv-bom was different".into()),
            (
                now.csv.delimiter != then.csv.delimiter,
                format!("--csv-delimiter was `{}`", then.csv.delimiter),
            ),
            (now.csv.newline != then.csv.newline, "--csv-newline was different".into()),
            (
                now.csv.escape_formulas != then.csv.escape_formulas,
                "--csv-formulas was different".into(),
            ),
            (now.compression != then.compression, "--compression was different".into()),
            (now.sheet_name != then.sheet_name, format!("--sheet-name was `{}`", then.sheet_name)),
            (self.outputs != old.outputs, format!("the outputs were `{outputs}`")),
            (self.per_file != old.per_file, "--per-file was different".into()),
        ]
    }
}

/// Everything that decides the rows: whether it differs, and the words for it.
fn in_extraction(now: &JobSpec, then: &JobSpec) -> [(bool, String); 4] {
    let columns = then.recipe.columns.iter();
    let columns: Vec<String> =
        columns.map(|column| format!("{}={}", column.name, column.value)).collect();
    let columns = columns.join(", ");

    let source_column = then.source_column.as_deref();
    let source_column = source_column.map_or("none".into(), |name| format!("`{name}`"));

    [
        (
            now.recipe.record != then.recipe.record,
            format!("the record was `{}`", then.recipe.record),
        ),
        (now.recipe.columns != then.recipe.columns, format!("the columns were `{columns}`")),
        (now.source_column != then.source_column, format!("--source-column was {source_column}")),
        (now.encoding != then.encoding, "--encoding was different".into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(version: &str) -> Identity {
        Identity {
            version: version.into(),
            spec: JobSpec::default(),
            outputs: Vec::new(),
            per_file: None,
            attempt: 0,
        }
    }

    #[test]
    fn a_list_of_another_form_is_named_once() {
        let sources = Sources::example(&[Some(1)]);
        let now = identity("2");
        let said = |version: &str, list: &[u8]| {
            now.compare(&sources, &(identity(version).encode(), list.to_vec()))
        };

        let of_another = ["it was begun by version 1".to_owned()].to_vec();
        assert_eq!(said("1", b"sheafsr1"), Comparison::AnotherJob(of_another));
        let damaged = ["its list of inputs cannot be read".to_owned()].to_vec();
        assert_eq!(said("2", b"sheafsr1"), Comparison::AnotherJob(damaged));
        assert_eq!(said("2", &sources.save()), Comparison::Same);
    }
}
