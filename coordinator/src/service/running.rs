//! Runs one job: from its record to its outputs.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use sheaf_common::problem::ProblemKind;
use tracing::{error, info};

use super::core::Core;
use super::earlier;
use super::finish::Ending;
use super::inputs::Listed;
use super::jobs::Started;
use super::record::Record;
use super::store::JobPlace;
use super::submit::{Work, check_paths};
use super::watch::Watch;
use crate::api::{InputPaths, JobId};
use crate::clock::now_ms;
use crate::config::{Output, RunConfig, Verbosity};
use crate::discover::{Filter, Input, Request, Sources, discover};
use crate::errors::{Exit, Failure};
use crate::reuse::{Again, Reuse};
use crate::run::{Contents, Interrupt, Run, Sha256};

/// Runs a queued job, and notes how it ended.
pub async fn run(core: Arc<Core>, id: JobId) {
    let (interrupter, interrupt) = Interrupt::new();
    let starting = Arc::clone(&core);
    let starting_id = id.clone();
    let started = core.blocking(move || starting.jobs.start(&starting_id, interrupter)).await;

    // Somebody paused or cancelled it just now.
    let Ok(started) = started else { return };
    let created = started.record.created;
    info!(%id, "job begins");

    let ending = match execute(&core, started, interrupt).await {
        Ok(ending) => ending,
        Err(failure) => Ending::of_failure(&failure, &id),
    };

    let ended = ending.ended;
    let ending_core = Arc::clone(&core);
    let ending_id = id.clone();
    let noted = core
        .blocking(move || ending_core.jobs.end(&ending_id, ended, |record| ending.note(record)))
        .await;

    match noted {
        Ok(job) => {
            info!(%id, state = job.state.word(), "job ended");
            if job.state.is_finished() {
                let seconds = now_ms().saturating_sub(created) as f64 / 1000.0;
                core.metrics.job_ended(job.state, seconds);
            }
        }
        Err(error) => error!(%id, %error, "could not note the end of a job"),
    }
}

async fn execute(
    core: &Arc<Core>,
    started: Started,
    interrupt: Interrupt,
) -> Result<Ending, Failure> {
    let Started { place, record, .. } = started;

    let began = Instant::now();
    let preparing = Arc::clone(core);
    let prepared = core.blocking(move || prepare(&preparing, place, record)).await?;
    let Prepared { place, record, config, sources, contents } = prepared;
    core.metrics.add_step("prepare", began.elapsed().as_secs_f64());

    let run = Run {
        config: Arc::clone(&config),
        sources: Arc::clone(&sources),
        contents,
        child: core.engine.child(),
        observer: Box::new(Watch::new(core, &record)),
        interrupt,
    };

    let began = Instant::now();
    let finished = core.engine.execute(run).await;
    core.metrics.add_step("run", began.elapsed().as_secs_f64());
    let finished = finished?;

    // The figures of the end, which the observer noted.
    let (_, record) = core.jobs.place(&record.id).map_err(could_not_run)?;
    let began = Instant::now();
    let end = move || Ending::of_finished(&finished, &config, &sources, &record, &place);
    let ending = core.blocking(end).await;
    core.metrics.add_step("finish", began.elapsed().as_secs_f64());
    Ok(ending)
}

/// Everything that a run needs.
struct Prepared {
    place: JobPlace,
    record: Record,
    config: Arc<RunConfig>,
    sources: Arc<Sources>,
    contents: Contents,
}

fn prepare(core: &Core, place: JobPlace, record: Record) -> Result<Prepared, Failure> {
    let saved = match record.is_listed() {
        true => Listed::load(&place).map_err(could_not_run)?,
        false => None,
    };
    let listed = match saved {
        Some(listed) => listed,
        None => find(core, &place, record.paths.as_ref())?,
    };
    let Listed { sources, hashes } = listed;

    let files = sources.len() as u64;
    let bytes = sources.total_bytes();
    core.jobs.listed(&record.id, files, bytes).map_err(could_not_run)?;
    let (_, record) = core.jobs.place(&record.id).map_err(could_not_run)?;

    let config = config(core, &record, &place, hashes.as_deref())?;
    let contents = match hashes {
        Some(hashes) => Contents::Stored { folder: core.contents_folder(), hashes },
        None => Contents::Within { roots: core.settings.roots.clone() },
    };

    Ok(Prepared { place, record, config: Arc::new(config), sources: Arc::new(sources), contents })
}

/// Lists the files below the paths of a job, and saves the list.
fn find(core: &Core, place: &JobPlace, paths: Option<&InputPaths>) -> Result<Listed, Failure> {
    let lost = || could_not_run(anyhow::anyhow!("the list of its files is lost"));
    let paths = paths.ok_or_else(lost)?;
    check_paths(paths, &core.settings.roots).map_err(could_not_run)?;

    let filter = Filter::new(&paths.include, &paths.exclude).map_err(could_not_run)?;
    let filter = filter.with_hidden(paths.hidden);
    let inputs: Vec<Input> =
        paths.paths.iter().map(|path| Input::Path(PathBuf::from(path))).collect();
    let request = Request { inputs: &inputs, filter: &filter, own: &[], per_file: None };

    let mut sources = discover(&request, &mut std::io::empty())?;
    if let Some(limit) = paths.limit {
        sources.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }

    let listed = Listed { sources, hashes: None };
    listed.save(place).map_err(could_not_run)?;
    Ok(listed)
}

fn config(
    core: &Core,
    record: &Record,
    place: &JobPlace,
    hashes: Option<&Vec<Sha256>>,
) -> Result<RunConfig, Failure> {
    let Work { spec, outputs } = Work::of(&record.options).map_err(could_not_run)?;

    let output = |(index, output): (usize, Output)| {
        let extension = output.form.extension();
        Output { path: place.output(index, &extension), ..output }
    };

    Ok(RunConfig {
        spec,
        outputs: outputs.into_iter().enumerate().map(output).collect(),
        per_file: None,
        inputs: Vec::new(),
        filter: Filter::default(),
        joblog: Some(place.joblog()),
        summary: None,
        limit: None,
        processes: None,
        redis: None,
        // A job of another version, or with other files, goes on as far as it can.
        changed: true,
        reuse: Reuse {
            keep: true,
            earlier: earlier::pick(core, record, hashes),
            again: again(record),
            attempt: record.retries,
        },
        fresh: false,
        dry_run: false,
        verbosity: Verbosity::Quiet,
    })
}

/// Which of the files that failed before are read again.
fn again(record: &Record) -> Again {
    let kinds = record.retrying.iter().flat_map(|retrying| &retrying.kinds);
    let kinds: BTreeSet<ProblemKind> =
        kinds.filter_map(|code| ProblemKind::of_code(code)).collect();

    if kinds.is_empty() { Again::AllFailed } else { Again::Kinds(kinds) }
}

fn could_not_run(error: impl Into<anyhow::Error>) -> Failure {
    Failure::new(Exit::CouldNotRun, error)
}
