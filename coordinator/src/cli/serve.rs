//! `sheaf serve`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use clap::builder::FalseyValueParser;
use sheaf_common::units::at_least_one;

use super::{RedisArgs, help};

#[derive(Debug, Clone, Args)]
#[command(after_help = help::SERVE, after_long_help = help::SERVE)]
pub struct ServeArgs {
    /// Where to listen for clients, and for browsers: its page shows all jobs
    ///
    /// Only this machine reaches a loopback address. Any other needs --token-file, and TLS:
    /// --https-cert and --https-key, or --https-in-front.
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        env = "SHEAF_LISTEN",
        default_value = "127.0.0.1:7878"
    )]
    pub listen: String,

    /// The folder for jobs, uploaded files and outputs [default: sheaf below $STATE_DIRECTORY (of
    /// systemd), $XDG_STATE_HOME or ~/.local/state]
    #[arg(long, value_name = "DIR", env = "SHEAF_DATA")]
    pub data: Option<PathBuf>,

    /// How many processes of this machine read files at once [default: the number of cores; with
    /// --redis none]
    #[arg(
        short,
        long,
        value_name = "N", value_parser = at_least_one, allow_negative_numbers = true,
        visible_short_alias = 'j',
        visible_alias = "jobs",
        env = "SHEAF_PROCESSES"
    )]
    pub processes: Option<NonZeroUsize>,

    /// A folder below which jobs may name files by their path (`sheaf submit --by-path`);
    /// repeatable [default: none]
    ///
    /// Symbolic links are followed first: what counts is where a file really is. Several may also
    /// be given as `DIR:DIR`.
    #[arg(long = "root", value_name = "DIR", env = "SHEAF_ROOTS", value_delimiter = ':')]
    pub roots: Vec<PathBuf>,

    /// The tokens of those who may use the service, one a line: `full TOKEN` for everything, `read
    /// TOKEN` for looking only
    ///
    /// A token has 16 characters or more. Lines that begin with `#` are comments. Nobody but owner
    /// and group may read the file (`chmod o=`).
    #[arg(long, value_name = "FILE", env = "SHEAF_TOKEN_FILE", help_heading = "Access")]
    pub token_file: Option<PathBuf>,

    /// The certificate (PEM) to show clients, and those that it is signed with
    #[arg(
        long,
        value_name = "FILE",
        env = "SHEAF_HTTPS_CERT",
        requires = "https_key",
        help_heading = "Access"
    )]
    pub https_cert: Option<PathBuf>,

    /// The key (PEM) of that certificate
    #[arg(
        long,
        value_name = "FILE",
        env = "SHEAF_HTTPS_KEY",
        requires = "https_cert",
        help_heading = "Access"
    )]
    pub https_key: Option<PathBuf>,

    /// Something in front of the service does TLS, and passes `Host` on; or only trusted machines
    /// reach it
    #[arg(
        long,
        env = "SHEAF_HTTPS_IN_FRONT",
        value_parser = FalseyValueParser::new(),
        conflicts_with = "https_cert",
        help_heading = "Access"
    )]
    pub https_in_front: bool,

    /// How long finished jobs, their outputs and uploaded files stay: `12h`, `7d`, `2w`, or
    /// `forever`
    #[arg(
        long,
        value_name = "TIME",
        env = "SHEAF_KEEP",
        default_value = "7d",
        help_heading = "Limits"
    )]
    pub keep: String,

    /// How much of the data folder's disk must stay free: when less is, no jobs and files are taken
    #[arg(
        long,
        value_name = "SIZE",
        env = "SHEAF_RESERVE",
        default_value = "1GiB",
        help_heading = "Limits"
    )]
    pub reserve: String,

    /// The largest file that may be uploaded
    #[arg(
        long,
        value_name = "SIZE",
        env = "SHEAF_LARGEST_FILE",
        default_value = "4GiB",
        help_heading = "Limits"
    )]
    pub largest_file: String,

    #[command(flatten)]
    pub redis: RedisArgs,

    /// Log only problems and errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Log more
    #[arg(short, long, env = "SHEAF_VERBOSE", value_parser = FalseyValueParser::new())]
    pub verbose: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use crate::cli::Cli;

    #[test]
    fn every_variable_is_listed_in_serve_env() {
        let file = include_str!("../../../deploy/hosts/serve.env");
        let command = Cli::command();
        let serve = command.find_subcommand("serve").unwrap();
        for name in serve.get_arguments().filter_map(|arg| arg.get_env()?.to_str()) {
            assert!(file.lines().any(|line| line.starts_with(&format!("#{name}="))), "{name}");
        }
    }
}
