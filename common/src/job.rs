//! A job: everything that decides the bytes of the output, and the names of jobs and tasks.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::numbers::TaskNumber;
use crate::recipe::Recipe;

/// Names one run of a job. A resumed run has another, so that remains of the earlier run are never
/// taken for its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobId(pub u64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl JobId {
    /// A name that no other job has.
    ///
    /// # Panics
    /// As [`random_bits`].
    pub fn random() -> Self {
        JobId(random_bits())
    }
}

/// Names a worker process: `host:pid`, with a suffix that no other worker has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WorkerId(pub String);

impl WorkerId {
    /// A name for a worker of this process on the machine `host`. In containers host and process id
    /// repeat: only the suffix tells workers apart.
    ///
    /// # Panics
    /// As [`random_bits`].
    pub fn random(host: &str) -> Self {
        WorkerId(format!("{host}:{}-{:016x}", std::process::id(), random_bits()))
    }
}

/// 64 random bits of the system: enough that no two names are ever equal. A clock would not do, as
/// machines that start together read the same time.
///
/// # Panics
/// If the system has no random bits, as early in its boot.
pub fn random_bits() -> u64 {
    getrandom::u64().expect("the system gives random bits")
}

/// A unit is full from this many bytes of rows on, so a slice of this length always fills one.
/// Short units cost compression, as its window begins anew, and work of the coordinator; a long
/// unit delays the next. With 768 KiB, a file of 1 MB is one unit.
pub const UNIT_BYTES: u64 = 768 << 10;

/// The settings of a job that the workers need. Two jobs with equal `JobSpec` and equal inputs give
/// equal bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSpec {
    pub recipe: Recipe,
    /// The name of the column with the file of each row; `None`: no such column.
    pub source_column: Option<String>,
    pub encoding: Encoding,
    pub long_cells: LongCells,
    pub compression: Compression,
    /// The name of the sheet with the rows; further ones are `NAME 2`, `NAME 3`, …
    pub sheet_name: String,
    /// The forms in which rows are rendered, without duplicates: two `.xlsx` outputs share one
    /// rendering.
    pub renderings: Vec<Rendering>,
    /// How CSV and tab-separated outputs are written.
    pub csv: CsvStyle,
    /// Whether every file also gets its own workbook.
    pub per_file: bool,
    /// Whether the coordinator keeps the rows for a later run: then workers put all of them onto
    /// the queue, and stash copies only.
    pub keep_rows: bool,
    pub limits: Limits,
}

impl Default for JobSpec {
    /// The defaults of `sheaf run`: WikiExtractor's records, one workbook.
    fn default() -> Self {
        JobSpec {
            recipe: Recipe::default(),
            source_column: None,
            encoding: Encoding::Auto,
            long_cells: LongCells::Overflow,
            compression: Compression::Balanced,
            sheet_name: "rows".into(),
            renderings: vec![Rendering { format: "xlsx".into(), packing: Packing::Plain }],
            csv: CsvStyle::default(),
            per_file: false,
            keep_rows: false,
            limits: Limits { time: Duration::from_secs(60), memory: 2 << 30, retries: 2 },
        }
    }
}

impl JobSpec {
    /// The names of all columns, in order: those of the recipe, then the source column.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.recipe
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .chain(self.source_column.as_deref())
    }

    /// The number of cells of a row.
    pub fn width(&self) -> usize {
        self.recipe.columns.len() + usize::from(self.source_column.is_some())
    }
}

/// How the text of a file is decoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// By the first that applies: byte order mark, `<meta charset>`, valid UTF-8, a guess.
    Auto,
    /// A label of the WHATWG Encoding Standard, such as `euc-kr`.
    Named(String),
}

/// The treatment of a text that is longer than [`crate::cell::CELL_UNITS`]. CSV and JSON lines
/// always hold it whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LongCells {
    /// Carried on in the sheet `overflow`.
    Overflow,
    /// Cut, and counted.
    Truncate,
    /// The file fails.
    Fail,
}

/// How hard segments are compressed. Each choice is a fixed level of a fixed compressor, as it
/// decides the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compression {
    Fast,
    Balanced,
    Small,
}

/// One form in which all rows are rendered.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rendering {
    /// The name of a format in `sheaf_format`, such as `csv`.
    pub format: String,
    pub packing: Packing,
}

/// How CSV and tab-separated outputs are written, beyond RFC 4180.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CsvStyle {
    /// Whether the output begins with a byte order mark, without which Excel on Windows does not
    /// read UTF-8.
    pub bom: bool,
    /// The character between the cells of CSV; tab-separated outputs always use a tab.
    pub delimiter: char,
    /// The end of a row; `None`: CR LF in CSV, a line feed in tab-separated outputs.
    pub newline: Option<Newline>,
    /// Whether an apostrophe stands before a cell that a spreadsheet would take for a formula.
    pub escape_formulas: bool,
}

impl Default for CsvStyle {
    fn default() -> Self {
        CsvStyle { bom: false, delimiter: ',', newline: None, escape_formulas: false }
    }
}

/// The end of a row of a text output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Newline {
    Lf,
    CrLf,
}

/// How an output as a whole is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Packing {
    /// Not at all, apart from compression within the format.
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    /// The extension after that of the format, with its dot; empty if it is plain.
    pub fn extension(self) -> &'static str {
        match self {
            Packing::Plain => "",
            Packing::Gzip => ".gz",
            Packing::Zstd => ".zst",
        }
    }

    /// Its name for people; `None` if it is plain.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Packing::Plain => None,
            Packing::Gzip => Some("gzip"),
            Packing::Zstd => Some("zstd"),
        }
    }
}

/// The limits for reading one file; a child that exceeds them is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub time: Duration,
    /// Bytes of memory of the child.
    pub memory: u64,
    /// How often a file that killed its child is tried again.
    pub retries: u32,
}

/// Names a task within its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskId {
    pub job: JobId,
    pub class: Class,
    pub number: TaskNumber,
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.job, self.class.name(), self.number)
    }
}

/// The order in which tasks are leased: first those that all others wait for, then those that drain
/// memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Class {
    /// Repeats an extract task whose rows were lost after they had been placed in units; has the
    /// same number.
    Repair,
    Render,
    Extract,
}

impl Class {
    /// All classes, in the order in which they are leased.
    pub const ALL: [Class; 3] = [Class::Repair, Class::Render, Class::Extract];

    /// Its name in keys and messages.
    pub fn name(self) -> &'static str {
        match self {
            Class::Repair => "repair",
            Class::Render => "render",
            Class::Extract => "extract",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_made_by_one_process_are_unique() {
        const COUNT: usize = 10_000;
        let workers: HashSet<WorkerId> = (0..COUNT).map(|_| WorkerId::random("app")).collect();
        let jobs: HashSet<JobId> = (0..COUNT).map(|_| JobId::random()).collect();

        assert_eq!((workers.len(), jobs.len()), (COUNT, COUNT));
        assert!(
            workers
                .iter()
                .all(|worker| worker.0.starts_with(&format!("app:{}-", std::process::id())))
        );
    }
}
