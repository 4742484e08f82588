//! What to extract, and its limits: the options that `run` and `preview` share.

use std::path::PathBuf;

use clap::Args;

use super::help;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "What to extract")]
pub struct RecipeArgs {
    /// CSS selector of the elements that become rows [default: doc]
    #[arg(long, value_name = "CSS")]
    pub record: Option<String>,

    /// A column and where its text comes from; repeatable [default: id, title and text]
    ///
    /// EXPR is `[CSS selector]::text` or `[CSS selector]::attr(NAME)`. The selector looks inside
    /// the record and its first match counts; without a selector it means the record itself.
    /// Default: `id=::attr(id)`, `title=::attr(title)`, `text=::text`.
    #[arg(long = "column", value_name = "NAME=EXPR")]
    pub columns: Vec<String>,

    /// Read record and columns from a file
    #[arg(long, value_name = "FILE.toml", conflicts_with_all = ["record", "columns"], long_help = help::RECIPE)]
    pub recipe: Option<PathBuf>,

    /// Add a column with the file that a row came from [default name: source]
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "source")]
    pub source_column: Option<String>,

    /// How the files are encoded: `auto`, or a name such as `euc-kr`
    ///
    /// `auto` takes a byte order mark, then `<meta charset>`, then UTF-8, then a guess. The job log
    /// says which was used.
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub encoding: String,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// The longest that one file may take, as `60s`, `2m`, `500ms`
    #[arg(long, value_name = "TIME", default_value = "60s")]
    pub time_limit: String,

    /// The most memory that one file may take, as `512M`, `2GiB`
    #[arg(long, value_name = "SIZE", default_value = "2GiB")]
    pub memory_limit: String,
}
