//! The paths of the binaries. Cargo tells a test only about binaries of its own package, so this
//! module builds the others.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The binary `sheaf`, built in the profile of this test.
///
/// # Panics
/// If the build fails.
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

/// The path of a file in the folder of reference data beside the repository; `None` if there is no
/// such file.
pub fn shared(path: &str) -> Option<PathBuf> {
    let path = repository().join("../shared").join(path);
    path.exists().then(|| path.canonicalize().unwrap_or(path))
}

/// Builds all binaries once; returns their folder.
fn built() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        // A test runs as TARGET/PROFILE/deps/NAME-HASH, a program as TARGET/PROFILE/NAME.
        let own = std::env::current_exe().expect("a program knows its own path");
        let mut folder = own.parent().expect("a program stands in a folder").to_path_buf();
        if folder.ends_with("deps") {
            folder.pop();
        }
        let profile = match folder.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(name) => name,
        };
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());

        // Build the whole workspace, so that features unify as in `cargo test --workspace` and
        // nothing is built twice.
        let mut build = Command::new(cargo);

        // Remove the variables that cargo sets for a test. Build scripts (such as that of `ring`)
        // depend on them, so half of all dependencies would be rebuilt at each change between
        // `cargo test` and this build.
        for (name, _) in std::env::vars_os() {
            let of_this_test = [
                "CARGO_PKG_",
                "CARGO_MANIFEST_",
                "CARGO_BIN_EXE_",
                "CARGO_CRATE_",
                "CARGO_PRIMARY_",
            ];
            if name
                .to_str()
                .is_some_and(|name| of_this_test.iter().any(|prefix| name.starts_with(prefix)))
            {
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
        assert!(
            output.status.success(),
            "the binaries do not build:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        folder
    })
}
