//! Where the binaries are. Cargo tells a test only of the binaries of its own package, so they are built here.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The binary `sheaf`, built in the profile of this test.
///
/// # Panics
/// If it does not build.
pub fn sheaf_bin() -> PathBuf {
    built().join("sheaf")
}

/// The binary `sheaf-worker`, as [`sheaf_bin`].
pub fn worker_bin() -> PathBuf {
    built().join("sheaf-worker")
}

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package stands in the repository")
}

/// A file of the folder beside the repository that holds the reference data; `None` where it is not there.
pub fn shared(path: &str) -> Option<PathBuf> {
    let path = repository().join("../shared").join(path);
    path.exists().then(|| path.canonicalize().unwrap_or(path))
}

/// Builds all binaries once, and gives the folder they are in.
fn built() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        // A test runs as TARGET/PROFILE/deps/NAME-HASH.
        let test = std::env::current_exe().expect("a test knows its own path");
        let folder = test.ancestors().nth(2).expect("a test stands in TARGET/PROFILE/deps").to_path_buf();
        let profile = match folder.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(name) => name,
        };
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        // The whole workspace, so that features unify as in `cargo test --workspace` and nothing is built twice.
        let mut build = Command::new(cargo);
        // What `cargo test` says of this package to the test: build scripts that look at it would run again, and all that
        // depends on them would be built again, each time in turn.
        for (name, _) in std::env::vars_os() {
            let is_about_package = |name: &str| {
                ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_"].iter().any(|prefix| name.starts_with(prefix))
            };
            if name.to_str().is_some_and(is_about_package) {
                build.env_remove(name);
            }
        }
        let output = build
            .current_dir(repository())
            .args(["build", "--quiet", "--workspace", "--bins", "--profile", profile])
            .arg("--target-dir")
            .arg(folder.parent().expect("TARGET/PROFILE"))
            .output()
            .expect("cargo starts");
        assert!(output.status.success(), "the binaries do not build:\n{}", String::from_utf8_lossy(&output.stderr));
        folder
    })
}
