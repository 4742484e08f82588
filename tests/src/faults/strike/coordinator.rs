//! Faults of the coordinator.

use nix::sys::signal::Signal;

use super::processes::{stop, wake};
use crate::faults::kind::Blow;
use crate::faults::stage::Stage;
use crate::job::LONG;
use crate::process::wait_for;
use crate::run::Running;

pub fn strike(stage: &mut Stage<'_>, blow: Blow) {
    match blow {
        Blow::Kill => stage.coordinator.crash(),
        Blow::Stop => {
            if let Some(pid) = stage.coordinator.running.as_ref().map(Running::pid) {
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

/// Continues the coordinator, or restarts it with the same command.
pub fn relieve(stage: &mut Stage<'_>, blow: Blow) -> Result<(), String> {
    match blow {
        Blow::Stop => {
            wake(stage);
            return Ok(());
        }
        Blow::Kill => {
            // It may have ended before the blow.
            if stage.coordinator.finished.is_none() {
                stage.start_coordinator()?;
            }
            return Ok(());
        }
        Blow::Terminate | Blow::Interrupt | Blow::TerminateTwice => {}
    }

    wait_for("the coordinator that was told to stop", LONG, || {
        stage.coordinator.has_ended().then_some(())
    });
    match stage.coordinator.finished.as_ref().and_then(|finished| finished.status.code()) {
        // It was done before the signal arrived.
        Some(0) => return Ok(()),
        Some(4) => {}
        other => stage
            .problems
            .push(format!("a coordinator that was told to stop ended with {other:?}, not with 4")),
    }

    stage.coordinator.reopen();
    stage.start_coordinator()
}
