//! Facts from /proc about a process, limits of a process, and waiting for a condition.

use std::fs;
use std::time::{Duration, Instant};

use nix::libc;
pub use nix::sys::resource::Resource;

/// The pause between two looks of [`wait_for`].
const LOOK: Duration = Duration::from_millis(2);

/// The living children of `parent`.
pub fn children(parent: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let mut found: Vec<u32> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&pid| stat(pid).is_some_and(|(state, ppid)| ppid == parent && state != 'Z'))
        .collect();
    found.sort_unstable();
    found
}

/// Whether the process is alive. A zombie is not.
pub fn is_alive(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| state != 'Z')
}

/// A field of /proc/PID/status in bytes, such as `VmHWM`, the peak of resident memory.
pub fn memory(pid: u32, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// The processor time of a process, in ticks of 10 ms: Linux uses this unit in /proc, whatever the
/// kernel's own tick.
pub fn cpu_ticks(pid: u32) -> u64 {
    let ticks = |fields: &[String]| {
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    };
    fields(pid).and_then(|fields| ticks(&fields)).unwrap_or(0)
}

/// State and parent of a process.
fn stat(pid: u32) -> Option<(char, u32)> {
    let fields = fields(pid)?;
    Some((fields.first()?.chars().next()?, fields.get(1)?.parse().ok()?))
}

/// The fields of /proc/PID/stat from the third on: `fields[i]` is number `i + 3` in proc(5).
fn fields(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may contain anything, even brackets.
    Some(stat[stat.rfind(')')? + 2..].split(' ').map(String::from).collect())
}

/// Calls `look` until it returns a value. `what` names the condition in the panic message.
///
/// # Panics
/// When `limit` has passed.
pub fn wait_for<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = look() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {limit:?} for {what}");
        std::thread::sleep(LOOK);
    }
}

/// Sets a limit of a running process for good. Its children inherit the limit.
///
/// # Panics
/// If the system refuses.
pub fn limit(pid: u32, resource: Resource, most: u64) {
    set_limit(pid, resource, libc::rlimit { rlim_cur: most, rlim_max: most });
}

/// Sets a limit of a running process that can be raised again; returns the old one.
///
/// # Panics
/// If the system refuses.
pub fn limit_for_now(pid: u32, resource: Resource, most: u64) -> u64 {
    let mut old = libc::rlimit { rlim_cur: 0, rlim_max: 0 };

    // SAFETY: no new limit is passed, and the place for the old one outlives the call.
    let got =
        unsafe { libc::prlimit(pid as libc::pid_t, resource as _, std::ptr::null(), &mut old) };
    assert_eq!(
        got,
        0,
        "could not read a limit of process {pid}: {}",
        std::io::Error::last_os_error()
    );

    set_limit(pid, resource, libc::rlimit { rlim_cur: most, ..old });
    old.rlim_cur
}

fn set_limit(pid: u32, resource: Resource, new: libc::rlimit) {
    // SAFETY: the new limit outlives the call, and no place for the old one is passed.
    let set =
        unsafe { libc::prlimit(pid as libc::pid_t, resource as _, &new, std::ptr::null_mut()) };
    assert_eq!(set, 0, "could not limit process {pid}: {}", std::io::Error::last_os_error());
}
