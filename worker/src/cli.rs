//! What can be typed: the arguments as clap reads them, without a check that needs thought (that is
//! [`crate::service::Config`]).

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  sheaf-worker --redis redis://host
      Work on what `sheaf run … --redis redis://host` asks for, with a process for each core
  sheaf-worker --redis rediss://host --tls-ca ca.pem -p 8 --queue nightly --queue default
      8 processes, shared by two queues, over TLS
  sheaf-worker --redis redis://host --root /mnt/data
      Also open files of `sheaf run --by-path`, if they lie below /mnt/data

SIGTERM and Ctrl-C let it finish what it holds (see --grace); a second one stops it at once.

Exit codes:
  0  stopped when it was told to
  1  `sheaf-worker health`: it does not work
  2  the arguments cannot be used
  3  it could not run: the server refuses it, or cannot be used";

/// Work on the tasks of `sheaf run --redis`.
#[derive(Debug, Parser)]
#[command(name = "sheaf-worker", version, about, after_help = EXAMPLES, max_term_width = 100)]
#[command(disable_help_subcommand = true, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub work: WorkArgs,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say whether the worker on this machine works: exit code 0 if it heard from Redis lately
    Health(HealthArgs),
}

#[derive(Debug, Clone, Args)]
pub struct HealthArgs {
    /// Where the worker notes that it works [default: a place of this user]
    #[arg(long, value_name = "FILE", env = "SHEAF_HEALTH_FILE")]
    pub health_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub struct WorkArgs {
    /// The Redis that the tasks come from
    ///
    /// `redis://HOST`, `rediss://HOST` (TLS) or `redis+unix:///PATH`, with `USER:PASSWORD@` before the host if need be. A
    /// password is better kept in SHEAF_REDIS_PASSWORD: other users of this machine can see what is typed.
    #[arg(long, value_name = "URL", env = "SHEAF_REDIS", hide_env_values = true)]
    pub redis: Option<String>,

    /// The user to log in as; goes before the one in the URL
    #[arg(long, value_name = "USER", env = "SHEAF_REDIS_USER")]
    pub redis_user: Option<String>,

    /// The password to log in with; goes before the one in the URL
    #[arg(long, value_name = "PASSWORD", env = "SHEAF_REDIS_PASSWORD", hide = true, hide_env_values = true)]
    pub redis_password: Option<String>,

    /// A queue to work on; repeatable, all share the processes and are asked in turn
    #[arg(long = "queue", value_name = "NAME", env = "SHEAF_QUEUE", value_delimiter = ',', default_value = "default")]
    pub queues: Vec<String>,

    /// Certificates (PEM) of the authority to trust, instead of the system's
    #[arg(long, value_name = "FILE", env = "SHEAF_TLS_CA")]
    pub tls_ca: Option<PathBuf>,

    /// The certificate (PEM) to show the server
    #[arg(long, value_name = "FILE", env = "SHEAF_TLS_CERT", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The key of that certificate
    #[arg(long, value_name = "FILE", env = "SHEAF_TLS_KEY", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// How many processes read files at once [default: the number of cores]
    #[arg(short, long, value_name = "N", env = "SHEAF_PROCESSES")]
    pub processes: Option<NonZeroUsize>,

    /// A folder below which files may be opened by their path (`sheaf run --by-path`); repeatable [default: none]
    ///
    /// Symbolic links are followed first: what counts is where a file really is.
    #[arg(long = "root", value_name = "DIR")]
    pub roots: Vec<PathBuf>,

    /// How long it may finish what it holds after it is told to stop; the rest is handed back
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub grace: String,

    /// How long the hold on a task lasts if nothing is heard of this worker; the same for all workers of a queue
    #[arg(long, value_name = "TIME", env = "SHEAF_LEASE", default_value = "30s")]
    pub lease: String,

    /// Where to note that it works, for `sheaf-worker health` [default: a place of this user]
    #[arg(long, value_name = "FILE", env = "SHEAF_HEALTH_FILE")]
    pub health_file: Option<PathBuf>,

    /// How logs are written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// Say more
    #[arg(short, long)]
    pub verbose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn clap_finds_no_contradiction() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_documents_every_exit_code_and_shows_no_password() {
        let help = Cli::command().render_long_help().to_string();
        for code in 0..=3 {
            assert!(help.contains(&format!("\n  {code}  ")), "exit code {code} in:\n{help}");
        }
        assert!(!help.contains("redis-password"));
    }

    #[test]
    fn queues_and_roots_repeat() {
        let cli = Cli::parse_from(["sheaf-worker", "--redis", "r", "--queue", "a", "--queue", "b", "--root", "/x"]);
        assert_eq!((cli.work.queues.as_slice(), cli.work.roots.len()), (&["a".to_owned(), "b".into()][..], 1));
        let health = Cli::parse_from(["sheaf-worker", "health", "--health-file", "/x"]);
        assert!(matches!(health.command, Some(Command::Health(_))));
    }
}
