//! Names the commit and its date in the version of a build that is no release.
//!
//! A release is a commit with the tag `vVERSION`. A build from sources without a repository, or
//! without git, counts as one too, unless `SHEAF_BUILD` names the commit (as for an image, which is
//! built without the repository).

use std::path::Path;
use std::process::Command;

fn main() {
    let release = std::env::var("CARGO_PKG_VERSION").expect("cargo sets it");
    println!("cargo::rerun-if-env-changed=SHEAF_BUILD");
    let told = std::env::var("SHEAF_BUILD").ok().filter(|told| !told.is_empty());
    let commit = told.or_else(|| commit(&release));
    let version = commit.map_or_else(|| release.clone(), |commit| format!("{release}-{commit}"));
    println!("cargo::rustc-env=SHEAF_VERSION={version}");
}

/// The commit of this build and its date, if it is no release: `20261128.1a2b3c4d`.
fn commit(release: &str) -> Option<String> {
    // Only a repository of Sheaf itself: the sources may lie inside of another one.
    let root = Path::new("..").canonicalize().ok()?;
    let top = git(&["rev-parse", "--show-toplevel"])?;
    if Path::new(&top).canonicalize().ok()? != root {
        return None;
    }
    // These change with each commit, checkout and tag. They are files, in a worktree too.
    for name in ["HEAD", "logs/HEAD", "packed-refs"] {
        let path = git(&["rev-parse", "--git-path", name])?;
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let tags = git(&["tag", "--points-at", "HEAD"])?;
    if tags.lines().any(|tag| tag.strip_prefix('v').unwrap_or(tag) == release) {
        return None;
    }
    let date_and_hash =
        git(&["log", "-1", "--abbrev=8", "--date=format-local:%Y%m%d", "--format=%cd.%h"])?;
    Some(date_and_hash)
}

/// The output of git, without its line end; `None`: there is no git, or it fails.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).env("TZ", "UTC").output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !said.is_empty()
        || arguments[0] == "tag" && output.status.success())
    .then_some(said)
}
