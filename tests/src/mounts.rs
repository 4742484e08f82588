//! Small file systems for tests with full disks and read-only folders.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::skip::skip;

/// A tmpfs that is unmounted when dropped.
pub struct Mount {
    path: PathBuf,
}

impl Mount {
    /// Mounts a tmpfs of `size` (such as `1m`) at `path`. `None`, and the test `name` is skipped,
    /// where that is not allowed.
    pub fn tmpfs(name: &str, path: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(path).expect("the folder is made");
        if !mount(&format!("size={size}"), path) {
            skip(name, "mounting a tmpfs needs root");
            return None;
        }
        Some(Self { path: path.to_path_buf() })
    }

    /// Changes a mount option, such as `size=64m` or `ro`.
    pub fn change(&self, option: &str) {
        assert!(mount(&format!("remount,{option}"), &self.path), "could not remount with {option}");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

fn mount(options: &str, path: &Path) -> bool {
    let done =
        Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(path).output();
    done.is_ok_and(|output| output.status.success())
}
