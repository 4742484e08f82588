//! Shortages of a machine: open files, memory, processes, disk; and wrong clocks.

use std::fs;
use std::process::Command;

use crate::faults::kind::{Limit, Whose};
use crate::faults::stage::Stage;
use crate::job::{LONG, size};
use crate::process::{memory, wait_for};

/// The memory that a limited process may still take, in bytes.
const A_LITTLE: u64 = 4 << 20;
/// The room on a disk that is nearly full, in bytes.
const LEFT: u64 = 64 << 10;

pub fn begin(stage: &mut Stage<'_>, whose: Whose, limit: Limit) -> Result<(), String> {
    let Some(pid) = process(stage, whose) else { return Ok(()) };
    match limit {
        Limit::OpenFiles => {
            let open =
                fs::read_dir(format!("/proc/{pid}/fd")).map_err(|error| error.to_string())?.count();
            prlimit(pid, &format!("--nofile={open}:"))
        }
        Limit::Memory => {
            let used = memory(pid, "VmSize").ok_or("the process is gone")?;
            prlimit(pid, &format!("--as={}:", used + A_LITTLE))
        }
        Limit::Processes => close_group(stage, true),
    }
}

pub fn end(stage: &mut Stage<'_>, whose: Whose, limit: Limit) -> Result<(), String> {
    let Some(pid) = process(stage, whose) else { return Ok(()) };
    match limit {
        // If the process died of the limit, this meets its replacement, where it does no harm.
        Limit::OpenFiles => prlimit(pid, "--nofile=1024:"),
        Limit::Memory => prlimit(pid, "--as=unlimited:"),
        Limit::Processes => close_group(stage, false),
    }
}

fn process(stage: &Stage<'_>, whose: Whose) -> Option<u32> {
    match whose {
        Whose::Worker => stage.workers.get(stage.victim()).map(|worker| worker.run.pid()),
        Whose::Coordinator => stage.coordinator.running.as_ref().map(|running| running.pid()),
    }
}

/// Sets a limit of a running process.
fn prlimit(pid: u32, limit: &str) -> Result<(), String> {
    let output = Command::new("prlimit").args(["--pid", &pid.to_string(), limit]).output();
    let output = output.map_err(|error| format!("prlimit (util-linux) does not run: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

fn close_group(stage: &Stage<'_>, closed: bool) -> Result<(), String> {
    let group = stage.workers[stage.victim()].group.as_ref().ok_or("no control groups here")?;
    group.close(closed).map_err(|error| error.to_string())
}

/// Sets the fake clocks off by so many seconds.
pub fn set_clock(stage: &Stage<'_>, seconds: i64) -> Result<(), String> {
    // Rename into place, as processes read the file at any moment.
    let new = stage.clock().with_extension("new");
    fs::write(&new, format!("{seconds:+}\n")).map_err(|error| error.to_string())?;
    fs::rename(&new, stage.clock()).map_err(|error| error.to_string())
}

/// Shrinks the disk to nearly the size of its files.
pub fn fill_disk(stage: &Stage<'_>) -> Result<(), String> {
    let mount = stage.mount.as_ref().expect("the kind asks for it");
    mount.change(&format!("size={}", size(&stage.out()) + LEFT));
    Ok(())
}

/// Waits until the coordinator has given up, makes room, and starts it again.
pub fn make_room(stage: &mut Stage<'_>) -> Result<(), String> {
    wait_for("the coordinator to notice the full disk", LONG, || {
        stage.coordinator.has_ended().then_some(())
    });
    let finished = stage.coordinator.finished.as_ref().expect("it has ended");
    if finished.status.code() != Some(3) {
        stage
            .problems
            .push(format!("on a full disk it ended with {}, not with code 3", finished.status));
    }

    let said = finished.stderr().to_lowercase();
    if !said.contains("no space") && !said.contains("disk is full") {
        stage.problems.push("it did not say that the disk is full".into());
    }

    stage.mount.as_ref().expect("the kind asks for it").change("size=1g");
    stage.coordinator.reopen();
    stage.start_coordinator()
}
