//! The settings of `sheaf serve`.

mod listen;

use std::error::Error;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sheaf_common::queue::RedisConfig;
use sheaf_common::units::A_TIME;

use super::{UsageError, Verbosity, redis, units};
use crate::cli::ServeArgs;
use crate::service::http::auth::Tokens;
use crate::service::http::guard::{Guard, Scheme};
use crate::service::http::tls::Tls;

/// The settings of the service.
pub struct ServeConfig {
    /// The addresses of the name that was given: the first that can be used is meant.
    pub listen: Vec<SocketAddr>,
    /// The data folder; it may not be there yet.
    pub data: PathBuf,
    /// The queue in Redis. `None`: this process does everything.
    pub redis: Option<RedisConfig>,
    /// How many files this machine reads at once. `None`: only other machines work.
    pub processes: Option<NonZeroUsize>,
    /// The real paths of the folders below which jobs may name files.
    pub roots: Vec<PathBuf>,
    /// `None`: everybody who reaches the service may do everything.
    pub tokens: Option<Tokens>,
    pub tls: Option<Tls>,
    /// Whether something in front does TLS.
    pub https_in_front: bool,
    /// How long finished jobs stay. `None`: for ever.
    pub keep: Option<Duration>,
    /// How many bytes of the disk must stay free.
    pub reserve: u64,
    /// The largest content that may be uploaded.
    pub largest_file: u64,
    pub verbosity: Verbosity,
}

impl ServeConfig {
    /// Checks the arguments. `cores` is the default number of processes.
    ///
    /// Reads the token file, the certificate and the key, looks names up and resolves paths, but
    /// writes nothing.
    ///
    /// # Errors
    /// The first argument that cannot be used; an address other than loopback without tokens or
    /// TLS.
    pub fn resolve(args: &ServeArgs, cores: NonZeroUsize) -> Result<Self, UsageError> {
        let listen = listen::resolve(&args.listen)?;
        listen::check_reach(&listen, args)?;
        let tokens = args.token_file.as_deref().map(tokens).transpose()?;
        let tls = match (&args.https_cert, &args.https_key) {
            (Some(cert), Some(key)) => Some(tls(cert, key)?),
            _ => None,
        };

        let data = args.data.clone().filter(|folder| !folder.as_os_str().is_empty());
        let data = match data.or_else(|| data_folder(&|name| std::env::var_os(name))) {
            Some(folder) => folder,
            None => {
                return Err(UsageError::Setup {
                    reason: "there is no home folder for the data of the service".into(),
                    hint: Some("say where: `--data DIR`".into()),
                });
            }
        };

        let redis = redis::server(&args.redis)?;
        Ok(ServeConfig {
            listen,
            data,
            processes: args.processes.or(if redis.is_some() { None } else { Some(cores) }),
            redis,
            roots: args.roots.iter().map(|path| root(path)).collect::<Result<_, _>>()?,
            tokens,
            tls,
            https_in_front: args.https_in_front,
            keep: keep(&args.keep)?,
            reserve: units::bytes("--reserve", &args.reserve)?,
            largest_file: units::bytes("--largest-file", &args.largest_file)?,
            verbosity: Verbosity::new(args.quiet, args.verbose),
        })
    }

    /// What requests of browsers are held against.
    pub fn guard(&self) -> Guard {
        let scheme = match (&self.tls, self.https_in_front) {
            (Some(_), _) => Scheme::Https,
            (None, true) => Scheme::Either,
            (None, false) => Scheme::Http,
        };
        Guard { scheme, loopback_only: self.tokens.is_none() }
    }
}

/// Where the data goes if nobody says it; `None` without a home folder.
fn data_folder(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    // What is not absolute counts as unset, as the specification of these folders says.
    let folder = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());

    // Systemd lists all folders of a unit; the first is for this.
    let state = variable("STATE_DIRECTORY");
    let state = state.as_deref().and_then(|all| std::env::split_paths(all).next());
    if let Some(state) = state.filter(|path| path.is_absolute()) {
        return Some(state);
    }

    let home = || Some(folder("HOME")?.join(".local/state"));
    Some(folder("XDG_STATE_HOME").or_else(home)?.join("sheaf"))
}

/// The real path of a folder given as `--root`.
fn root(path: &Path) -> Result<PathBuf, UsageError> {
    let shown = path.display();
    let real = path.canonicalize().map_err(|error| UsageError::Setup {
        reason: format!("could not find the root `{shown}`: {error}"),
        hint: None,
    })?;

    if real.is_dir() {
        Ok(real)
    } else {
        Err(units::value("--root", &shown.to_string(), "a folder"))
    }
}

/// Reads `--keep`; `None` for `forever`.
fn keep(typed: &str) -> Result<Option<Duration>, UsageError> {
    if typed == "forever" {
        return Ok(None);
    }

    let keep = units::time("--keep", typed);
    keep.map(Some).map_err(|_| units::value("--keep", typed, &format!("{A_TIME}, or `forever`")))
}

fn tokens(path: &Path) -> Result<Tokens, UsageError> {
    Tokens::read(path)
        .map_err(|error| UsageError::Setup { reason: chain(&error), hint: error.hint() })
}

fn tls(cert: &Path, key: &Path) -> Result<Tls, UsageError> {
    Tls::read(cert, key).map_err(|error| UsageError::Setup {
        reason: chain(&error),
        hint: error.hint().map(String::from),
    })
}

/// An error and its causes in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text.push_str(&format!(": {error}"));
        next = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
