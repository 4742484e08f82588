//! The files of a new job as JSON, without a second list of them in memory.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;

use serde::{Serialize, Serializer};
use sheaf_common::problem::FileProblem;

use crate::api::{Hash, InputFile};
use crate::discover::Sources;

/// The files of a new job: serialised as a list of [`InputFile`]s.
pub struct Listed<'a> {
    pub(super) sources: &'a Sources,
    pub(super) hashes: &'a [Option<Hash>],
    pub(super) problems: &'a HashMap<usize, FileProblem>,
}

impl Listed<'_> {
    /// A file.
    pub fn file(&self, index: usize) -> InputFile {
        let source = self.sources.get(index);
        let bytes = source.path.as_os_str().as_bytes();
        let path_hex = std::str::from_utf8(bytes).is_err().then(|| hex(bytes));

        InputFile {
            path: String::from_utf8_lossy(bytes).into_owned(),
            path_hex,
            sha256: self.hashes[index],
            size: source.size,
            problem: self.problems.get(&index).cloned(),
        }
    }
}

impl Serialize for Listed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((0..self.sources.len()).map(|index| self.file(index)))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_listed_with_hash_or_problem() {
        let sources = Sources::example(&[Some(5), None]);
        let problems = HashMap::from([(1, FileProblem::Gone)]);
        let listed =
            Listed { sources: &sources, hashes: &[Some(Hash([1; 32])), None], problems: &problems };

        let json = serde_json::to_string(&listed).unwrap();
        let back: Vec<InputFile> = serde_json::from_str(&json).unwrap();
        assert_eq!(back, [listed.file(0), listed.file(1)]);
        assert_eq!((back[0].path.as_str(), back[0].size), ("d/0", 5));
        assert_eq!(back[1].problem, Some(FileProblem::Gone));
        assert_eq!(hex(b"\xff\x0a"), "ff0a");
    }
}
