//! Blows to workers, children and the coordinator.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::faults::actors::Worker;
use crate::faults::kind::{Blow, Hold, Scale, Which};
use crate::faults::stage::Stage;
use crate::job::LONG;
use crate::process::{children, wait_for};

/// How many workers join at once.
const JOIN: usize = 3;

// ---- workers

pub fn strike_workers(stage: &mut Stage<'_>, which: Which, blow: Blow) -> Result<(), String> {
    if blow == Blow::Stop {
        let victims = chosen(stage, which);
        for index in victims {
            let pid = stage.workers[index].run.pid();
            stop(stage, pid);
        }
        return Ok(());
    }

    for worker in take(stage, which) {
        end_worker(stage, worker, blow);
    }
    Ok(())
}

/// Wakes those that were stopped, or starts others in place of those that are gone.
pub fn relieve_workers(stage: &mut Stage<'_>, which: Which, blow: Blow) -> Result<(), String> {
    if blow == Blow::Stop {
        wake(stage);
        return Ok(());
    }
    if stage.plan.kind.hold == Hold::WholeRun {
        return Ok(());
    }

    let missing = match which {
        Which::One => 1,
        Which::All => stage.plan.workers,
    };
    for _ in 0..missing {
        stage.start_worker()?;
    }
    Ok(())
}

/// The indices of those that are struck.
fn chosen(stage: &Stage<'_>, which: Which) -> Vec<usize> {
    match which {
        Which::One => vec![stage.victim()],
        Which::All => (0..stage.workers.len()).collect(),
    }
}

fn take(stage: &mut Stage<'_>, which: Which) -> Vec<Worker> {
    match which {
        Which::One if stage.workers.is_empty() => Vec::new(),
        Which::One => {
            let victim = stage.victim();
            vec![stage.workers.remove(victim)]
        }
        Which::All => std::mem::take(&mut stage.workers),
    }
}

/// Ends a worker by a blow, and waits until it is gone.
fn end_worker(stage: &mut Stage<'_>, worker: Worker, blow: Blow) {
    match blow {
        Blow::Kill | Blow::Stop => {
            stage.last_words.push(worker.run.stderr());
            worker.run.crash();
        }
        Blow::Terminate | Blow::Interrupt | Blow::TerminateTwice => {
            worker.run.signal(if blow == Blow::Interrupt { Signal::SIGINT } else { Signal::SIGTERM });
            if blow == Blow::TerminateTwice {
                worker.run.signal(Signal::SIGTERM);
            }
            retire(stage, worker);
        }
    }
}

