//! Why a job does not run, or not faster.

use sheaf_common::VERSION;

use super::core::Core;
use super::disk::MAKE_ROOM;
use super::jobs::JobError;
use super::lifecycle;
use super::scheduler::AT_ONCE;
use crate::api::{Explanation, Job, JobId, Reason, ReasonCode, State, Worker};
use crate::human::{count, number};

/// Explains what a job waits for.
///
/// # Errors
/// When there is no such job.
pub async fn explain(core: &Core, id: &JobId) -> Result<Explanation, JobError> {
    let job = core.jobs.get(id)?;
    let others: Vec<Job> = core.jobs.active().into_iter().filter(|other| other.id != *id).collect();

    let reasons = match job.state {
        State::Queued => queued(core, &job, &others),
        State::Running => running(core, &job, &others).await,
        State::Pausing | State::Paused => vec![paused(&job)],
        State::Cancelling => {
            vec![reason(ReasonCode::Finished, "it is being cancelled", None)]
        }
        State::Done
        | State::DoneWithFailures
        | State::Cancelled
        | State::OverBudget
        | State::Stopped => vec![finished(&job)],
    };

    Ok(Explanation { state: job.state, reasons })
}

fn reason(code: ReasonCode, text: impl Into<String>, hint: Option<String>) -> Reason {
    Reason { code, text: text.into(), hint }
}

fn queued(core: &Core, job: &Job, others: &[Job]) -> Vec<Reason> {
    if let Some(refusal) = core.disk.refusal() {
        return vec![reason(ReasonCode::Disk, refusal, Some(MAKE_ROOM.into()))];
    }

    // A run whose disk was full leaves its reason, and begins again after a rest.
    if let Some(full) = &job.reason {
        return vec![reason(ReasonCode::Disk, full.clone(), job.hint.clone())];
    }

    let running = others.iter().filter(|other| other.state == State::Running).count();
    if running < AT_ONCE {
        return vec![reason(ReasonCode::Queued, "it begins at once", None)];
    }

    let text = format!(
        "the service runs {} at once, and as many are under way",
        count(AT_ONCE as u64, "job")
    );
    let hint = format!("`sheaf set {} --priority high` lets it begin before others", job.id);
    vec![reason(ReasonCode::Queued, text, Some(hint))]
}

async fn running(core: &Core, job: &Job, others: &[Job]) -> Vec<Reason> {
    let mut reasons = workers(core).await;

    if let Some(waiting) = &job.progress.waiting
        && reasons.is_empty()
    {
        reasons.push(reason(ReasonCode::Queue, waiting.clone(), None));
    }

    let at_work = |other: &&Job| other.state == State::Running;
    let higher = others.iter().filter(at_work).filter(|other| other.priority > job.priority);
    let higher: Vec<&str> = higher.map(|other| other.id.as_str()).collect();
    if !higher.is_empty() {
        let text = format!(
            "{} of a higher priority {} first: {}",
            count(higher.len() as u64, "job"),
            if higher.len() == 1 { "goes" } else { "go" },
            some(&higher)
        );
        let hint = format!("`sheaf set {} --priority high` puts it beside them", job.id);
        reasons.push(reason(ReasonCode::BehindHigher, text, Some(hint)));
    }

    let equal = others.iter().filter(at_work).filter(|other| other.priority == job.priority);
    let equal = equal.count() as u64;
    if equal > 0 {
        let text = format!("it shares the workers with {}", count(equal, "other job"));
        reasons.push(reason(ReasonCode::Shares, text, None));
    }

    if reasons.is_empty() {
        reasons.push(reason(ReasonCode::Runs, "it runs, and nothing stands in its way", None));
    }
    reasons
}

/// What is wrong with the queue and its workers.
async fn workers(core: &Core) -> Vec<Reason> {
    if let Err(error) = core.engine.check().await {
        let hint = error.hint().map(String::from);
        return vec![reason(ReasonCode::Queue, error.to_string(), hint)];
    }

    let workers = core.workers().await.unwrap_or_default();
    let fitting = workers.iter().filter(|worker| worker.fits).count();
    if fitting > 0 {
        return Vec::new();
    }

    if let Some(trouble) = core.engine.own_trouble() {
        return vec![reason(ReasonCode::NoWorkers, trouble, None)];
    }
    if workers.is_empty() {
        let hint = "start `sheaf-worker --redis …` on some machines, or the service with `-p N`";
        let text = "no worker is there";
        return vec![reason(ReasonCode::NoWorkers, text, Some(hint.into()))];
    }

    vec![other_version(&workers)]
}

fn other_version(workers: &[Worker]) -> Reason {
    let first = &workers[0].version;
    let text = format!(
        "{} there, but of another version ({first}) than the service ({VERSION})",
        match workers.len() {
            1 => "1 worker is".to_owned(),
            some => format!("{} workers are", number(some as u64)),
        }
    );
    reason(
        ReasonCode::OtherVersion,
        text,
        Some("update the workers and the service together".into()),
    )
}

fn paused(job: &Job) -> Reason {
    let text = match job.state {
        State::Pausing => "it is being paused",
        _ => "somebody paused it",
    };
    reason(ReasonCode::Paused, text, Some(format!("`sheaf resume {}` lets it go on", job.id)))
}

fn finished(job: &Job) -> Reason {
    let text = match &job.reason {
        Some(why) => format!("it is {}: {why}", job.state.word()),
        None => format!("it is {}", job.state.word()),
    };

    let possible = lifecycle::possible(job.state).into_iter().filter(|word| *word != "remove");
    let possible: Vec<String> = possible.map(|word| format!("`sheaf {word} {}`", job.id)).collect();
    let possible = (!possible.is_empty()).then(|| format!("possible: {}", possible.join(", ")));

    reason(ReasonCode::Finished, text, job.hint.clone().or(possible))
}

/// The first few of some names.
fn some(names: &[&str]) -> String {
    const MOST: usize = 5;

    let first = names.iter().take(MOST).map(|name| format!("`{name}`"));
    let first = first.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST) {
        0 => first,
        more => format!("{first} and {} more", number(more as u64)),
    }
}
