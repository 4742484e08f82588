//! Makes faults: each begins, may be repeated while it lasts, and ends.

mod coordinator;
mod limits;
pub mod processes;
mod servers;

use std::time::{Duration, Instant};

use super::kind::{Act, Side};
use super::stage::Stage;
use super::wire::{Weather, Wire};

/// The pause between two repetitions.
const AGAIN: Duration = Duration::from_millis(300);

/// One strike of a fault.
#[derive(Debug, Clone, Copy)]
pub struct Strike {
    pub began: Instant,
    pub ended: Instant,
}

/// Strikes by the plan: begins all acts, waits, and ends them.
///
/// # Errors
/// Why an act could not be done.
pub async fn strike(stage: &mut Stage<'_>) -> Result<Strike, String> {
    let acts = stage.plan.kind.acts.clone();
    let hold = stage.plan.hold;

    let began = Instant::now();
    for act in &acts {
        begin(stage, *act).await?;
    }

    while began.elapsed() < hold {
        tokio::time::sleep(AGAIN.min(hold.saturating_sub(began.elapsed()))).await;
        for act in &acts {
            again(stage, *act)?;
        }
        stage.tend_workers()?;
    }

    for act in &acts {
        end(stage, *act).await?;
    }

    Ok(Strike { began, ended: Instant::now() })
}

async fn begin(stage: &mut Stage<'_>, act: Act) -> Result<(), String> {
    match act {
        Act::Nothing => {}
        Act::Worker(which, blow) => processes::strike_workers(stage, which, blow)?,
        Act::Child(which, blow) => processes::strike_children(stage, which, blow)?,
        Act::Coordinator(blow) => coordinator::strike(stage, blow),
        Act::CoordinatorChild(blow) => processes::strike_coordinators_children(stage, blow)?,
        Act::Workers(scale) => processes::scale(stage, scale)?,
        Act::Server(role, ill) => servers::begin(stage, role, ill).await?,
        Act::Way(side, weather) => set_weather(stage, side, weather),
        Act::Limit(whose, limit) => limits::begin(stage, whose, limit)?,
        Act::Clock(_, seconds) => limits::set_clock(stage, seconds)?,
        Act::Sick(sickness) => stage.start_sick(sickness)?,
        Act::Disk => limits::fill_disk(stage)?,
    }

    Ok(())
}

/// Repeats an act while the fault lasts, if it is of that kind.
fn again(stage: &mut Stage<'_>, act: Act) -> Result<(), String> {
    match act {
        Act::Workers(scale) => processes::scale_again(stage, scale),
        Act::Server(role, ill) => {
            servers::again(stage, role, ill);
            Ok(())
        }
        Act::Nothing
        | Act::Worker(..)
        | Act::Child(..)
        | Act::Coordinator(_)
        | Act::CoordinatorChild(_)
        | Act::Way(..)
        | Act::Limit(..)
        | Act::Clock(..)
        | Act::Sick(_)
        | Act::Disk => Ok(()),
    }
}

async fn end(stage: &mut Stage<'_>, act: Act) -> Result<(), String> {
    match act {
        Act::Nothing | Act::Sick(_) => {}
        Act::Worker(which, blow) => processes::relieve_workers(stage, which, blow)?,
        Act::Child(..) | Act::CoordinatorChild(_) => processes::wake(stage),
        Act::Coordinator(blow) => coordinator::relieve(stage, blow)?,
        Act::Workers(scale) => processes::scale_back(stage, scale)?,
        Act::Server(role, ill) => servers::end(stage, role, ill).await?,
        Act::Way(side, _) => set_weather(stage, side, Weather::Fair),
        Act::Limit(whose, limit) => limits::end(stage, whose, limit)?,
        Act::Clock(..) => limits::set_clock(stage, 0)?,
        Act::Disk => limits::make_room(stage)?,
    }

    Ok(())
}

fn set_weather(stage: &Stage<'_>, side: Side, weather: Weather) {
    let wires = stage.wires.as_ref().expect("the kind asks for them");
    let chosen: [&[Wire]; 2] = match side {
        Side::Coordinator => [&wires.coordinator, &[]],
        Side::Workers => [&[], &wires.workers],
        Side::Both => [&wires.coordinator, &wires.workers],
    };

    for wire in chosen.into_iter().flatten() {
        wire.set(weather);
    }
}
