//! The settings of `sheaf submit`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use sheaf_common::job::{Encoding, JobSpec};

use super::run::own_places;
use super::spec::Wanted;
use super::{Output, UsageError, clashes, output, recipe, sheet_name};
use crate::api::{ColumnOption, CsvOptions, InputPaths, JobOptions};
use crate::cli::{CompressionArg, FormulasArg, LongCellsArg, NewlineArg, SubmitArgs};
use crate::client::submit::Described;
use crate::discover::{Filter, Input};

/// The checked settings of a submission.
#[derive(Debug, Clone)]
pub struct SubmitConfig {
    pub job: Described,
    /// In order; at least one. Those of the job have the same order.
    pub outputs: Vec<Output>,
    pub inputs: Vec<Input>,
    pub filter: Filter,
    /// Only this many files are read, the first ones.
    pub limit: Option<NonZeroUsize>,
    /// What reading one file may take, in bytes.
    pub memory: u64,
    pub by_path: bool,
    pub wait: bool,
    pub joblog: Option<PathBuf>,
    pub summary: Option<PathBuf>,
    pub quiet: bool,
}

impl SubmitConfig {
    /// Checks the arguments as `sheaf run` does. Reads the recipe file, but writes and sends
    /// nothing.
    ///
    /// # Errors
    /// The first argument that cannot be used.
    pub fn resolve(args: &SubmitArgs) -> Result<Self, UsageError> {
        let recipe = recipe::resolve(&args.recipe)?;
        let limits =
            recipe::limits(&args.limits.time_limit, &args.limits.memory_limit, args.retries)?;
        let (outputs, renderings) = output::resolve(&args.output.outputs)?;
        sheet_name::check(&args.output.sheet_name)?;

        let typed = &args.inputs;
        let filter = Filter::new(&typed.include, &typed.exclude)?.with_hidden(typed.hidden);
        let inputs = clashes::inputs(&typed.inputs, &outputs)?;
        clashes::check_joblog(args.joblog.as_deref(), &outputs, &inputs)?;
        clashes::check_summary(args.summary.as_deref(), args.joblog.as_deref(), &outputs)?;

        let names = names(&outputs, args.wait)?;
        let wanted = Wanted {
            recipe,
            source_column: args.recipe.source_column.clone(),
            encoding: recipe::encoding(&args.recipe.encoding),
            per_file: false,
            limits,
        };
        let spec = wanted.spec(&args.output, &outputs, renderings)?;

        Ok(SubmitConfig {
            job: Described {
                id: args.id.clone(),
                name: args.name.clone(),
                priority: args.priority,
                max_failures: args.max_failures,
                options: options_of(args, &spec, names),
            },
            outputs,
            inputs,
            filter,
            limit: typed.limit,
            memory: spec.limits.memory,
            by_path: args.by_path,
            wait: args.wait,
            joblog: args.joblog.clone(),
            summary: args.summary.clone(),
            quiet: args.quiet,
        })
    }

    /// The paths of all outputs but standard output.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let files = self.outputs.iter().filter(|output| !output.is_standard_output());
        files.map(|output| output.path.as_path())
    }

    /// The files that are left out of the inputs: those that `sheaf run` would write.
    pub fn own_places(&self) -> Vec<PathBuf> {
        own_places(self.files(), self.joblog.as_deref(), self.summary.as_deref())
    }

    /// The inputs as paths of the service's machine. `listed`: the list on standard input.
    ///
    /// # Errors
    /// A path is not UTF-8.
    pub fn paths(&self, args: &SubmitArgs, listed: &[PathBuf]) -> Result<InputPaths, UsageError> {
        let mut paths = Vec::new();
        for input in &self.inputs {
            match input {
                Input::Path(path) => paths.push(absolute(path)?),
                Input::Stdin => {
                    for path in listed {
                        paths.push(absolute(path)?);
                    }
                }
            }
        }

        Ok(InputPaths {
            paths,
            include: args.inputs.include.clone(),
            exclude: args.inputs.exclude.clone(),
            hidden: args.inputs.hidden,
            limit: self.limit.map(|limit| limit.get() as u64),
        })
    }
}

fn absolute(path: &Path) -> Result<String, UsageError> {
    let whole = std::path::absolute(path).unwrap_or(path.into());
    let text = whole.into_os_string().into_string();
    text.map_err(|_| UsageError::OddPath(output::printed(path)))
}

/// The names of the outputs for the service, which has no paths.
fn names(outputs: &[Output], wait: bool) -> Result<Vec<String>, UsageError> {
    let mut names: Vec<String> = Vec::new();
    for output in outputs {
        let name = if output.is_standard_output() {
            if !wait {
                return Err(UsageError::StandardOutputLater);
            }
            standard_output_name(output)
        } else {
            let name = output.path.file_name().and_then(|name| name.to_str());
            name.ok_or_else(|| UsageError::OddOutputName(output.name()))?.to_string()
        };

        if names.contains(&name) {
            return Err(UsageError::SameOutputName(name));
        }
        names.push(name);
    }

    Ok(names)
}

