//! Goes on with what an interrupted run left, or begins anew.

use std::path::Path;

use super::failure::could_not_run;
use super::identity::{Comparison, Identity};
use crate::config::RunConfig;
use crate::discover::Sources;
use crate::errors::{Exit, Failure};
use crate::human::count;
use crate::report::{Notice, Observer};
use crate::spool::{Resume, Spool};
use sheaf_common::numbers::FileIndex;

/// Goes on with what an earlier run left, as far as it is of this job, or begins anew.
///
/// # Errors
///
/// When the job differs and neither `--changed` nor `--fresh` says what to do.
pub fn take_up(
    spool: &mut Spool,
    folder: &Path,
    config: &RunConfig,
    sources: &Sources,
    observer: &mut dyn Observer,
) -> Result<Resume, Failure> {
    let job = Identity::of(config);
    let listed = sources.save();

    let begin = |spool: &mut Spool| spool.begin(&job.encode(), &listed).map_err(could_not_run);

    spool.finish_moving().map_err(could_not_run)?;
    if !config.keeps() || config.fresh {
        spool.drop_earlier().map_err(could_not_run)?;
    }

    // A run that keeps nothing has no use for what a finished one kept: it begins anew.
    let is_over = config.fresh || spool.is_finished() && !config.keeps();
    let Some(saved) = spool.saved().filter(|_| !is_over) else {
        begin(spool)?;
        return Ok(Resume::default());
    };

    let is_same_attempt = Identity::decode(&saved.0).is_some_and(|saved| job.is_attempt_of(&saved));
    if spool.is_finished() || config.keeps() && !is_same_attempt {
        spool.make_earlier().map_err(could_not_run)?;
        begin(spool)?;
        return Ok(Resume::default());
    }

    match job.compare(sources, &saved) {
        Comparison::Same => spool.resume().map_err(could_not_run),
        Comparison::OtherInputs { what, same, listed: before } if config.changed => {
            observer.notice(&Notice::InputsChanged(what));

            // The last unit of the old list ends where the list ended, though it was not full: it
            // must be made again.
            let front = FileIndex(same.min(before.saturating_sub(1)));
            spool.resume_before(front, &job.encode(), &listed).map_err(could_not_run)
        }
        // `--changed` is for scheduled jobs, which must never stop for a question.
        Comparison::AnotherJob(differences) if config.changed => {
            observer.notice(&Notice::StartsOver(differences));

            // Some of its rows may be of use all the same.
            if config.keeps() {
                spool.make_earlier().map_err(could_not_run)?;
            }
            begin(spool)?;
            Ok(Resume::default())
        }
        Comparison::OtherInputs { what, same, .. } => Err(inputs_changed(what, same, folder)),
        Comparison::AnotherJob(differences) => Err(another_job(&differences, folder)),
    }
}

fn inputs_changed(what: String, same: u64, folder: &Path) -> Failure {
    let folder = folder.display();
    let error = anyhow::anyhow!("{what}").context(format!(
        "the inputs have changed since the run that was interrupted (`{folder}`)"
    ));

    let files = count(same, "file");
    let hint = format!(
        "`--changed` goes on with what is done of the first {files}, which are the same, and reads \
         the rest anew; `--fresh` starts over"
    );

    Failure::new(Exit::CouldNotRun, error).with_hint(hint)
}

fn another_job(differences: &[String], folder: &Path) -> Failure {
    let folder = folder.display();
    let error = anyhow::anyhow!("{}", differences.join("; "))
        .context(format!("the interrupted run in `{folder}` was another one"));

    let hint = "`--fresh` starts over; the command as it was goes on where that run stopped";
    Failure::new(Exit::CouldNotRun, error).with_hint(hint)
}
