//! The name of this machine, as it appears in the names of workers and jobs.

/// The name of this machine; `localhost` if it has none.
pub fn host() -> String {
    nix::unistd::gethostname()
        .map_or_else(|_| "localhost".into(), |name| name.to_string_lossy().into_owned())
}
