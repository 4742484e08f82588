//! One file's way from bytes to rows.

use std::io;

use encoding_rs::Encoding;
use html5ever::tendril::StrTendril;
use scraper::{ElementRef, Html};
use selectors::matching::SelectorCaches;
use sheaf_common::cell::{overflow_rows, written_units};
use sheaf_common::job::{JobSpec, LongCells};
use sheaf_common::notes::FileNotes;
use sheaf_common::problem::{FileProblem, TooLarge};
use sheaf_common::recipe::{Expression, Take};
use sheaf_common::task::SourceFile;

use super::chunk::{Chunk, Writer};
use super::notice::{Inside, Noticed};
use super::selectors::Css;
use super::setup::SetupError;
use super::tree::{self, AttributeName, Descendants};
use super::{decode, open, parse, sniff, unpack};

/// A job's recipe, compiled: reads files, gives rows.
pub struct Extractor {
    record: Css,
    columns: Vec<Column>,
    /// Whether the last cell names the file.
    source_column: bool,
    /// `None`: found out for every file.
    encoding: Option<&'static Encoding>,
    long_cells: LongCells,
    /// Bytes of memory that a file may cost.
    memory: u64,
}

struct Column {
    name: String,
    /// `None`: the record itself.
    css: Option<Css>,
    take: Cell,
}

enum Cell {
    Text,
    Attribute(AttributeName),
}

/// The result of reading a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// [`Done`] if its rows were handed on; or why it has none.
    pub result: Result<Done, FileProblem>,
    /// Read from the file, before unpacking.
    pub bytes: u64,
    /// After unpacking; 0 if it did not come so far.
    pub unpacked: u64,
    /// The encoding that was used, as the Encoding Standard names it; empty if it did not come so
    /// far.
    pub encoding: String,
    /// How many characters had to be replaced in decoding.
    pub replaced: u64,
    /// What was noticed about a file that gave its rows, or has none.
    pub notes: FileNotes,
}

/// The result of a file whose rows were all handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// The cells that a sheet will cut, under [`LongCells::Truncate`]; otherwise 0. Their rows hold
    /// them whole.
    pub truncated_cells: u64,
}

impl Extractor {
    /// Compiles what a job wants from its files.
    ///
    /// # Errors
    /// [`SetupError`] for a selector that is not CSS, or an encoding that is not known.
    pub fn new(spec: &JobSpec) -> Result<Extractor, SetupError> {
        let compile = |name: &str, expression: &Expression| {
            let css = expression
                .selector
                .as_deref()
                .map(|selector| Css::column(selector, name))
                .transpose()?;

            let take = match &expression.take {
                Take::Text => Cell::Text,
                Take::Attribute(attribute) => Cell::Attribute(AttributeName::new(attribute)),
            };

            Ok(Column { name: name.into(), css, take })
        };

        Ok(Extractor {
            record: Css::record(&spec.recipe.record)?,
            columns: spec
                .recipe
                .columns
                .iter()
                .map(|column| compile(&column.name, &column.value))
                .collect::<Result<_, _>>()?,
            source_column: spec.source_column.is_some(),
            encoding: decode::named(&spec.encoding)?,
            long_cells: spec.long_cells,
            memory: spec.limits.memory,
        })
    }

    /// Reads one file and hands its rows to `emit`, in chunks of at most [`CHUNK`](super::CHUNK)
    /// bytes unless a single row is larger. A file that cannot be read as it is hands on nothing.
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
        let mut extracted = Extracted {
            result: Ok(Done { truncated_cells: 0 }),
            bytes: 0,
            unpacked: 0,
            encoding: String::new(),
            replaced: 0,
            notes: FileNotes::default(),
        };

        let document = self.document(file, parsed, &mut extracted);
        // Before the first row is handed on: a file has all its rows or none.
        let checked =
            document.and_then(|(html, noticed)| self.check(&html).map(|()| (html, noticed)));

        match checked {
            Ok((html, mut noticed)) => {
                extracted.result = Ok(self.rows(&html, file, &mut noticed, emit)?);
                extracted.notes = noticed.notes(&html);
            }
            Err(problem) => extracted.result = Err(problem),
        }

