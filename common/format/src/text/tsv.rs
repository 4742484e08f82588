//! Tab-separated text: CSV with tabs between the cells and line feeds after the rows.

use sheaf_common::job::{CsvStyle, JobSpec, Newline};

use super::csv::CsvWriter;
use super::{TextFormat, WriteRow};
use crate::CsvUse;

/// The format of `.tsv`.
pub struct Tsv;

impl TextFormat for Tsv {
    fn name(&self) -> &'static str {
        "tsv"
    }

    fn title(&self) -> &'static str {
        "tab-separated"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[".tsv"]
    }

    fn media_type(&self) -> &'static str {
        "text/tab-separated-values; charset=utf-8"
    }

    fn csv_use(&self) -> CsvUse {
        CsvUse::OwnDelimiter
    }

    fn head(&self, spec: &JobSpec) -> Vec<u8> {
        writer(&spec.csv).names(spec)
    }

    fn depends_on_place(&self) -> bool {
        false
    }

    fn rows(&self, spec: &JobSpec, _first_row: u64) -> Box<WriteRow> {
        writer(&spec.csv).into_write_row()
    }
}

fn writer(style: &CsvStyle) -> CsvWriter {
    CsvWriter::new(style, '\t', Newline::Lf)
}
