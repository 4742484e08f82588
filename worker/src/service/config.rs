//! Arguments → valid settings.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sheaf_common::queue::RedisConfig;
use sheaf_common::units;

use super::{Exit, Failure};
use crate::cli::WorkArgs;
use crate::run::Paths;

/// The shortest lease. It is extended after each third, which must outlast the hiccups of a busy
/// machine.
const SHORTEST_LEASE: Duration = Duration::from_millis(500);

/// The settings of a worker.
#[derive(Debug, Clone)]
pub struct Config {
    /// At least one, all on one server, each with another queue.
    pub queues: Vec<RedisConfig>,
    pub slots: NonZeroUsize,
    pub paths: Paths,
    /// The longest that stopping may take, from the signal to the end of the process.
    pub grace: Duration,
    pub lease: Duration,
    /// The path as typed; `None` for the default place.
    pub health_file: Option<PathBuf>,
    /// Where figures for Prometheus are served.
    pub metrics: Option<SocketAddr>,
}

impl Config {
    /// Checks the arguments; `cores` is the default for the number of slots.
    ///
    /// # Errors
    /// [`Exit::Usage`]: no server, a missing root, an invalid time, or an error of
    /// [`RedisConfig::resolve`].
    pub fn resolve(args: &WorkArgs, cores: NonZeroUsize) -> Result<Self, Failure> {
        let lease = time("--lease", &args.server.lease)?;
        if lease < SHORTEST_LEASE {
            let typed = &args.server.lease;
            return Err(usage(format!(
                "invalid value `{typed}` for `--lease`: expected at least 500ms"
            )));
        }

        // Serve a queue once even if it is named twice.
        let mut names: Vec<&String> = Vec::new();
        for name in &args.queues {
            if !names.contains(&name) {
                names.push(name);
            }
        }

        let queue = |name: &&String| match args.server.settings(name, lease) {
            Some(settings) => {
                RedisConfig::resolve(settings).map_err(|error| Failure::queue(Exit::Usage, &error))
            }
            None => Err(usage("no Redis is named: there is nothing to work for")
                .with_hint("`sheaf-worker --redis redis://HOST`, or set `SHEAF_REDIS`")),
        };
        let queues = names.iter().map(queue).collect::<Result<_, _>>()?;
        let roots = args.roots.iter().map(|path| root(path)).collect::<Result<_, _>>()?;

        Ok(Config {
            queues,
            slots: args.processes.unwrap_or(cores),
            paths: Paths::Under(roots),
            grace: time("--grace", &args.grace)?,
            lease,
            health_file: args.health_file.clone(),
            metrics: args.metrics,
        })
    }

    /// The names of the queues.
    pub fn queue_names(&self) -> Vec<String> {
        self.queues.iter().map(|queue| queue.queue().to_owned()).collect()
    }
}

/// The canonical path of a folder given as `--root`.
fn root(path: &Path) -> Result<PathBuf, Failure> {
    let shown = path.display();
    let real = path
        .canonicalize()
        .map_err(|error| usage(format!("could not find the root `{shown}`: {error}")))?;

    if real.is_dir() {
        Ok(real)
    } else {
        Err(usage(format!("invalid value `{shown}` for `--root`: expected a folder")))
    }
}

/// Parses a time by [`units::time`].
fn time(option: &str, typed: &str) -> Result<Duration, Failure> {
    let wrong =
        || usage(format!("invalid value `{typed}` for `{option}`: expected {}", units::A_TIME));
    units::time(typed).ok_or_else(wrong)
}

fn usage(reason: impl Into<String>) -> Failure {
    Failure::new(Exit::Usage, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser;

    fn resolve(typed: &str) -> Result<Config, Failure> {
        let cli = Cli::parse_from(["sheaf-worker"].into_iter().chain(typed.split_whitespace()));
        Config::resolve(&cli.work, NonZeroUsize::new(3).unwrap())
    }

    #[test]
    fn settings() {
        let config =
            resolve("--redis redis://h --queue a --queue b --queue a --grace 2m --root /tmp/..")
                .unwrap();
        assert_eq!(config.queue_names(), ["a", "b"]);
        assert_eq!((config.slots.get(), config.grace), (3, Duration::from_secs(120)));
        assert_eq!(config.paths, Paths::Under(vec!["/".into()]));
    }

    #[test]
    fn unusable_settings_are_named_without_the_password() {
        for (typed, said) in [
            ("--redis redis://h --grace soon", "`--grace`: expected a time"),
            ("--redis redis://h --lease 1ms", "at least 500ms"),
            ("--redis redis://h --root /nowhere/at/all", "`/nowhere/at/all`"),
            ("--redis redis://h --root /dev/null", "expected a folder"),
            ("--redis redis://h --queue a{b}", "`a{b}`"),
            ("--redis http://u:s3cret@h", "expected `redis://"),
        ] {
            let failure = resolve(typed).unwrap_err();
            assert!(failure.exit == Exit::Usage && failure.reason.contains(said), "{failure:?}");
            assert!(!format!("{failure:?}").contains("s3cret"));
        }
    }

    #[test]
    fn times() {
        for (typed, ms) in
            [("30s", 30_000), ("500ms", 500), ("1.5m", 90_000), ("7", 7_000), ("1m30s", 90_000)]
        {
            assert_eq!(time("--x", typed), Ok(Duration::from_millis(ms)), "{typed}");
        }

        for typed in ["", "s", "0s", "-1s", "1y", "1e99s"] {
            assert!(time("--x", typed).is_err(), "{typed}");
        }
    }
}
