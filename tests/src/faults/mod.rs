//! Faults by a seeded plan: real servers and real binaries run a job, and something breaks.
//!
//! seed, kind → [`plan`] → [`stage`] (servers, network, processes) → [`strike`] at its moments →
//! [`judge`] → [`table`]
//!
//! * [`kind`], [`kinds`]: the kinds of faults.
//! * [`dice`], [`plan`]: the faults of one run and their moments, from the seed alone.
//! * [`mod@reference`]: the job, and the bytes that it must give.
//! * [`stage`], [`actors`]: servers, and the processes of Sheaf; [`wire`], [`group`]: their network
//!   and their share of the cores.
//! * [`server_version`]: the features of a server.
//! * [`strike`]: begins and ends faults.
//! * [`watch`]: observes a run from outside.
//! * [`mod@play`], [`judge`], [`table`]: plays a run, judges it, and lists all of them.

pub mod actors;
pub mod dice;
pub mod group;
pub mod judge;
pub mod kind;
pub mod kinds;
pub mod plan;
pub mod play;
pub mod reference;
pub mod server_version;
pub mod stage;
pub mod strike;
pub mod table;
pub mod watch;
pub mod wire;

use std::collections::VecDeque;
use std::sync::Mutex;

use judge::Verdict;
use plan::Plan;
use play::play;
use reference::Reference;
use server_version::ServerVersion;
use stage::Setting;

/// Plays all plans, `at_once` at a time, with the servers in turn. Calls `tell` with each verdict
/// at once.
///
/// Returns the verdicts in the order of the plans.
pub fn play_all(
    plans: Vec<Plan>,
    servers: &[ServerVersion],
    setting: &Setting,
    reference: &Reference,
    at_once: usize,
    tell: impl Fn(&Verdict) + Sync,
) -> Vec<Verdict> {
    let count = plans.len();
    let waiting: Mutex<VecDeque<(usize, Plan)>> =
        Mutex::new(plans.into_iter().enumerate().collect());
    let played: Mutex<Vec<(usize, Verdict)>> = Mutex::new(Vec::with_capacity(count));

    let work = || {
        loop {
            let next = waiting.lock().expect("no run panics").pop_front();
            let Some((number, plan)) = next else { return };
            let verdict = play(plan, setting, reference, &servers[number % servers.len()]);
            tell(&verdict);
            played.lock().expect("no run panics").push((number, verdict));
        }
    };

    std::thread::scope(|scope| {
        for _ in 0..at_once.max(1) {
            scope.spawn(work);
        }
    });

    let mut verdicts = played.into_inner().expect("no run panics");
    verdicts.sort_by_key(|(number, _)| *number);
    verdicts.into_iter().map(|(_, verdict)| verdict).collect()
}
