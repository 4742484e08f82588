//! One file's way from bytes to rows.

use std::io;

use encoding_rs::Encoding;
use sheaf_common::job::{JobSpec, LongCells};
use sheaf_common::problem::FileProblem;
use sheaf_common::task::SourceFile;

use super::chunk::{Chunk, Writer};
use super::facts::{Done, Extracted, Facts};
use super::reader::html::HtmlReader;
use super::reader::{Document, Element, Reader};
use super::recipe::Compiled;
use super::setup::SetupError;
use super::{decode, open, unpack};

/// A job's settings, compiled: turns files into rows.
pub struct Extractor {
    recipe: Compiled,
    /// Whether the last cell names the file.
    source_column: bool,
    /// The encoding that the user named; `None`: to be detected for each file.
    encoding: Option<&'static Encoding>,
    long_cells: LongCells,
    /// The memory limit for one file, in bytes.
    memory: u64,
}

/// Why the work on a file ended early.
enum Ended {
    /// The file has a problem.
    Problem(FileProblem),
    /// Its rows could not be emitted.
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
    /// Compiles the settings of a job.
    ///
    /// # Errors
    /// [`SetupError`], for an invalid selector or an unknown encoding.
    pub fn new(spec: &JobSpec) -> Result<Extractor, SetupError> {
        Ok(Extractor {
            recipe: Compiled::new(&spec.recipe)?,
            source_column: spec.source_column.is_some(),
            encoding: decode::named(&spec.encoding)?,
            long_cells: spec.long_cells,
            memory: spec.limits.memory,
        })
    }

    /// Reads one file and passes its rows to `emit`, in chunks of at most [`CHUNK`](super::CHUNK)
    /// bytes unless a single row is larger.
    ///
    /// Rows count only if [`Extracted::result`] is `Ok` in the end. A file of one document emits
    /// nothing if it has a problem. A file of several may already have emitted rows of earlier
    /// documents, which the caller must drop.
    ///
    /// # Errors
    /// Only those of `emit`; a problem of the file is in [`Extracted::result`].
    pub fn file(
        &self,
        file: &SourceFile,
        emit: &mut dyn FnMut(Chunk<'_>) -> io::Result<()>,
    ) -> io::Result<Extracted> {
        self.watched_file(file, &mut |_, _| {}, emit)
    }

    /// As [`Extractor::file`]. While a large file is parsed, also calls `parsed` after each
    /// [`STEP`](super::STEP), with the number of bytes of text that are parsed and the number of
    /// all.
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

    /// Opens and unpacks a file, and reads its documents.
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

        // The place to choose a reader by the file: so far there is one.
        self.documents(HtmlReader::new(plain, self.encoding), file, facts, emit)
    }

    /// Emits the rows of all documents of a file.
    fn documents<R: Reader>(
        &self,
        mut reader: R,
        file: &SourceFile,
        facts: &mut Facts<'_>,
        emit: &mut dyn FnMut(Chunk<'_>) -> io::Result<()>,
    ) -> Result<Done, Ended> {
        let source = self.source_column.then(|| file.path.display());
        let truncate = self.long_cells == LongCells::Truncate;

        // Read the first document before allocating for rows: by then the file's bytes are freed.
        let mut next = reader.next(facts)?;
        let mut writer = Writer::new(!truncate, emit);

        while let Some(document) = next {
            // Before the document's first row is emitted, so that a file of one document emits
            // none.
            if self.long_cells == LongCells::Fail {
                self.recipe.check(&document, facts.noticed.records())?;
            }

            self.recipe.rows(&document, source.as_deref(), &mut facts.noticed, &mut writer)?;
            // The report of a file without records lists the elements that it has instead.
            if facts.noticed.records() == 0 {
                let elements = document.elements();
                facts.noticed.elements(elements.map(|(_, element)| element.name()));
            }

            // Two trees at once could go over the memory limit.
            drop(document);
            next = reader.next(facts)?;
        }

        let sums = writer.finish()?;
        facts.noticed.rows(sums.bytes);
        Ok(Done { truncated_cells: if truncate { sums.long_cells } else { 0 } })
    }
}

#[cfg(test)]
mod tests {
    use super::super::reader::html::Page;
    use super::*;
    use sheaf_common::cell::CELL_UNITS;
    use sheaf_common::notes::{Note, NoteKind};
    use sheaf_common::numbers::FileIndex;
    use sheaf_common::problem::ProblemKind;
    use std::path::Path;
    use std::vec::IntoIter;

    /// A reader that returns these pages, and perhaps a problem at the end.
    struct Pages(IntoIter<Result<String, FileProblem>>);

    impl Reader for Pages {
        type Document = Page;

        fn next(&mut self, _facts: &mut Facts<'_>) -> Result<Option<Page>, FileProblem> {
            self.0.next().transpose().map(|markup| markup.map(|markup| Page::of(&markup)))
        }
    }

    /// The result of a file with these pages, the number of emitted rows, and the notes.
    fn read(
        long_cells: LongCells,
        pages: Vec<Result<String, FileProblem>>,
    ) -> (Result<Done, FileProblem>, u32, Vec<Note>) {
        let spec = JobSpec { long_cells, ..JobSpec::default() };
        let extractor = Extractor::new(&spec).unwrap();
        let file = SourceFile::at_path(FileIndex(0), Path::new("pages"), 0, 0);

        let mut parsed = |_, _| {};
        let mut facts = Facts::new(extractor.recipe.record.name(), &mut parsed);
        let mut rows = 0;
        let mut emit = |chunk: Chunk<'_>| {
            rows += chunk.rows;
            Ok(())
        };

        let result = extractor.documents(Pages(pages.into_iter()), &file, &mut facts, &mut emit);
        let result = result.map_err(|ended| match ended {
            Ended::Problem(problem) => problem,
            Ended::Emit(error) => panic!("{error}"),
        });

        (result, rows, facts.noticed.notes().noticed)
    }

    #[test]
    fn all_documents_of_a_file_give_rows() {
        let pages = ["<doc>a<doc>b", "<p>none", "<doc>c"].map(|page| Ok(page.into()));
        let (result, rows, notes) = read(LongCells::Overflow, pages.into());
        assert_eq!((result, rows), (Ok(Done { truncated_cells: 0 }), 3));
        assert_eq!(notes, [Note::new(NoteKind::Nested, 1, 3)]);
    }

    #[test]
    fn a_problem_of_a_document_fails_its_file() {
        let broken = vec![Ok("<doc>a".into()), Err(FileProblem::NotText { controls: 9 })];
        let (result, ..) = read(LongCells::Overflow, broken);
        assert_eq!(result.unwrap_err().kind(), ProblemKind::NotText);

        let long = format!("<doc>{}", "x".repeat(CELL_UNITS + 1));
        let (result, ..) = read(LongCells::Fail, vec![Ok("<doc>a<doc>b".into()), Ok(long)]);
        let units = CELL_UNITS as u64 + 1;
        let expected = FileProblem::LongCell { column: "text".into(), record: 3, units };
        assert_eq!(result, Err(expected));
    }
}