        Ok(extracted)
    }

    /// The file's tree, and what was noticed about its text. Fills in what becomes known on the
    /// way.
    fn document(
        &self,
        file: &SourceFile,
        parsed: &mut dyn FnMut(usize, usize),
        known: &mut Extracted,
    ) -> Result<(Html, Noticed), FileProblem> {
        let raw = open::read(file, self.memory)?;
        known.bytes = raw.len() as u64;

        let plain = unpack::unpack(file.path.as_path(), raw, self.memory / unpack::SHARE)?;
        known.unpacked = plain.len() as u64;

        sniff::refuse(&plain, self.encoding)?;

        let decoded = decode::decode(&plain, self.encoding);
        known.encoding = decoded.encoding.name().into();
        known.replaced = decoded.replaced;

        let text = parse::strip(&decoded.text);
        if text.len() > parse::LONGEST {
            let length = text.len() as u64;
            let most = parse::LONGEST as u64;
            return Err(FileProblem::TooLarge(TooLarge::Text { length, most }));
        }
        let noticed = Noticed::of_text(text, &decoded, &plain, self.record.name());

        // The parser has its own copy: what the text was made from makes room for the tree.
        let text = StrTendril::from_slice(text);
        drop(decoded);
        drop(plain);

        let all = text.len();
        Ok((parse::parse_in_steps(text, parse::STEP, &mut |done| parsed(done, all)), noticed))
    }

    /// Refuses a document with a cell that no sheet can hold, if the job wants that.
    fn check(&self, html: &Html) -> Result<(), FileProblem> {
        if self.long_cells != LongCells::Fail {
            return Ok(());
        }

        let mut gathered = String::new();
        for (record, number) in self.records(html).map(|(record, _)| record).zip(1..) {
            for column in &self.columns {
                let Some(text) = column.cell(record, &mut gathered) else { continue };
                if overflow_rows(text) > 0 {
                    return Err(FileProblem::LongCell {
                        column: column.name.clone(),
                        record: number,
                        units: written_units(text) as u64,
                    });
                }
            }
        }

        Ok(())
    }

    fn rows(
        &self,
        html: &Html,
        file: &SourceFile,
        noticed: &mut Noticed,
        emit: &mut dyn FnMut(Chunk<'_>) -> io::Result<()>,
    ) -> io::Result<Done> {
        let source = self.source_column.then(|| file.path.display());
        let truncate = self.long_cells == LongCells::Truncate;
        let mut writer = Writer::new(!truncate, emit);
        let mut gathered = String::new();

        for (record, nested) in self.records(html) {
            noticed.record(nested);
            for (index, column) in self.columns.iter().enumerate() {
                let cell = column.cell(record, &mut gathered);
                noticed.cell(index, cell);
                writer.cell(cell);
            }

            if let Some(source) = &source {
                writer.cell(Some(source));
            }
            writer.end_row()?;
        }

        let sums = writer.finish()?;
        noticed.rows(sums.bytes);
        Ok(Done { truncated_cells: if truncate { sums.long_cells } else { 0 } })
    }

    /// The records in document order, each with whether it is inside another: it is a record all
    /// the same.
    fn records<'a>(&self, html: &'a Html) -> impl Iterator<Item = (ElementRef<'a>, bool)> {
        let mut caches = SelectorCaches::default();
        let mut inside = Inside::default();
        Descendants::of(html.tree.root()).filter_map(move |node| {
            inside.pass(node);
            let element = ElementRef::wrap(node)?;

            let is_record = self.record.matches(&element, None, &mut caches);
            is_record.then(|| (element, inside.record(node)))
        })
    }
}

impl Column {
    /// The cell of `record`; `None` if the record has no such element or attribute.
    fn cell<'a>(&self, record: ElementRef<'a>, gathered: &'a mut String) -> Option<&'a str> {
        let element = match &self.css {
            None => record,
            Some(css) => {
                // `:scope` differs from record to record, and what the caches hold with it.
                let mut caches = SelectorCaches::default();
                tree::elements(*record)
                    .find(|element| css.matches(element, Some(&record), &mut caches))?
            }
        };

        match &self.take {
            Cell::Text => Some(tree::text(element, gathered)),
            Cell::Attribute(name) => name.of(element),
        }
    }
}
