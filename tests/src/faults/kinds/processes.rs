//! Faults of workers, of their children, and of the coordinator.

use super::kind;
use crate::faults::kind::{Act, Blow, Hold, Kind, Scale, Which};

/// Faults of workers and their children.
pub(super) fn workers() -> Vec<Kind> {
    use Which::{All, One};
    let worker = |name: &str, hold, which, blow| kind(name, hold, &[Act::Worker(which, blow)]);
    let child = |name: &str, hold, which, blow| kind(name, hold, &[Act::Child(which, blow)]);
    let scale = |name: &str, hold, scale| kind(name, hold, &[Act::Workers(scale)]);

    vec![
        kind("nothing", Hold::AtOnce, &[Act::Nothing]),
        worker("worker-kill", Hold::Short, One, Blow::Kill),
        worker("worker-kill-for-good", Hold::WholeRun, One, Blow::Kill).workers(2),
        worker("worker-kill-all", Hold::Short, All, Blow::Kill),
        worker("worker-stop-short", Hold::Short, One, Blow::Stop),
        worker("worker-stop", Hold::Medium, One, Blow::Stop),
        worker("worker-stop-all", Hold::Medium, All, Blow::Stop),
        worker("worker-stop-all-long", Hold::Long, All, Blow::Stop),
        worker("worker-terminate", Hold::Short, One, Blow::Terminate),
        worker("worker-terminate-twice", Hold::Short, One, Blow::TerminateTwice),
        worker("worker-terminate-all", Hold::Short, All, Blow::Terminate),
        worker("worker-interrupt", Hold::Short, One, Blow::Interrupt),
        child("child-kill", Hold::AtOnce, One, Blow::Kill),
        child("child-kill-all", Hold::AtOnce, All, Blow::Kill),
        child("child-stop", Hold::Medium, One, Blow::Stop),
        child("child-terminate", Hold::AtOnce, One, Blow::Terminate),
        child("child-interrupt", Hold::AtOnce, All, Blow::Interrupt),
        scale("scale-up", Hold::AtOnce, Scale::Up),
        scale("scale-down", Hold::AtOnce, Scale::Down).workers(3),
        scale("scale-away", Hold::Medium, Scale::Away),
        scale("scale-away-long", Hold::Long, Scale::Away),
        scale("scale-churn", Hold::Medium, Scale::Churn).workers(2),
    ]
}

/// Faults of the coordinator and its children.
pub(super) fn coordinator() -> Vec<Kind> {
    let blow = |name: &str, hold, blow| kind(name, hold, &[Act::Coordinator(blow)]);

    vec![
        blow("coordinator-kill", Hold::Short, Blow::Kill),
        blow("coordinator-kill-back-late", Hold::Medium, Blow::Kill),
        blow("coordinator-terminate", Hold::Short, Blow::Terminate),
        blow("coordinator-interrupt", Hold::Short, Blow::Interrupt),
        blow("coordinator-stop-short", Hold::Short, Blow::Stop),
        blow("coordinator-stop", Hold::Medium, Blow::Stop),
        blow("coordinator-own-slots-kill", Hold::Short, Blow::Kill).own_slots(),
        blow("coordinator-own-slots-interrupt", Hold::Short, Blow::Interrupt).own_slots(),
        blow("coordinator-own-slots-stop", Hold::Medium, Blow::Stop).own_slots(),
        kind("coordinator-child-kill", Hold::AtOnce, &[Act::CoordinatorChild(Blow::Kill)])
            .own_slots(),
        kind("coordinator-child-stop", Hold::Medium, &[Act::CoordinatorChild(Blow::Stop)])
            .own_slots(),
    ]
}
