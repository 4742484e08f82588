//! Plays one run: sets the stage, starts the job, strikes, and judges.

use std::time::{Duration, Instant};

use super::judge::{Verdict, judge};
use super::plan::Plan;
use super::reference::Reference;
use super::server_version::ServerVersion;
use super::stage::{Setting, Stage};
use super::strike::{Strike, strike};

/// The pause between two looks at a run.
const LOOK: Duration = Duration::from_millis(10);

/// Plays a plan to its end. A panic of this program becomes a verdict, too.
pub fn play(
    plan: Plan,
    setting: &Setting,
    reference: &Reference,
    server: &ServerVersion,
) -> Verdict {
    let blank = Verdict::of(&plan, server);

    // Use a new thread and runtime: a panic then ends this run alone, and no task outlives it.
    let played = std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            let runtime = builder.worker_threads(2).enable_all().build().expect("a runtime");
            runtime.block_on(run(plan, setting, reference, server.clone()))
        });
        run.join()
    });

    match played {
        Ok(Ok(verdict)) => verdict,
        Ok(Err(reason)) => Verdict { skipped: Some(reason), ..blank },
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            let problem = format!("the run could not be judged: {}", text.unwrap_or_default());
            Verdict { problems: vec![problem], ..blank }
        }
    }
}

/// Plays and judges a run.
///
/// # Errors
/// Why the fault cannot be made here.
async fn run(
    plan: Plan,
    setting: &Setting,
    reference: &Reference,
    server: ServerVersion,
) -> Result<Verdict, String> {
    if !server.is_at_least(plan.kind.since) {
        return Err(format!("{} cannot do that", server.name));
    }

    let workers = plan.workers;
    let moments = plan.moments.clone();
    let mut stage = Stage::set(plan, setting, reference, server).await?;
    for _ in 0..workers {
        stage.start_worker()?;
    }

    let began = Instant::now();
    stage.start_coordinator()?;

    let mut strikes: Vec<Strike> = Vec::new();
    for percent in moments {
        if !reaches(&mut stage, percent, began).await? {
            break;
        }
        strikes.push(strike(&mut stage).await?);
    }

    let ended = ends(&mut stage, began).await?;
    Ok(judge(stage, &strikes, began.elapsed(), ended).await)
}

/// Waits until the output has grown by `percent`; `false` if the run ended earlier, or hangs.
async fn reaches(stage: &mut Stage<'_>, percent: u64, began: Instant) -> Result<bool, String> {
    let goal = stage.watch.bytes() + stage.reference.size() * percent / 100;
    while stage.watch.bytes() < goal {
        if stage.coordinator.has_ended() || began.elapsed() > stage.setting.deadline {
            return Ok(false);
        }
        stage.tend_workers()?;
        tokio::time::sleep(LOOK).await;
    }

    Ok(!stage.coordinator.has_ended())
}

/// Waits for the end of the run, and restarts it if it may give up and did; `false` if it hangs.
async fn ends(stage: &mut Stage<'_>, began: Instant) -> Result<bool, String> {
    while !stage.coordinator.has_ended() || stage.begin_again_if_it_gave_up()? {
        if began.elapsed() > stage.setting.deadline {
            return Ok(false);
        }
        stage.tend_workers()?;
        tokio::time::sleep(LOOK).await;
    }
    Ok(true)
}
