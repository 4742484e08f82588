//! The settings of `sheaf run`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use sheaf_common::job::JobSpec;

use super::spec::Wanted;
use super::{Output, RedisRun, UsageError, clashes, output, recipe, redis, sheet_name};
use crate::assemble::{followed, unfinished_name};
use crate::cli::RunArgs;
use crate::discover::{Filter, Input};
use crate::reuse::Reuse;

/// The checked settings of a run: arguments and recipe can be used as they are.
#[derive(Debug, Clone)]
pub struct RunConfig {
    /// Everything that decides the bytes of the outputs. Its renderings are those of `outputs`,
    /// without duplicates.
    pub spec: JobSpec,
    /// At least one.
    pub outputs: Vec<Output>,
    /// The folder for one workbook per file.
    pub per_file: Option<PathBuf>,
    /// In order; at least one.
    pub inputs: Vec<Input>,
    pub filter: Filter,
    pub joblog: Option<PathBuf>,
    /// Where to write the summary for programs.
    pub summary: Option<PathBuf>,
    /// Only this many files are read, the first ones.
    pub limit: Option<NonZeroUsize>,
    /// How many files this machine reads at once. `None`: only other machines work.
    pub processes: Option<NonZeroUsize>,
    /// The queue in Redis. `None`: this process does everything.
    pub redis: Option<RedisRun>,
    /// Go on with an interrupted run as far as its inputs are unchanged.
    pub changed: bool,
    /// What is kept for a later run, and reused of an earlier one.
    pub reuse: Reuse,
    /// Start over, even if an interrupted run could go on.
    pub fresh: bool,
    /// Only say what would be read and written.
    pub dry_run: bool,
    pub verbosity: Verbosity,
}

/// How much is written to standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    Normal,
    Verbose,
}

impl Verbosity {
    /// What `--quiet` and `--verbose` ask for.
    pub(super) fn new(quiet: bool, verbose: bool) -> Self {
        match (quiet, verbose) {
            (true, _) => Verbosity::Quiet,
            (false, true) => Verbosity::Verbose,
            (false, false) => Verbosity::Normal,
        }
    }
}

impl RunConfig {
    /// Checks the arguments. `cores` is the default number of processes.
    ///
    /// Reads the recipe file and resolves paths, but writes nothing. [`super::check_places`] checks
    /// that the outputs can be written.
    ///
    /// # Errors
    /// The first argument that cannot be used.
    pub fn resolve(args: &RunArgs, cores: NonZeroUsize) -> Result<Self, UsageError> {
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

        let wanted = Wanted {
            recipe,
            source_column: args.recipe.source_column.clone(),
            encoding: recipe::encoding(&args.recipe.encoding),
            per_file: args.per_file.is_some(),
            limits,
        };
        let spec = wanted.spec(&args.output, &outputs, renderings)?;

        let redis = redis::run(args)?;

        Ok(RunConfig {
            spec,
            outputs,
            per_file: args.per_file.clone(),
            inputs,
            filter,
            joblog: args.joblog.clone(),
            summary: args.summary.clone(),
            limit: args.inputs.limit,
            processes: args.processes.or(if redis.is_some() { None } else { Some(cores) }),
            redis,
            changed: args.changed,
            reuse: Reuse { keep: args.changed, ..Reuse::default() },
            fresh: args.fresh,
            dry_run: args.dry_run,
            verbosity: Verbosity::new(args.quiet, args.verbose),
        })
    }

