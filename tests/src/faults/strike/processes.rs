//! Faults of workers and children, and changes in their number.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::faults::actors::{CONNECTED, Worker};
use crate::faults::kind::{Blow, Hold, Scale, Which};
use crate::faults::stage::Stage;
use crate::job::LONG;
use crate::process::children;
use crate::run::Running;

/// The longest wait for a child.
const CHILD_WITHIN: Duration = Duration::from_secs(10);
/// The number of workers that join at once.
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

/// Continues the stopped workers, or replaces the dead ones.
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
        // Do not wait until it is connected: another fault may still hide the server.
        stage.launch_worker()?;
    }

    Ok(())
}

/// The indices of the victims.
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

/// Ends a worker, and waits until it is gone.
fn end_worker(stage: &mut Stage<'_>, worker: Worker, blow: Blow) {
    match blow {
        Blow::Kill | Blow::Stop => {
            stage.last_words.push(worker.run.stderr());
            worker.run.crash();
        }
        Blow::Terminate | Blow::Interrupt | Blow::TerminateTwice => {
            worker.run.signal(if blow == Blow::Interrupt {
                Signal::SIGINT
            } else {
                Signal::SIGTERM
            });
            if blow == Blow::TerminateTwice {
                worker.run.signal(Signal::SIGTERM);
            }
            retire(stage, worker);
        }
    }
}

/// Waits for the end of a worker that was told to stop, and notes its problems.
pub fn retire(stage: &mut Stage<'_>, mut worker: Worker) {
    let deadline = Instant::now() + LONG;
    while !worker.run.has_ended() {
        if Instant::now() > deadline {
            stage.problems.push("a worker that was told to stop went on".into());
            stage.last_words.push(worker.run.stderr());
            worker.run.crash();
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }

    let ended = worker.run.finish();

    // A worker that had not set up its signal handlers yet dies by the signal.
    let had_begun = ended.stderr().contains(CONNECTED);
    if ended.status.code() != Some(0) && had_begun {
        stage.problems.push(format!("a worker that was told to stop ended with {}", ended.status));
    }

    stage.last_words.push(ended.stderr());
}

// ---- children

pub fn strike_children(stage: &mut Stage<'_>, which: Which, blow: Blow) -> Result<(), String> {
    let worker = stage.workers[stage.victim()].run.pid();
    let found = children_of(stage, worker)?;
    let struck = match which {
        Which::One => &found[..1],
        Which::All => &found,
    };

    for &child in struck {
        strike_process(stage, child, blow);
    }

    Ok(())
}

pub fn strike_coordinators_children(stage: &mut Stage<'_>, blow: Blow) -> Result<(), String> {
    let Some(pid) = stage.coordinator.running.as_ref().map(Running::pid) else { return Ok(()) };
    for child in children_of(stage, pid)? {
        strike_process(stage, child, blow);
    }
    Ok(())
}

/// Waits until a process has children; returns them.
fn children_of(stage: &mut Stage<'_>, pid: u32) -> Result<Vec<u32>, String> {
    let deadline = Instant::now() + CHILD_WITHIN;
    loop {
        let found = children(pid);
        if !found.is_empty() {
            return Ok(found);
        }
        if stage.coordinator.has_ended() || Instant::now() > deadline {
            return Err("no child was at work".into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn strike_process(stage: &mut Stage<'_>, pid: u32, blow: Blow) {
    match blow {
        Blow::Kill => send(pid, Signal::SIGKILL),
        Blow::Stop => stop(stage, pid),
        Blow::Interrupt => send(pid, Signal::SIGINT),
        Blow::Terminate | Blow::TerminateTwice => send(pid, Signal::SIGTERM),
    }
}

pub fn stop(stage: &mut Stage<'_>, pid: u32) {
    send(pid, Signal::SIGSTOP);
    stage.stopped.push(pid);
}

/// Continues all stopped processes.
pub fn wake(stage: &mut Stage<'_>) {
    for pid in stage.stopped.drain(..) {
        send(pid, Signal::SIGCONT);
    }
}

/// Sends a signal, unless the process is gone.
fn send(pid: u32, signal: Signal) {
    let _ = kill(Pid::from_raw(pid as i32), signal);
}

// ---- the number of workers

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
            stage.launch_worker()?;
        }
    }
    Ok(())
}