/// Waits for the end of a worker that was told to stop.
pub fn retire(stage: &mut Stage<'_>, mut worker: Worker) {
    let deadline = std::time::Instant::now() + LONG;
    while !worker.run.has_ended() {
        if std::time::Instant::now() > deadline {
            stage.problems.push("a worker that was told to stop went on".into());
            stage.last_words.push(worker.run.stderr());
            worker.run.crash();
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }

    let ended = worker.run.finish();
    if ended.status.code() != Some(0) {
        stage.problems.push(format!("a worker that was told to stop ended with {}", ended.status));
    }
    stage.last_words.push(ended.stderr());
}

// ---- children

pub fn strike_children(stage: &mut Stage<'_>, which: Which, blow: Blow) -> Result<(), String> {
    let worker = stage.workers[stage.victim()].run.pid();
    let found = children(worker);
    let struck = match which {
        Which::One => found.first().map(std::slice::from_ref).unwrap_or_default(),
        Which::All => &found,
    };
    if struck.is_empty() {
        return Err("the worker had no child".into());
    }

    for &child in struck {
        strike_process(stage, child, blow);
    }
    Ok(())
}

pub fn strike_coordinators_children(stage: &mut Stage<'_>, blow: Blow) -> Result<(), String> {
    let Some(running) = &stage.coordinator.running else { return Ok(()) };
    let found = children(running.pid());
    if found.is_empty() {
        return Err("the coordinator had no child".into());
    }

    for child in found {
        strike_process(stage, child, blow);
    }
    Ok(())
}

fn strike_process(stage: &mut Stage<'_>, pid: u32, blow: Blow) {
    match blow {
        Blow::Kill => send(pid, Signal::SIGKILL),
        Blow::Stop => stop(stage, pid),
        Blow::Interrupt => send(pid, Signal::SIGINT),
        Blow::Terminate | Blow::TerminateTwice => send(pid, Signal::SIGTERM),
    }
}

fn stop(stage: &mut Stage<'_>, pid: u32) {
    send(pid, Signal::SIGSTOP);
    stage.stopped.push(pid);
}

/// Continues all that were stopped.
pub fn wake(stage: &mut Stage<'_>) {
    for pid in stage.stopped.drain(..) {
        send(pid, Signal::SIGCONT);
    }
}

/// Sends a signal; to one that is gone it is none.
fn send(pid: u32, signal: Signal) {
    let _ = kill(Pid::from_raw(pid as i32), signal);
}

// ---- the coordinator

pub fn strike_coordinator(stage: &mut Stage<'_>, blow: Blow) {
    match blow {
        Blow::Kill => stage.coordinator.crash(),
        Blow::Stop => {
            if let Some(pid) = stage.coordinator.running.as_ref().map(|running| running.pid()) {
                stop(stage, pid);
            }
        }
        Blow::Terminate => stage.coordinator.signal(Signal::SIGTERM),
        Blow::Interrupt => stage.coordinator.signal(Signal::SIGINT),
        Blow::TerminateTwice => {
            stage.coordinator.signal(Signal::SIGTERM);
            stage.coordinator.signal(Signal::SIGTERM);
        }
    }
}

/// Lets it go on, or starts it again with the same command.
pub fn relieve_coordinator(stage: &mut Stage<'_>, blow: Blow) -> Result<(), String> {
    match blow {
        Blow::Stop => {
            wake(stage);
            return Ok(());
        }
        Blow::Kill => {
            // Unless it had ended before.
            if stage.coordinator.finished.is_none() {
                stage.start_coordinator()?;
            }
            return Ok(());
        }
        Blow::Terminate | Blow::Interrupt | Blow::TerminateTwice => {}
    }

    wait_for("the coordinator that was told to stop", LONG, || stage.coordinator.has_ended().then_some(()));
    match stage.coordinator.finished.as_ref().and_then(|finished| finished.status.code()) {
        // It was done before it heard.
        Some(0) => return Ok(()),
        Some(4) => {}
        other => stage.problems.push(format!("a coordinator that was told to stop ended with {other:?}, not with 4")),
    }
    stage.coordinator.reopen();
    stage.start_coordinator()
}

// ---- how many there are

pub fn scale(stage: &mut Stage<'_>, scale: Scale) -> Result<(), String> {
    let leaving = match scale {
        Scale::Up => {
            for _ in 0..JOIN {
                stage.start_worker()?;
            }
            return Ok(());
        }
        Scale::Down => stage.workers.split_off(1),
        Scale::Away => std::mem::take(&mut stage.workers),
        Scale::Churn => return Ok(()),
    };

    for worker in &leaving {
        worker.run.signal(Signal::SIGTERM);
    }
    for worker in leaving {
        retire(stage, worker);
    }
    Ok(())
}

pub fn scale_again(stage: &mut Stage<'_>, scale: Scale) -> Result<(), String> {
    if scale != Scale::Churn {
        return Ok(());
    }
    let oldest = stage.workers.remove(0);
    oldest.run.signal(Signal::SIGTERM);
    stage.start_worker()?;
    retire(stage, oldest);
    Ok(())
}

pub fn scale_back(stage: &mut Stage<'_>, scale: Scale) -> Result<(), String> {
    if scale == Scale::Away {
        for _ in 0..stage.plan.workers {
            stage.start_worker()?;
        }
    }
    Ok(())
}