/// `-` is `stdout.jsonl`, `-.csv` is `stdout.csv`.
fn standard_output_name(output: &Output) -> String {
    let typed = output.path.to_string_lossy();
    match typed.strip_prefix('-') {
        Some(extension) if !extension.is_empty() => format!("stdout{extension}"),
        _ => "stdout.jsonl".into(),
    }
}

/// The options of `sheaf run` as JSON.
pub fn options_of(args: &SubmitArgs, spec: &JobSpec, outputs: Vec<String>) -> JobOptions {
    let columns = spec
        .recipe
        .columns
        .iter()
        .map(|column| ColumnOption { name: column.name.clone(), value: column.value.to_string() });
    let csv = &args.output.csv;

    JobOptions {
        record: spec.recipe.record.clone(),
        columns: columns.collect(),
        source_column: spec.source_column.clone(),
        encoding: match &spec.encoding {
            Encoding::Auto => "auto".into(),
            Encoding::Named(name) => name.clone(),
        },
        outputs,
        sheet_name: spec.sheet_name.clone(),
        long_cells: match args.output.long_cells {
            LongCellsArg::Overflow => "overflow",
            LongCellsArg::Truncate => "truncate",
            LongCellsArg::Fail => "fail",
        }
        .into(),
        compression: match args.output.compression {
            CompressionArg::Fast => "fast",
            CompressionArg::Balanced => "balanced",
            CompressionArg::Small => "small",
        }
        .into(),
        csv: CsvOptions {
            bom: csv.csv_bom,
            delimiter: csv.csv_delimiter.clone(),
            newline: csv.csv_newline.map(|newline| match newline {
                NewlineArg::Lf => "lf".into(),
                NewlineArg::Crlf => "crlf".into(),
            }),
            formulas: csv.csv_formulas.map(|cells| match cells {
                FormulasArg::Keep => "keep".into(),
                FormulasArg::Escape => "escape".into(),
            }),
        },
        time_limit: args.limits.time_limit.clone(),
        memory_limit: args.limits.memory_limit.clone(),
        retries: args.retries,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    fn typed(words: &[&str]) -> Box<SubmitArgs> {
        match Cli::parse_from([&["sheaf", "submit"], words].concat()).command {
            Command::Submit(args) => args,
            _ => panic!("not submit"),
        }
    }

    fn resolve(words: &[&str]) -> Result<SubmitConfig, UsageError> {
        SubmitConfig::resolve(&typed(words))
    }

    #[test]
    fn the_defaults_are_those_of_the_interface() {
        assert_eq!(resolve(&["data"]).unwrap().job.options, JobOptions::default());
    }

    #[test]
    fn options_go_as_they_were_typed() {
        let config = resolve(&[
            "data",
            "-o",
            "some/where/rows.csv.gz",
            "--record",
            "p",
            "--column",
            "a=b c::attr(x)",
            "--csv-formulas",
            "escape",
            "--compression",
            "small",
            "--time-limit",
            "2m",
            "--max-failures",
            "5%",
        ])
        .unwrap();

        let options = &config.job.options;
        assert_eq!(options.outputs, ["rows.csv.gz"]);
        assert_eq!(options.columns[0].value, "b c::attr(x)");
        assert_eq!(options.csv.formulas.as_deref(), Some("escape"));
        assert_eq!((options.compression.as_str(), options.time_limit.as_str()), ("small", "2m"));
        assert_eq!(config.job.max_failures.unwrap().to_string(), "5%");
    }

    #[test]
    fn outputs_need_names_of_their_own() {
        let refused = |words: &[&str]| resolve(words).unwrap_err().to_string();

        assert!(refused(&["d", "-o", "a/x.csv", "-o", "b/x.csv"]).contains("the name `x.csv`"));
        assert!(refused(&["d", "-o", "-"]).contains("needs `--wait`"));
        let both = ["d", "-o", "-.csv", "-o", "stdout.csv", "--wait"];
        assert!(refused(&both).contains("the name `stdout.csv`"));

        let piped = resolve(&["d", "-o", "-", "-o", "-x/a.csv", "--wait"]).unwrap();
        assert_eq!(piped.job.options.outputs, ["stdout.jsonl", "a.csv"]);
    }

    #[test]
    fn what_run_refuses_is_refused() {
        for words in [
            &["d", "-o", "a.pdf"][..],
            &["d", "--column", "price"],
            &["d", "--record", "a[["],
            &["a.csv", "-o", "a.csv"],
            &["d", "--sheet-name", "History"],
        ] {
            assert!(resolve(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn paths_are_absolute_for_the_service() {
        let args = typed(&["data", "-", "--by-path", "--limit", "3", "--hidden"]);
        let config = SubmitConfig::resolve(&args).unwrap();
        let paths = config.paths(&args, &["/x".into(), "y".into()]).unwrap();

        let here = std::env::current_dir().unwrap().to_str().unwrap().to_string();
        assert_eq!(paths.paths, [format!("{here}/data"), "/x".into(), format!("{here}/y")]);
        assert_eq!((paths.limit, paths.hidden), (Some(3), true));
    }
}
