//! The arguments as clap parses them. [`crate::service::Config`] checks their values.

mod server;
mod variables;

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use sheaf_common::units::at_least_one;

pub use server::ServerArgs;
pub use variables::without_empty_variables;

const EXAMPLES: &str = "\
Examples:
  sheaf-worker --redis redis://host
      Work on what `sheaf run … --redis redis://host` asks for, with a process for each core
  sheaf-worker --redis rediss://host --tls-ca ca.pem -p 8 --queue nightly --queue default
      8 processes, shared by two queues, over TLS
  sheaf-worker --redis redis://host --root /mnt/data
      Also open files of `sheaf run --by-path`, if they lie below /mnt/data

SIGTERM, Ctrl-C and SIGHUP let it finish the tasks that it has (see --grace); a
second one, more than a second later, stops it at once. SIGUSR1 has it log how
far it is.

Exit codes:
  0  stopped when it was told to
  1  `sheaf-worker health`: it does not work
  2  the arguments cannot be used
  3  it could not run or go on: the server refuses it or cannot be used, or no
     process can be started";

/// Work on the tasks of `sheaf run --redis`.
#[derive(Debug, Parser)]
#[command(name = "sheaf-worker", version = sheaf_common::VERSION, about, after_help = EXAMPLES, max_term_width = 100)]
#[command(disable_help_subcommand = true, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub work: WorkArgs,
}

impl Cli {
    /// Parses the arguments of this process; exits if they are invalid.
    pub fn of_this_process() -> Self {
        let matches = without_empty_variables(Cli::command()).get_matches();
        Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check whether the worker on this machine works: exit code 0 if it has heard from Redis
    /// lately
    Health(HealthArgs),
}

#[derive(Debug, Clone, Args)]
pub struct HealthArgs {
    /// The file in which the worker notes that it works [default: in a folder of this user]
    #[arg(long, value_name = "FILE", env = "SHEAF_HEALTH_FILE")]
    pub health_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub struct WorkArgs {
    #[command(flatten)]
    pub server: ServerArgs,

    /// A queue to work on; repeatable: the queues share the processes and are served in turn
    #[arg(
        long = "queue",
        value_name = "NAME",
        env = "SHEAF_QUEUE",
        value_delimiter = ',',
        default_value = "default"
    )]
    pub queues: Vec<String>,

    /// How many processes read files at once [default: the number of cores]
    #[arg(
        short,
        long,
        value_name = "N", value_parser = at_least_one, allow_negative_numbers = true,
        visible_short_alias = 'j',
        visible_alias = "jobs",
        env = "SHEAF_PROCESSES"
    )]
    pub processes: Option<NonZeroUsize>,

    /// A folder below which files may be opened by their path (`sheaf run --by-path`); repeatable
    /// [default: none]
    ///
    /// Symbolic links are followed first: what counts is where a file really is. Several may also
    /// be given as `DIR:DIR`.
    #[arg(long = "root", value_name = "DIR", env = "SHEAF_ROOTS", value_delimiter = ':')]
    pub roots: Vec<PathBuf>,

    /// How long it may take to stop: it finishes the tasks that it has, and hands back those that
    /// it cannot finish in time
    ///
    /// `docker stop` waits 10 s by default; if you raise this, raise that, too (`--stop-timeout`,
    /// `stop_grace_period`).
    #[arg(long, value_name = "TIME", env = "SHEAF_GRACE", default_value = "8s")]
    pub grace: String,

    /// The file in which to note that it works, for `sheaf-worker health` [default: in a folder of
    /// this user]
    #[arg(long, value_name = "FILE", env = "SHEAF_HEALTH_FILE")]
    pub health_file: Option<PathBuf>,

    /// Answer `/metrics` (for Prometheus) and `/healthz` over HTTP on this address [default: none]
    ///
    /// `127.0.0.1:9464`, or a port alone for loopback. On another address, everyone who reaches it
    /// may read: figures, kinds of failures and the version are in it, and no name, content or
    /// password.
    #[arg(long, value_name = "ADDRESS", env = "SHEAF_METRICS", value_parser = listen_address)]
    pub metrics: Option<SocketAddr>,

    /// How logs are written
    #[arg(long, value_enum, value_name = "FORMAT", env = "SHEAF_LOG_FORMAT", default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// Say more
    #[arg(short, long, env = "SHEAF_VERBOSE", value_parser = FalseyValueParser::new())]
    pub verbose: bool,
}

/// Parses `ADDRESS:PORT`, or `PORT` for loopback.
fn listen_address(typed: &str) -> Result<SocketAddr, String> {
    let port = typed.trim_start_matches(':').parse();
    let loopback = port.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    loopback
        .or_else(|_| typed.parse())
        .map_err(|_| "expected an address with a port, as `127.0.0.1:9464` or `[::1]:9464`".into())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// One JSON object per line
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_finds_no_contradiction() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_lists_exit_codes_and_hides_the_password() {
        let help = Cli::command().render_long_help().to_string();
        for code in 0..=3 {
            assert!(help.contains(&format!("\n  {code}  ")), "exit code {code} in:\n{help}");
        }
        assert!(!help.contains("redis-password"));
    }

    #[test]
    fn every_option_has_a_variable() {
        let command = Cli::command();
        let without = command
            .get_arguments()
            .filter(|arg| arg.get_long().is_some() && arg.get_env().is_none());
        assert_eq!(without.map(|arg| arg.get_id().as_str()).collect::<Vec<_>>(), [""; 0]);
    }

    #[test]
    fn every_variable_is_listed_in_worker_env() {
        let file = include_str!("../../deploy/hosts/worker.env");
        let command = Cli::command();
        for name in command.get_arguments().filter_map(|arg| arg.get_env()?.to_str()) {
            assert!(file.lines().any(|line| line.starts_with(&format!("#{name}="))), "{name}");
        }
    }

    #[test]
    fn a_port_alone_is_on_loopback() {
        let parsed = |typed: &str| listen_address(typed).map(|address| address.to_string());
        assert_eq!(parsed("9464"), Ok("127.0.0.1:9464".into()));
        assert_eq!(parsed(":9464"), Ok("127.0.0.1:9464".into()));
        assert_eq!(parsed("0.0.0.0:80"), Ok("0.0.0.0:80".into()));
        assert_eq!(parsed("[::1]:0"), Ok("[::1]:0".into()));
        for wrong in ["", "localhost", "1.2.3.4", "70000"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn queues_and_roots_repeat() {
        let cli = Cli::parse_from([
            "sheaf-worker",
            "--redis",
            "r",
            "--queue",
            "a",
            "--queue",
            "b",
            "--root",
            "/x",
        ]);
        assert_eq!(
            (cli.work.queues.as_slice(), cli.work.roots.len()),
            (&["a".to_owned(), "b".into()][..], 1)
        );

        let health = Cli::parse_from(["sheaf-worker", "health", "--health-file", "/x"]);
        assert!(matches!(health.command, Some(Command::Health(_))));
    }
}
