//! The service of the commands about its jobs.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "The service")]
pub struct ServiceArgs {
    /// Where `sheaf serve` listens
    ///
    /// If it asks for a token, the token belongs in the variable SHEAF_TOKEN, or in a file that the
    /// variable SHEAF_TOKEN_FILE names. There is no option for it, as everybody on a machine sees
    /// the options of a process.
    #[arg(long, value_name = "URL", env = "SHEAF_SERVER", default_value = "http://127.0.0.1:7878")]
    pub server: String,

    /// The authorities to trust with an https URL, a PEM file [default: those of the system]
    #[arg(long, value_name = "FILE", env = "SHEAF_CA")]
    pub ca: Option<PathBuf>,
}
