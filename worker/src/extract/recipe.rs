//! A job's recipe, compiled: documents → rows. Independent of the format: see [`super::reader`].

use std::io;

use selectors::matching::SelectorCaches;
use sheaf_common::cell::{overflow_rows, written_units};
use sheaf_common::problem::FileProblem;
use sheaf_common::recipe::{Expression, Recipe, Take};

use super::chunk::Writer;
use super::notice::{Inside, Noticed};
use super::reader::{AttributeName, Document, Element};
use super::selectors::Css;
use super::setup::SetupError;

/// A compiled recipe: the selector of the records, and the columns.
pub(super) struct Compiled {
    pub record: Css,
    columns: Vec<Column>,
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

impl Compiled {
    /// Compiles a recipe.
    ///
    /// # Errors
    /// [`SetupError`], for an invalid selector.
    pub(super) fn new(recipe: &Recipe) -> Result<Self, SetupError> {
        let columns = recipe.columns.iter();
        let columns = columns.map(|column| Column::new(&column.name, &column.value));

        Ok(Compiled {
            record: Css::record(&recipe.record)?,
            columns: columns.collect::<Result<_, _>>()?,
        })
    }

    /// Checks that a sheet can hold every cell of a document. `before` is the number of records in
    /// earlier documents of the file.
    ///
    /// # Errors
    /// [`FileProblem::LongCell`], for the first cell that is too long.
    pub(super) fn check<D: Document>(&self, document: &D, before: u64) -> Result<(), FileProblem> {
        let mut gathered = String::new();
        for ((record, _), number) in self.records(document).zip(before + 1..) {
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

    /// Writes the rows of a document. `source` is the text of the source column, if there is one.
    ///
    /// # Errors
    /// Those of `writer`.
    pub(super) fn rows<D: Document>(
        &self,
        document: &D,
        source: Option<&str>,
        noticed: &mut Noticed,
        writer: &mut Writer<'_>,
    ) -> io::Result<()> {
        let mut gathered = String::new();
        for (record, nested) in self.records(document) {
            noticed.record(nested);
            for (index, column) in self.columns.iter().enumerate() {
                let cell = column.cell(record, &mut gathered);
                noticed.cell(index, cell);
                writer.cell(cell);
            }

            if source.is_some() {
                writer.cell(source);
            }
            writer.end_row()?;
        }

        Ok(())
    }

    /// The records in document order, each with whether it is nested in another. A nested record
    /// counts like any other.
    fn records<'a, D: Document>(
        &self,
        document: &'a D,
    ) -> impl Iterator<Item = (D::Element<'a>, bool)> {
        let mut caches = SelectorCaches::default();
        let mut inside = Inside::default();

        document.elements().filter_map(move |(depth, element)| {
            inside.pass(depth);
            let is_record = self.record.matches(element, None, &mut caches);
            is_record.then(|| (element, inside.record(depth)))
        })
    }
}

impl Column {
    fn new(name: &str, expression: &Expression) -> Result<Self, SetupError> {
        let css = expression.selector.as_deref();
        let css = css.map(|selector| Css::column(selector, name)).transpose()?;

        let take = match &expression.take {
            Take::Text => Cell::Text,
            Take::Attribute(attribute) => Cell::Attribute(AttributeName::new(attribute)),
        };

        Ok(Column { name: name.into(), css, take })
    }

    /// The column's cell in the row of `record`; `None` if the record has no such element or
    /// attribute.
    fn cell<'a: 't, 't, E: Element<'a>>(
        &self,
        record: E,
        gathered: &'t mut String,
    ) -> Option<&'t str> {
        let element = match &self.css {
            None => record,
            Some(css) => {
                // The caches depend on `:scope`, which differs from record to record.
                let mut caches = SelectorCaches::default();
                record.elements().find(|one| css.matches(*one, Some(record), &mut caches))?
            }
        };

        match &self.take {
            Cell::Text => Some(element.text(gathered)),
            Cell::Attribute(name) => element.attribute(name),
        }
    }
}
