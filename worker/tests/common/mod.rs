//! Shared by the tests of the extractor.
#![expect(dead_code, reason = "every test file uses its own part")]

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use sheaf_common::job::JobSpec;
use sheaf_common::numbers::FileIndex;
use sheaf_common::recipe::Recipe;
use sheaf_common::row::Rows;
use sheaf_common::task::{Content, SourceFile, SourcePath, modified_ns};
use sheaf_worker::extract::{CHUNK, Extracted, Extractor};

/// A job with the defaults.
pub fn spec(recipe: Recipe) -> JobSpec {
    JobSpec { recipe, ..JobSpec::default() }
}

/// A file as listed by discovery.
pub fn source(path: &Path) -> SourceFile {
    let metadata = std::fs::metadata(path).unwrap();
    SourceFile::at_path(FileIndex(0), path, metadata.len(), modified_ns(&metadata))
}

/// A file whose bytes came with the task.
pub fn shipped(name: &str, content: &[u8]) -> SourceFile {
    let path = SourcePath::from(Path::new(name));
    SourceFile {
        sequence: FileIndex(0),
        path,
        size: content.len() as u64,
        modified: 0,
        content: Content::Here(content.to_vec()),
    }
}

/// The decoded rows of a file, and its result. Checks the rules for every chunk.
pub fn rows(
    extractor: &Extractor,
    file: &SourceFile,
    width: usize,
) -> (Vec<Vec<Option<String>>>, Extracted) {
    let mut all = Vec::new();
    let mut emit = |chunk: sheaf_worker::extract::Chunk<'_>| {
        let mut rows = Rows::new(chunk.bytes, width);
        let mut cells = Vec::new();
        let before = all.len();
        while rows.next_into(&mut cells).expect("whole rows") {
            all.push(cells.iter().map(|cell| cell.map(str::to_owned)).collect());
        }

        assert_eq!(all.len() - before, chunk.rows as usize);
        assert!(chunk.rows == 1 || (chunk.rows > 0 && chunk.bytes.len() <= CHUNK));
        Ok(())
    };

    let extracted = extractor.file(file, &mut emit).expect("emit does not fail");
    assert!(extracted.result.is_ok() || all.is_empty(), "a file that failed has no rows");
    (all, extracted)
}

/// Reports that a test had nothing to test: past the capture of the test harness, and in the file
/// that `tests/run` counts.
pub fn skipped(test: &str, reason: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {reason}");

    if let Some(path) = std::env::var_os("SHEAF_SKIP_LOG") {
        let mut log = OpenOptions::new().create(true).append(true).open(path).unwrap();
        log.write_all(format!("{test}: {reason}\n").as_bytes()).unwrap();
    }
}
