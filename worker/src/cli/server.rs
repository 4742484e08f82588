//! The options for the Redis server, which `sheaf-worker` and `sheaf` share.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use sheaf_common::queue::RedisSettings;

#[derive(Debug, Clone, Args)]
pub struct ServerArgs {
    /// The Redis through which coordinators and workers meet
    ///
    /// `redis://HOST`, `rediss://HOST` (TLS), `redis+sentinel://HOST[,HOST…]/MASTER` or
    /// `redis+unix:///PATH`, with `USER:PASSWORD@` before the host if need be. A password is better
    /// kept in SHEAF_REDIS_PASSWORD: other users of this machine can see what is typed.
    #[arg(long, value_name = "URL", env = "SHEAF_REDIS", hide_env_values = true)]
    pub redis: Option<String>,

    /// A further Redis for the bytes of files, rows and sheets, which takes load off that one;
    /// repeatable: give the same ones in the same order everywhere
    ///
    /// What they lose is sent again, so they need no append-only file. User, password and
    /// certificates are those of `--redis`.
    #[arg(
        long,
        value_name = "URL",
        env = "SHEAF_REDIS_BYTES",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub redis_bytes: Vec<String>,

    /// The user to log in as; overrides the one in the URL
    #[arg(long, value_name = "USER", env = "SHEAF_REDIS_USER")]
    pub redis_user: Option<String>,

    /// The password to log in with; overrides the one in the URL
    #[arg(
        long,
        value_name = "PASSWORD",
        env = "SHEAF_REDIS_PASSWORD",
        hide = true,
        hide_env_values = true
    )]
    pub redis_password: Option<String>,

    /// Certificates (PEM) of the authority to trust, instead of the system's
    #[arg(long, value_name = "FILE", env = "SHEAF_TLS_CA")]
    pub tls_ca: Option<PathBuf>,

    /// The certificate (PEM) to show the server
    #[arg(long, value_name = "FILE", env = "SHEAF_TLS_CERT", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The key of that certificate
    #[arg(long, value_name = "FILE", env = "SHEAF_TLS_KEY", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// How long a silent worker keeps its tasks before others take them; use the same value
    /// everywhere
    #[arg(long, value_name = "TIME", env = "SHEAF_LEASE", default_value = "30s")]
    pub lease: String,
}

impl ServerArgs {
    /// The settings of a queue on the server; `None` if no server is given.
    pub fn settings(&self, queue: &str, lease: Duration) -> Option<RedisSettings> {
        Some(RedisSettings {
            bytes_urls: self.redis_bytes.iter().filter(|url| !url.is_empty()).cloned().collect(),
            username: given(&self.redis_user),
            password: given(&self.redis_password),
            queue: queue.into(),
            lease,
            ca: self.tls_ca.clone(),
            cert: self.tls_cert.clone(),
            key: self.tls_key.clone(),
            ..RedisSettings::new(given(&self.redis)?)
        })
    }
}

/// The value, unless it is empty: compose files turn an unset variable into an empty one.
fn given(typed: &Option<String>) -> Option<String> {
    typed.clone().filter(|text| !text.is_empty())
}
