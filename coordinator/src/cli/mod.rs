//! The arguments as clap reads them. Checks beyond their form are the business of
//! [`crate::config`].

mod csv;
mod demo;
mod help;
mod inputs;
mod others;
mod output;
mod preview;
mod queue;
mod recipe;
mod redis;
mod run;
mod serve;
mod workers;

pub use csv::{CsvArgs, FormulasArg, NewlineArg};
pub use demo::DemoArgs;
pub use inputs::InputArgs;
pub use others::{CompletionsArgs, ManArgs, StatusArgs};
pub use output::{CompressionArg, LongCellsArg, OutputArgs};
pub use preview::{PreviewArgs, ViewArg};
pub use queue::{PurgeArgs, QueueArgs, QueueCommand};
pub use recipe::{LimitArgs, RecipeArgs};
pub use redis::RedisArgs;
pub use run::{PackArg, RunArgs};
pub use serve::ServeArgs;
pub use workers::WorkersArgs;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use sheaf_worker::cli::without_empty_variables;

/// Turn a pile of files into one sheet.
#[derive(Debug, Parser)]
#[command(name = "sheaf", version = sheaf_common::VERSION, about, after_help = help::SHEAF, propagate_version = false)]
#[command(arg_required_else_help = true, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Reads the arguments of this process. If they cannot be used, clap says why and exits.
    pub fn of_this_process() -> Self {
        let matches = without_empty_variables(Cli::command()).get_matches();
        Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read files, extract their records, write them all to one sheet
    Run(Box<RunArgs>),
    /// Take jobs over HTTP and run them, until it is stopped
    Serve(Box<ServeArgs>),
    /// Show the first rows of a file as a table, to try out selectors
    Preview(PreviewArgs),
    /// Watch the pool of processes at work: some named tasks that only sleep
    Demo(DemoArgs),
    /// Show the workers that are connected to Redis
    Workers(WorkersArgs),
    /// Show the jobs that are in Redis, or remove some
    Queue(QueueArgs),
    /// Show how far the run of an output is, from another terminal
    Status(StatusArgs),
    /// Print what a shell needs to complete commands and options: `sheaf completions bash >…`
    Completions(CompletionsArgs),
    /// Write the manual pages into a folder
    #[command(hide = true)]
    Man(ManArgs),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_finds_no_contradiction() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_of_run_documents_every_exit_code() {
        let help =
            Cli::command().find_subcommand_mut("run").unwrap().render_long_help().to_string();
        for code in 0..=4 {
            assert!(help.contains(&format!("\n  {code}  ")), "exit code {code} in:\n{help}");
        }
        for (extension, _) in sheaf_format::extensions() {
            assert!(help.contains(&extension), "{extension}");
        }
    }

    #[test]
    fn what_clap_refuses_exits_with_2() {
        let cases: [&[&str]; 8] = [
            &["run"],
            &["run", "data", "-o", "a.csv", "--csv-newline", "cr"],
            &["run", "data", "-o", "a.csv", "--csv-formulas", "no"],
            &["run", "data", "--recipe", "a.toml", "--record", "p"],
            &["run", "data", "-p", "0"],
            &["run", "data", "--quiet", "--verbose"],
            &["run", "data", "--long-cells", "cut"],
            &["preview"],
        ];
        for case in cases {
            let error = Cli::try_parse_from([&["sheaf"], case].concat()).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{case:?}");
        }
    }

    #[test]
    fn the_source_column_does_not_swallow_an_input() {
        let Command::Run(args) =
            Cli::parse_from(["sheaf", "run", "--source-column", "data"]).command
        else {
            panic!()
        };
        assert_eq!(args.recipe.source_column.as_deref(), Some("source"));
        assert_eq!(args.inputs.inputs, [std::path::PathBuf::from("data")]);
    }
}
