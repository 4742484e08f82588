//! A wish for a job → its record.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use sheaf_common::job::{JobSpec, Limits};
use sheaf_common::recipe::{Column, Recipe, RecipeError};

use super::inputs::{BadFiles, Listed};
use super::record::{Record, VERSION};
use crate::api::{InputPaths, Inputs, JobId, JobOptions, NewJob, Progress, State};
use crate::cli::{CompressionArg, CsvArgs, FormulasArg, LongCellsArg, NewlineArg, OutputArgs};
use crate::clock::now_ms;
use crate::config::{self, Output, UsageError};
use crate::discover::Filter;

/// The longest name of a job, in characters.
const LONGEST_NAME: usize = 200;
/// The longest name of an output, in bytes: as long as the system's.
const LONGEST_OUTPUT: usize = 255;

/// Why a wish cannot be fulfilled.
#[derive(Debug, thiserror::Error)]
pub enum BadWish {
    #[error(transparent)]
    Usage(#[from] UsageError),
    #[error("invalid value `{value}` for `{field}`: expected {expected}")]
    Value { field: &'static str, value: String, expected: &'static str },
    #[error("`{0}` cannot be the name of an output: expected the name of a file, without folders")]
    OutputName(String),
    #[error("two outputs are named `{0}`")]
    SameOutput(String),
    #[error("the name of a job has at most 200 characters, and no control characters")]
    Name,
    #[error(transparent)]
    Files(#[from] BadFiles),
    #[error("this service takes no paths of its own machine")]
    NoRoots,
    #[error("`{path}` is not below one of the folders that the service may read")]
    OutsideRoots { path: String },
    #[error("there is nothing at `{path}` on the service's machine: {error}")]
    NoSuchPath { path: String, error: std::io::Error },
    #[error("a job by path needs at least one absolute path, got {0}")]
    NotAbsolute(String),
}

/// What decides the bytes of a job's outputs, and their forms.
pub struct Work {
    pub spec: JobSpec,
    /// Their paths are the names that the caller wants: nothing is written there.
    pub outputs: Vec<Output>,
}

impl Work {
    /// Checks the options of a job.
    ///
    /// # Errors
    /// The first that cannot be used, in the words of `sheaf run`.
    pub fn of(options: &JobOptions) -> Result<Self, BadWish> {
        check_names(&options.outputs)?;

        let recipe = recipe(options)?;
        let limits = limits(options)?;
        let args = output_args(options)?;
        let wanted = config::Wanted {
            recipe,
            source_column: options.source_column.clone(),
            encoding: config::encoding(&options.encoding),
            per_file: false,
            limits,
        };

        let (spec, outputs) = wanted.resolve(&args)?;
        Ok(Work { spec, outputs })
    }
}

/// The record of a new job. Its files are in `listed` if they were uploaded.
pub fn record(id: JobId, wish: &NewJob, listed: Option<&Listed>) -> Record {
    let (files, bytes) =
        listed.map_or((0, 0), |listed| (listed.sources.len() as u64, listed.sources.total_bytes()));
    let paths = match &wish.inputs {
        Inputs::Paths(paths) => Some(paths.clone()),
        Inputs::Files(_) => None,
    };

    Record {
        version: VERSION,
        id,
        name: wish.name.clone(),
        priority: wish.priority,
        max_failures: wish.max_failures,
        options: wish.options.clone(),
        paths,
        files,
        bytes,
        state: State::Queued,
        reason: None,
        hint: None,
        cancel_reason: None,
        created: now_ms(),
        started: None,
        finished: None,
        progress: Progress { files_total: files, bytes_total: bytes, ..Progress::default() },
        outputs: Vec::new(),
        notes: Vec::new(),
        retries: 0,
        retrying: None,
    }
}

/// Checks the name of a job.
pub fn check_name(name: Option<&str>) -> Result<(), BadWish> {
    let is_fit =
        |name: &str| name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control);
    if name.is_none_or(is_fit) { Ok(()) } else { Err(BadWish::Name) }
}

/// Checks that paths are absolute, exist, and are below the roots.
///
/// # Errors
/// The first path that is not, or a glob that cannot be read.
pub fn check_paths(paths: &InputPaths, roots: &[PathBuf]) -> Result<(), BadWish> {
    if roots.is_empty() {
        return Err(BadWish::NoRoots);
    }
    if paths.paths.is_empty() {
        return Err(BadWish::NotAbsolute("none".into()));
    }

    Filter::new(&paths.include, &paths.exclude).map_err(UsageError::from)?;

    for path in &paths.paths {
        if !Path::new(path).is_absolute() || path.contains('\0') {
            return Err(BadWish::NotAbsolute(format!("`{path}`")));
        }

        let path = path.clone();
        match Path::new(&path).canonicalize() {
            Ok(real) if roots.iter().any(|root| real.starts_with(root)) => {}
            Ok(_) => return Err(BadWish::OutsideRoots { path }),
            // Whether something is there is said only of places that may be read.
            Err(error) if roots.iter().any(|root| Path::new(&path).starts_with(root)) => {
                return Err(BadWish::NoSuchPath { path, error });
            }
            Err(_) => return Err(BadWish::OutsideRoots { path }),
        }
    }

    Ok(())
}

fn check_names(names: &[String]) -> Result<(), BadWish> {
    let mut seen = HashSet::new();
    for name in names {
        let is_name = !name.is_empty()
            && name.len() <= LONGEST_OUTPUT
            && !name.starts_with('-')
            && !matches!(name.as_str(), "." | "..")
            && !name.chars().any(|c| c == '/' || c.is_control());
        if !is_name {
            return Err(BadWish::OutputName(name.clone()));
        }
        if !seen.insert(name) {
            return Err(BadWish::SameOutput(name.clone()));
        }
    }

    if names.is_empty() { Err(BadWish::OutputName(String::new())) } else { Ok(()) }
}

fn recipe(options: &JobOptions) -> Result<Recipe, BadWish> {
    let column = |column: &crate::api::ColumnOption| {
        let value = column.value.parse().map_err(|source| {
            UsageError::Recipe(RecipeError::Column { name: column.name.clone(), source })
        })?;
        Ok::<_, UsageError>(Column { name: column.name.clone(), value })
    };

    let columns = options.columns.iter().map(column).collect::<Result<_, _>>()?;
    let recipe = Recipe { record: options.record.clone(), columns };
    recipe.check(options.source_column.as_deref()).map_err(UsageError::Recipe)?;
    Ok(recipe)
}

fn limits(options: &JobOptions) -> Result<Limits, BadWish> {
    let limits = config::limits(&options.time_limit, &options.memory_limit, options.retries)?;
    Ok(limits)
}

fn output_args(options: &JobOptions) -> Result<OutputArgs, BadWish> {
    let csv = &options.csv;
    let newline = csv.newline.as_deref();
    let formulas = csv.formulas.as_deref();

    Ok(OutputArgs {
        outputs: options.outputs.iter().map(PathBuf::from).collect(),
        long_cells: one_of::<LongCellsArg>(
            "long_cells",
            &options.long_cells,
            "`overflow`, `truncate` or `fail`",
        )?,
        csv: CsvArgs {
            csv_bom: csv.bom,
            csv_delimiter: csv.delimiter.clone(),
            csv_newline: newline
                .map(|typed| one_of::<NewlineArg>("newline", typed, "`lf` or `crlf`"))
                .transpose()?,
            csv_formulas: formulas
                .map(|typed| one_of::<FormulasArg>("formulas", typed, "`keep` or `escape`"))
                .transpose()?,
        },
        sheet_name: options.sheet_name.clone(),
        compression: one_of::<CompressionArg>(
            "compression",
            &options.compression,
            "`fast`, `balanced` or `small`",
        )?,
    })
}

fn one_of<T: ValueEnum>(
    field: &'static str,
    typed: &str,
    expected: &'static str,
) -> Result<T, BadWish> {
    let wrong = |_| BadWish::Value { field, value: typed.into(), expected };
    T::from_str(typed, false).map_err(wrong)
}

impl BadWish {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            BadWish::Usage(error) => error.hint(),
            BadWish::NoRoots => Some(
                "upload the files (without `--by-path`), or start the service with `--root FOLDER`"
                    .into(),
            ),
            BadWish::OutsideRoots { .. } => {
                Some("the service's `--root` options say which folders it may read".into())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(change: impl FnOnce(&mut JobOptions)) -> Result<Work, BadWish> {
        let mut options = JobOptions::default();
        change(&mut options);
        Work::of(&options)
    }

    #[test]
    fn the_defaults_are_those_of_run() {
        let work = work(|_| {}).unwrap();
        assert_eq!(work.spec, JobSpec::default());
        assert_eq!(work.outputs[0].path, Path::new("final.xlsx"));
    }

    #[test]
    fn names_of_outputs_are_never_paths() {
        for name in ["", ".", "..", "../a.csv", "/etc/a.csv", "a/b.csv", "-", "-.csv", "a\n.csv"] {
            let error = work(|options| options.outputs = vec![name.into()]).err().unwrap();
            assert!(matches!(error, BadWish::OutputName(_)), "{name}: {error}");
        }

        let twice = work(|options| options.outputs = vec!["a.csv".into(), "a.csv".into()]);
        assert!(matches!(twice, Err(BadWish::SameOutput(_))));
    }

    #[test]
    fn mistakes_are_told_as_run_tells_them() {
        let said = |change: fn(&mut JobOptions)| work(change).err().unwrap().to_string();

        assert!(said(|options| options.record = "a[".into()).contains("a["));
        assert!(said(|options| options.outputs = vec!["a.pdf".into()]).contains("`.pdf`"));
        assert!(said(|options| options.time_limit = "soon".into()).contains("`--time-limit`"));
        assert!(said(|options| options.long_cells = "cut".into()).contains("`long_cells`"));
        assert!(said(|options| options.columns.clear()).contains("at least one column"));
    }

    #[test]
    fn only_paths_below_roots_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let inside = root.join("in");
        std::fs::create_dir(&inside).unwrap();
        std::os::unix::fs::symlink("/etc", root.join("out")).unwrap();

        let check = |path: &str, roots: &[PathBuf]| {
            let paths = InputPaths { paths: vec![path.into()], ..InputPaths::default() };
            check_paths(&paths, roots)
        };
        let roots = [root.clone()];
        let at = |name: &str| root.join(name).to_str().unwrap().to_owned();

        assert!(check(&at("in"), &roots).is_ok());
        assert!(matches!(check(&at("in"), &[]), Err(BadWish::NoRoots)));
        assert!(matches!(check("in", &roots), Err(BadWish::NotAbsolute(_))));
        assert!(matches!(check(&at("absent"), &roots), Err(BadWish::NoSuchPath { .. })));
        for outside in [at("out"), at("in/../.."), "/etc".into(), "/nowhere/at/all".into()] {
            assert!(matches!(check(&outside, &roots), Err(BadWish::OutsideRoots { .. })));
        }
    }
}