    /// The paths of all outputs but standard output.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.outputs
            .iter()
            .filter(|output| !output.is_standard_output())
            .map(|output| output.path.as_path())
    }

    /// The folder beside the first output that is a file. It holds journal and segments until the
    /// run is finished. `None` if everything goes to standard output: then no later run can go on.
    pub fn work_folder(&self) -> Option<PathBuf> {
        self.files().next().map(work_folder)
    }

    /// Whether the folder of the run stays at its end, with what a later run can reuse.
    pub fn keeps(&self) -> bool {
        // A temporary folder is gone with the process.
        self.reuse.keep && self.work_folder().is_some()
    }

    /// Everything that a run writes, except for the workbooks of `--per-file`. Discovery leaves
    /// these places out, so that no run reads what an earlier one wrote.
    pub fn own_places(&self) -> Vec<PathBuf> {
        own_places(self.files(), self.joblog.as_deref(), self.summary.as_deref())
    }
}

/// Everything that a run with these outputs writes: what it leaves out as input.
pub(super) fn own_places<'a>(
    outputs: impl Iterator<Item = &'a Path>,
    joblog: Option<&Path>,
    summary: Option<&Path>,
) -> Vec<PathBuf> {
    let mut first = None;
    let mut places: Vec<PathBuf> = Vec::new();
    for path in outputs {
        first = first.or(Some(path));

        // If the output is a link, discovery may meet the link or its target: both are left out.
        let place = followed(path).unwrap_or(path.into());
        places.extend([path.to_path_buf(), unfinished_name(&place)]);
        if place != path {
            places.push(place);
        }
    }

    places.extend(joblog.into_iter().chain(summary).map(Path::to_path_buf));
    places.extend(first.map(work_folder));
    places
}

