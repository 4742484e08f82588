//! Control groups: limit the share of a core, or the number of processes. They need root.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The period of a share of a core, in microseconds. It is short, so that progress is steady.
const PERIOD_US: u64 = 20_000;

/// A group of processes. Removed when dropped, provided that its processes are gone.
pub struct Group {
    cpu: Option<PathBuf>,
    pids: Option<PathBuf>,
}

impl Group {
    /// A group whose processes share `percent` of a core, or have no limit if that is 0.
    ///
    /// # Errors
    /// Groups cannot be made here, in words.
    pub fn make(percent: u64) -> Result<Self, String> {
        let explained = |error: io::Error| {
            format!("no control group can be made here ({error}); it needs root")
        };

        let cpu = make_in("cpu").map_err(explained)?;
        let pids = make_in("pids").map_err(explained)?;
        let group = Group { cpu: Some(cpu), pids: Some(pids) };
        if percent > 0 {
            group.limit_cpu(percent).map_err(explained)?;
        }

        Ok(group)
    }

    fn limit_cpu(&self, percent: u64) -> io::Result<()> {
        let folder = self.cpu.as_deref().expect("made with it");
        let quota = PERIOD_US * percent / 100;
        if is_unified() {
            return fs::write(folder.join("cpu.max"), format!("{quota} {PERIOD_US}"));
        }
        // The kernel refuses a quota below 1 ms.
        fs::write(folder.join("cpu.cfs_period_us"), PERIOD_US.to_string())?;
        fs::write(folder.join("cpu.cfs_quota_us"), quota.max(1_000).to_string())
    }

    /// Forbids the group any new process or thread, or allows any number again.
    pub fn close(&self, closed: bool) -> io::Result<()> {
        let folder = self.pids.as_deref().expect("made with it");
        let most =
            if closed { fs::read_to_string(folder.join("pids.current"))? } else { "max".into() };
        fs::write(folder.join("pids.max"), most.trim())
    }

    /// Limits the number of processes and threads in the group.
    pub fn limit_processes(&self, most: u64) -> io::Result<()> {
        fs::write(self.pids.as_deref().expect("made with it").join("pids.max"), most.to_string())
    }

    /// A shell command that puts the shell into the group.
    pub fn enter(&self) -> String {
        let folders = [&self.cpu, &self.pids];
        let enter =
            |folder: &PathBuf| format!("echo $$ > {}; ", folder.join("cgroup.procs").display());
        folders.into_iter().flatten().map(enter).collect()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for folder in [self.cpu.take(), self.pids.take()].into_iter().flatten() {
            // A folder that is left behind does no harm.
            let _ = fs::remove_dir(folder);
        }
    }
}

fn root() -> &'static Path {
    Path::new("/sys/fs/cgroup")
}

/// Whether all controllers share one hierarchy (version 2), rather than one each.
fn is_unified() -> bool {
    root().join("cgroup.controllers").exists()
}

fn make_in(controller: &str) -> io::Result<PathBuf> {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let name = format!("sheaf-faults-{}-{number}", std::process::id());

    let folder = if is_unified() { root().join(name) } else { root().join(controller).join(name) };
    fs::create_dir(&folder)?;
    Ok(folder)
}
