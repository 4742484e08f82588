//! What a job extracts and writes: the options of `sheaf run` as JSON.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a job extracts and writes. Absent fields have the defaults of `sheaf run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JobOptions {
    /// The CSS selector of the elements that become rows.
    pub record: String,
    /// The columns, in order; at least one.
    pub columns: Vec<ColumnOption>,
    /// The name of a column with the file that each row came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_column: Option<String>,
    /// `auto`, or the name of an encoding.
    pub encoding: String,
    /// The names of the outputs; the extension says the format. Names, not paths; at least one.
    #[schema(min_items = 1)]
    pub outputs: Vec<String>,
    /// The name of the sheet that holds the rows.
    pub sheet_name: String,
    /// What to do with texts that are too long for a cell: `overflow`, `truncate` or `fail`.
    #[schema(pattern = "^(overflow|truncate|fail)$")]
    pub long_cells: String,
    /// `fast`, `balanced` or `small`.
    #[schema(pattern = "^(fast|balanced|small)$")]
    pub compression: String,
    pub csv: CsvOptions,
    /// The longest that one file may take, as `60s`.
    pub time_limit: String,
    /// The most memory that one file may take, as `2GiB`.
    pub memory_limit: String,
    /// How often a file that killed its process is tried again.
    #[schema(value_type = u64, maximum = 4_294_967_295u64)]
    pub retries: u32,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnOption {
    #[schema(min_length = 1)]
    pub name: String,
    /// `[CSS selector]::text` or `[CSS selector]::attr(NAME)`.
    #[schema(example = "::text")]
    pub value: String,
}

/// How CSV is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CsvOptions {
    /// Begin with a byte order mark.
    pub bom: bool,
    /// The character between the cells, or `tab`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// `lf` or `crlf`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^(lf|crlf)$")]
    pub newline: Option<String>,
    /// `keep` or `escape`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^(keep|escape)$")]
    pub formulas: Option<String>,
}

impl Default for JobOptions {
    fn default() -> Self {
        let column =
            |name: &str, value: &str| ColumnOption { name: name.into(), value: value.into() };

        JobOptions {
            record: "doc".into(),
            columns: vec![
                column("id", "::attr(id)"),
                column("title", "::attr(title)"),
                column("text", "::text"),
            ],
            source_column: None,
            encoding: "auto".into(),
            outputs: vec!["final.xlsx".into()],
            sheet_name: "rows".into(),
            long_cells: "overflow".into(),
            compression: "balanced".into(),
            csv: CsvOptions::default(),
            time_limit: "60s".into(),
            memory_limit: "2GiB".into(),
            retries: 2,
        }
    }
}
