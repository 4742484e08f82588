//! The arguments as clap reads them. Checks beyond their form are the business of
//! [`crate::config`].

mod csv;
mod demo;
mod help;
mod inputs;
mod jobs;
mod others;
mod output;
mod preview;
mod queue;
mod recipe;
mod redis;
mod run;
mod serve;
mod service;
mod submit;
mod workers;

pub use csv::{CsvArgs, FormulasArg, NewlineArg};
pub use demo::DemoArgs;
pub use inputs::InputArgs;
pub use jobs::{
    CancelArgs, ExplainArgs, FetchArgs, FormArgs, JobsArgs, LogsArgs, ManyArgs, RetryArgs,
    SelectArgs, SelectOneArgs, SetArgs, WaitArgs, WatchArgs,
};
pub use others::{CompletionsArgs, ManArgs, StatusArgs};
pub use output::{CompressionArg, LongCellsArg, OutputArgs};
pub use preview::{PreviewArgs, ViewArg};
pub use queue::{PurgeArgs, QueueArgs, QueueCommand};
pub use recipe::{LimitArgs, RecipeArgs};
pub use redis::RedisArgs;
pub use run::{PackArg, RunArgs};
pub use serve::ServeArgs;
pub use service::ServiceArgs;
pub use submit::SubmitArgs;
pub use workers::WorkersArgs;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use sheaf_worker::cli::without_empty_variables;

/// Turn a pile of files into one sheet.
#[derive(Debug, Parser)]
#[command(name = "sheaf", version = sheaf_common::VERSION, about, after_help = help::SHEAF, propagate_version = false)]
#[command(arg_required_else_help = true, max_term_width = 100, help_template = help::TEMPLATE)]
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
    /// Show the first rows of a file as a table, to try out selectors
    Preview(PreviewArgs),
    /// Show how far a run or a job is
    Status(StatusArgs),

    /// Take jobs over HTTP and run them, until it is stopped
    Serve(Box<ServeArgs>),
    /// Give a job to a service, and print its id
    Submit(Box<SubmitArgs>),
    /// List the jobs of a service
    Jobs(JobsArgs),
    /// Show a job at work until it is finished
    Watch(WatchArgs),
    /// Wait for jobs; the exit code says how they ended
    Wait(WaitArgs),
    /// Get the outputs of a job
    Fetch(FetchArgs),
    /// Print the job log of a job, or the files that failed
    Logs(LogsArgs),
    /// Say why a job does not run, or not faster
    Explain(ExplainArgs),
    /// End jobs for good
    Cancel(CancelArgs),
    /// Let jobs rest; what is done is kept
    Pause(ManyArgs),
    /// Let jobs go on that rest or have stopped
    Resume(ManyArgs),
    /// Read the failed files of finished jobs again
    Retry(RetryArgs),
    /// Change the name or the priority of jobs
    Set(SetArgs),
    /// Remove finished jobs and their outputs from the service
    Remove(ManyArgs),

    /// Show the workers that are connected to Redis
    Workers(WorkersArgs),
    /// Show the jobs that are in Redis, or remove some
    Queue(QueueArgs),

    /// Watch the pool of processes at work: some named tasks that only sleep
    Demo(DemoArgs),
    /// Print what a shell needs for completion: `sheaf completions bash >…`
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
    fn the_help_names_every_command_once() {
        let help = Cli::command().render_long_help().to_string();
        let (groups, _) = help.split_once("\nOptions:").unwrap();
        for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
            let line = format!("\n  {:11} ", command.get_name());
            assert_eq!(groups.matches(&line).count(), 1, "{} in:\n{help}", command.get_name());
            let about = command.get_about().unwrap().to_string();
            assert!(groups.contains(&about), "{about} in:\n{help}");
        }
    }

    #[test]
    fn waiting_documents_every_exit_code() {
        for name in ["submit", "wait"] {
            let help =
                Cli::command().find_subcommand_mut(name).unwrap().render_long_help().to_string();
            for code in 0..=6 {
                assert!(help.contains(&format!("\n  {code}  ")), "exit code {code} in:\n{help}");
            }
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