/// The folder beside an output that holds its journal and segments until its run is finished.
pub fn work_folder(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".sheaf");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;
    use sheaf_common::job::{Compression, CsvStyle, Encoding, LongCells, Newline};
    use std::time::Duration;

    fn resolve(typed: &[&str]) -> Result<RunConfig, UsageError> {
        let Command::Run(args) = Cli::parse_from([&["sheaf", "run"], typed].concat()).command
        else {
            panic!("not run")
        };
        RunConfig::resolve(&args, NonZeroUsize::new(4).unwrap())
    }

    #[test]
    fn the_defaults_are_those_of_the_help() {
        let config = resolve(&["data"]).unwrap();
        assert_eq!(config.outputs[0].path, Path::new("final.xlsx"));
        assert_eq!(config.processes.unwrap().get(), 4);
        assert_eq!(config.spec.limits.time, Duration::from_secs(60));
        assert_eq!((config.spec.limits.memory, config.spec.limits.retries), (2 << 30, 2));
        assert_eq!(
            (config.spec.encoding, config.spec.sheet_name.as_str()),
            (Encoding::Auto, "rows")
        );
        assert_eq!(
            (config.spec.long_cells, config.spec.compression),
            (LongCells::Overflow, Compression::Balanced)
        );
        assert_eq!(config.verbosity, Verbosity::Normal);
        assert!(!config.fresh && !config.dry_run && !config.spec.per_file);
    }

    #[test]
    fn what_is_typed_is_what_is_set() {
        let config = resolve(&[
            "a",
            "-",
            "-o",
            "x.csv",
            "-o",
            "y.jsonl.zst",
            "--per-file",
            "each",
            "-p",
            "7",
            "--time-limit",
            "2m",
            "--retries",
            "0",
            "--encoding",
            "euc-kr",
            "--source-column=file",
            "--sheet-name",
            "지미",
            "--joblog",
            "log.tsv",
            "-q",
        ])
        .unwrap();
        assert_eq!(config.inputs, [Input::Path("a".into()), Input::Stdin]);
        assert_eq!(config.spec.columns().last(), Some("file"));
        assert_eq!(config.spec.encoding, Encoding::Named("euc-kr".into()));
        assert_eq!((config.processes.unwrap().get(), config.spec.limits.retries), (7, 0));
        assert!(config.spec.per_file && config.verbosity == Verbosity::Quiet);
        assert_eq!(config.work_folder().unwrap(), Path::new("x.csv.sheaf"));
        let outputs = ["x.csv", ".x.csv.unfinished", "y.jsonl.zst", ".y.jsonl.zst.unfinished"]
            .map(PathBuf::from);
        let others = ["log.tsv", "x.csv.sheaf"].map(PathBuf::from);
        assert_eq!(config.own_places(), [&outputs[..], &others].concat());
    }

    #[test]
    fn csv_is_written_as_asked() {
        let style = |typed: &[&str]| {
            resolve(&[&["a", "-o", "b.csv.gz", "-o", "c.xlsx"], typed].concat()).unwrap().spec.csv
        };

        assert_eq!(style(&[]), CsvStyle::default());
        assert_eq!(style(&["--csv-formulas", "keep"]), CsvStyle::default());
        let typed = [
            "--csv-bom",
            "--csv-delimiter",
            ";",
            "--csv-newline",
            "lf",
            "--csv-formulas",
            "escape",
        ];
        let expected = CsvStyle {
            bom: true,
            delimiter: ';',
            newline: Some(Newline::Lf),
            escape_formulas: true,
        };

        assert_eq!(style(&typed), expected);
        assert!(
            resolve(&["a", "-o", "-.tsv", "--csv-bom", "--csv-newline", "crlf"])
                .unwrap()
                .spec
                .csv
                .bom
        );
    }

    #[test]
    fn standard_output_has_no_place() {
        let config = resolve(&["a", "-o", "-.csv"]).unwrap();
        assert_eq!((config.work_folder(), config.own_places()), (None, vec![]));
        let config = resolve(&["a", "-o", "-", "-o", "x.csv"]).unwrap();
        assert_eq!(config.work_folder().unwrap(), Path::new("x.csv.sheaf"));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let long = format!("{}=::text", "n".repeat(32_768));
        let cases: [(&[&str], &str); 18] = [
            (&["a", "--csv-bom"], "`--csv-bom` needs a CSV output"),
            (&["a", "-o", "b.jsonl", "--csv-newline", "lf"], "`--csv-newline` needs a CSV output"),
            (&["a", "-o", "b.tsv", "--csv-delimiter", ";"], "`--csv-delimiter` needs a CSV output"),
            (
                &["a", "-o", "b.xlsx", "--csv-formulas", "keep"],
                "`--csv-formulas` needs a CSV output",
            ),
            (
                &["a", "-o", "b.csv", "--csv-delimiter", ";;"],
                "for `--csv-delimiter`: expected one character",
            ),
            (&["a", "-o", "-", "-o", "-.csv"], "two outputs are `standard output`"),
            (
                &["a", "--column", &long],
                "takes 32,768 characters, a cell of a workbook holds 32,767",
            ),
            (
                &["a", "-o", "b.csv", "--per-file", "c", "--column", &long],
                "takes 32,768 characters",
            ),
            (&["a", "--time-limit", "soon"], "for `--time-limit`: expected a time"),
            (&["a", "--memory-limit", "much"], "for `--memory-limit`: expected a size"),
            (&["a", "-o", "b.pdf"], "there is no format `.pdf`"),
            (&["a", "-o", "b.csv", "-o", "./b.csv"], "two outputs are `./b.csv`"),
            (&["a", "--sheet-name", "History"], "a sheet cannot be named `History`"),
            (&["a", "--column", "price"], "expected `NAME=EXPRESSION`, got `price`"),
            (&["a", "b.csv", "-o", "b.csv"], "`b.csv` is both an input and an output"),
            (
                &["a", "-o", "b.csv", "--joblog", "b.csv"],
                "the job log and an output are both `b.csv`",
            ),
            (&["a", "log", "--joblog", "./log"], "`./log` is both an input and the job log"),
            (&["-", "a", "-"], "standard input (`-`) is given twice"),
        ];
        for (typed, expected) in cases {
            let error = resolve(typed).unwrap_err().to_string();
            assert!(error.contains(expected), "{typed:.100?}: {error}");
        }

        assert!(resolve(&["a", "-o", "b.csv", "--column", &long]).is_ok(), "CSV holds any name");
    }
}
