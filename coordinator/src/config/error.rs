//! Errors in the arguments and the recipe.

use std::io;
use std::path::PathBuf;

use sheaf_common::recipe::{Expression, ExpressionError, RecipeError, Wrong};
use sheaf_format::extensions;

use crate::discover::BadPattern;
use crate::errors::{Exit, Failure};
use crate::human::{did_you_mean, number};

/// Why the arguments or the recipe cannot be used. Exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    #[error("invalid value `{value}` for `{option}`: expected {expected}")]
    Value { option: &'static str, value: String, expected: String },
    #[error("`{0}` has no extension that says its format")]
    NoExtension(String),
    #[error("`{path}`: there is no format `{extension}`")]
    UnknownExtension { path: String, extension: String },
    #[error("two outputs are `{0}`")]
    SameOutput(String),
    #[error("`{0}` needs a CSV output")]
    NoCsvOutput(&'static str),
    #[error("the job log and an output are both `{0}`")]
    JobLogIsOutput(String),
    #[error("`{0}` is both an input and the job log")]
    JobLogIsInput(String),
    #[error("the summary and another file to be written are both `{0}`")]
    SummaryIsOutput(String),
    #[error("`{0}` is both an input and an output")]
    InputIsOutput(String),
    #[error("standard input (`-`) is given twice")]
    TwoStandardInputs,
    #[error("a sheet cannot be named `{name}`: {reason}")]
    SheetName { name: String, reason: String },
    #[error("the name of column `{name}` takes {} characters, a cell of a workbook holds 32,767", number(*units as u64))]
    ColumnName { name: String, units: usize },
    #[error(transparent)]
    Pattern(#[from] BadPattern),
    #[error("could not read recipe `{}`", path.display())]
    RecipeFile { path: PathBuf, source: RecipeError },
    #[error("could not read recipe `{}`", path.display())]
    RecipeUnreadable { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Recipe(RecipeError),
    #[error("no Redis is named")]
    NoRedis,
    /// A service knows outputs by their names alone.
    #[error("two outputs have the name `{0}`, by which the service knows them")]
    SameOutputName(String),
    #[error("the output `{0}` has a name that is not UTF-8, which the service does not take")]
    OddOutputName(String),
    #[error("an output to standard output needs `--wait`")]
    StandardOutputLater,
    #[error("the path `{0}` is not UTF-8, so the service cannot be told of it")]
    OddPath(String),
    /// A selector or an encoding that cannot be used; the text says which one, and points at the
    /// mistake.
    #[error("{reason}")]
    Setup { reason: String, hint: Option<String> },
}

impl UsageError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            UsageError::NoExtension(path) => Some(format!("try `{path}.xlsx`; {}", formats())),
            UsageError::UnknownExtension { path, extension } => {
                let extensions = extensions();
                let choices = extensions.iter().map(|(extension, _)| extension.as_str());
                let Some(meant) = did_you_mean(extension, &choices.collect::<Vec<_>>()) else {
                    return Some(formats());
                };

                // The whole path, so that it can be copied.
                let stem = path.strip_suffix(extension.as_str()).unwrap_or(path);
                Some(format!("did you mean `{stem}{meant}`?"))
            }
            UsageError::SameOutput(_) => Some("every `--output` needs a name of its own".into()),
            // `.tsv` goes by the other CSV options, so its user may expect this one, too.
            UsageError::NoCsvOutput("--csv-delimiter") => {
                Some("name one, as `-o rows.csv`; the delimiter of `.tsv` is the tab".into())
            }
            UsageError::NoCsvOutput(_) => Some("name one, as `-o rows.csv`".into()),
            UsageError::ColumnName { .. } => Some("give the column a shorter name".into()),
            UsageError::JobLogIsOutput(_) => {
                Some("the job log is tab-separated text: try `--joblog run.tsv`".into())
            }
            UsageError::JobLogIsInput(_) => Some("give the job log another name".into()),
            UsageError::InputIsOutput(_) => Some(
                "give the output another name; if an earlier run wrote it, name the inputs by \
                 their folder: what stands there under the name of an output is left out"
                    .into(),
            ),
            UsageError::SummaryIsOutput(_) => {
                Some("give it a name of its own: try `--summary run.json`".into())
            }
            UsageError::RecipeFile { source, .. } | UsageError::Recipe(source) => {
                recipe_hint(source)
            }
            UsageError::Setup { hint, .. } => hint.clone(),
            UsageError::NoRedis => {
                Some("say where it is: `--redis redis://HOST`, or the variable SHEAF_REDIS".into())
            }
            UsageError::SameOutputName(_) => {
                Some("give one of them another name; `sheaf fetch -o` writes it anywhere".into())
            }
            UsageError::StandardOutputLater => Some(
                "or give it a name, and get it later: `sheaf fetch JOB -o -` writes to standard \
                 output"
                    .into(),
            ),
            UsageError::OddPath(_) => Some("without `--by-path` it is uploaded".into()),
            UsageError::OddOutputName(_)
            | UsageError::Value { .. }
            | UsageError::TwoStandardInputs
            | UsageError::SheetName { .. }
            | UsageError::Pattern(_)
            | UsageError::RecipeUnreadable { .. } => None,
        }
    }
}

/// Names all formats by their extensions.
fn formats() -> String {
    let extensions = extensions().into_iter().map(|(extension, _)| extension);
    format!("the formats are {}", extensions.collect::<Vec<_>>().join(" "))
}

fn recipe_hint(error: &RecipeError) -> Option<String> {
    match error {
        RecipeError::Column { source, .. } => expression_hint(source),
        RecipeError::TwoColumns(name) => Some(format!(
            "give one of them another name; `--source-column=NAME` names that of the file, if it \
             is `{name}`"
        )),
        RecipeError::NotAPair(typed) => {
            // A column without `NAME=` is often a bare selector: the example is built from it.
            let meant = match typed.parse::<Expression>() {
                Ok(expression) => Some(expression.to_string()),
                Err(error) => error.meant,
            };

            let meant = meant.unwrap_or_else(|| "h1::text".into());
            Some(format!("for example `--column 'name={meant}'`"))
        }
        RecipeError::EmptyName
        | RecipeError::NoColumn
        | RecipeError::TooManyColumns(_)
        | RecipeError::Toml(_) => None,
    }
}

fn expression_hint(error: &ExpressionError) -> Option<String> {
    match &error.meant {
        Some(meant) if error.wrong == Wrong::XPath => {
            Some(format!("columns are selected by CSS: `{meant}`"))
        }
        Some(meant) => Some(format!("did you mean `{meant}`?")),
        None => {
            let hint = "columns are selected by CSS, which can say what an element is and where, \
                        not what its text is";
            Some(hint.into())
        }
    }
}

impl From<UsageError> for Failure {
    fn from(error: UsageError) -> Failure {
        let hint = error.hint();
        Failure { hint, ..Failure::new(Exit::Usage, error) }
    }
}
