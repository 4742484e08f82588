//! Where the queue is: the options that `run`, `demo` and `workers` share.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Many machines")]
pub struct RedisArgs {
    /// Work through this Redis, with the `sheaf-worker`s that are connected to it
    ///
    /// `redis://HOST`, `rediss://HOST` (TLS) or `redis+unix:///PATH`, with `USER:PASSWORD@` before the host if need be. A
    /// password is better kept in SHEAF_REDIS_PASSWORD: other users of this machine can see what is typed.
    #[arg(long, value_name = "URL", env = "SHEAF_REDIS", hide_env_values = true)]
    pub redis: Option<String>,

    /// The user to log in as; goes before the one in the URL
    #[arg(long, value_name = "USER", env = "SHEAF_REDIS_USER", requires = "redis")]
    pub redis_user: Option<String>,

    /// The password to log in with; goes before the one in the URL
    #[arg(long, value_name = "PASSWORD", env = "SHEAF_REDIS_PASSWORD", hide = true, hide_env_values = true)]
    pub redis_password: Option<String>,

    /// The queue; its workers must have been given the same name
    #[arg(long, value_name = "NAME", env = "SHEAF_QUEUE", default_value = "default")]
    pub queue: String,

    /// Certificates (PEM) of the authority to trust, instead of the system's
    #[arg(long, value_name = "FILE", env = "SHEAF_TLS_CA")]
    pub tls_ca: Option<PathBuf>,

    /// The certificate (PEM) to show the server
    #[arg(long, value_name = "FILE", env = "SHEAF_TLS_CERT", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The key of that certificate
    #[arg(long, value_name = "FILE", env = "SHEAF_TLS_KEY", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// How long a worker's hold on a task lasts if nothing is heard of it
    #[arg(long, value_name = "TIME", env = "SHEAF_LEASE", default_value = "30s")]
    pub lease: String,
}
