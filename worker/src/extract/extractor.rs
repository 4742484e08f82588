//! One file's way from bytes to rows.

use std::io;

use encoding_rs::Encoding;
use sheaf_common::job::{JobSpec, LongCells};
use sheaf_common::problem::FileProblem;
use sheaf_common::task::SourceFile;

use super::chunk::{Chunk, Writer};
use super::facts::{Done, Extracted, Facts};
use super::reader::Reader;
use super::reader::html::HtmlReader;
use super::recipe::Compiled;
use super::setup::SetupError;
use super::{decode, open, unpack};

/// What a job wants from its files: reads files, gives rows.
pub struct Extractor {
    recipe: Compiled,
    /// Whether the last cell names the file.
    source_column: bool,
    /// `None`: found out for every file.
    encoding: Option<&'static Encoding>,
    long_cells: LongCells,
    /// Bytes of memory that a file may cost.
    memory: u64,
}

/// Why the work on a file ended early.
enum Ended {
    /// The file cannot be read as it is.
    Problem(FileProblem),
    /// Its rows could not be handed on.
    Emit(io::Error),
}

impl From<FileProblem> for Ended {
    fn from(problem: FileProblem) -> Self {
        Ended::Problem(problem)
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Ended::Emit(error)
    }
}

impl Extractor {
    /// Compiles what a job wants from its files.
    ///
    /// # Errors
    /// [`SetupError`] for a selector that is not CSS, or an encoding that is not known.
    pub fn new(spec: &JobSpec) -> Result<Extractor, SetupError> {
        Ok(Extractor {
            recipe: Compiled::new(&spec.recipe)?,
            source_column: spec.source_column.is_some(),
            encoding: decode::named(&spec.encoding)?,
            long_cells: spec.long_cells,
            memory: spec.limits.memory,
        })
    }

    /// Reads one file and hands its rows to `emit`, in chunks of at most [`CHUNK`](super::CHUNK)
    /// bytes unless a single row is larger.
    ///
    /// Rows count only if [`Extracted::result`] is `Ok` in the end. A file of one document hands on
    /// nothing if it has a problem; one of several may have handed on rows of the documents before
    /// the problem, which are to be dropped.
    ///
    /// # Errors
    /// Only those of `emit`; what is wrong with the file stands in [`Extracted::result`].
    pub fn file(
        &self,
        file: &SourceFile,
        emit: &mut dyn FnMut(Chunk<'_>) -> io::Result<()>,
    ) -> io::Result<Extracted> {
        self.watched_file(file, &mut |_, _| {}, emit)
    }

    /// The same; calls `parsed` now and then while a large file is parsed, with the bytes of its
    /// text that are parsed so far, and all of them: see [`STEP`](super::STEP).
    ///
    /// # Errors
    /// As [`Extractor::file`].
    pub fn watched_file(
        &self,
        file: &SourceFile,
        parsed: &mut dyn FnMut(usize, usize),
        emit: &mut dyn FnMut(Chunk<'_>) -> io::Result<()>,
    ) -> io::Result<Extracted> {
        let mut facts = Facts::new(self.recipe.record.name(), parsed);

        let result = match self.read(file, &mut facts, emit) {
            Ok(done) => Ok(done),
            Err(Ended::Problem(problem)) => Err(problem),
            Err(Ended::Emit(error)) => return Err(error),
        };

        Ok(facts.extracted(result))
    }

    /// Opens and unpacks a file, and has its documents read.
    fn read(
        &self,
        file: &SourceFile,
        facts: &mut Facts<'_>,
        emit: &mut dyn FnMut(Chunk<'_>) -> io::Result<()>,
    ) -> Result<Done, Ended> {
        let raw = open::read(file, self.memory)?;
        facts.bytes = raw.len() as u64;

        let plain = unpack::unpack(file.path.as_path(), raw, self.memory / unpack::SHARE)?;
        facts.unpacked = plain.len() as u64;

        // Here a file gets its reader: all are read as HTML.
        self.documents(HtmlReader::new(plain, self.encoding), file, facts, emit)
    }

    /// Hands on the rows of all documents of a file.
    fn documents<R: Reader>(
        &self,
        mut reader: R,
        file: &SourceFile,
        facts: &mut Facts<'_>,
        emit: &mut dyn FnMut(Chunk<'_>) -> io::Result<()>,
    ) -> Result<Done, Ended> {
        let source = self.source_column.then(|| file.path.display());
        let truncate = self.long_cells == LongCells::Truncate;
        let mut writer = Writer::new(!truncate, emit);

        while let Some(document) = reader.next(facts)? {
            // Before the first row of a document is handed on.
            if self.long_cells == LongCells::Fail {
                self.recipe.check(&document, facts.noticed.records())?;
            }

            self.recipe.rows(&document, source.as_deref(), &mut facts.noticed, &mut writer)?;
            facts.noticed.document(&document);
        }

        let sums = writer.finish()?;
        facts.noticed.rows(sums.bytes);
        Ok(Done { truncated_cells: if truncate { sums.long_cells } else { 0 } })
    }
}
